"""Java tests, cut and put together again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdray.corpus import java
from kdray.errors import DataError

NAMES = st.sampled_from(["total", "cart", "i", "a.b()", '"; // no comment"', "'\"'", '"\\"}"', "1"])
STATEMENTS = st.one_of(
    st.builds("int {} = {};".format, st.sampled_from(["x", "y"]), NAMES),
    st.builds("if ({}) {{\n    f();\n}}".format, NAMES),
    st.builds("run(() -> {{ g({}); }});".format, NAMES),
    st.just("verify(mock).assertedly();"),
)
ASSERTIONS = st.one_of(
    st.builds("assertEquals({}, {});".format, NAMES, NAMES),
    st.builds("Assert.assertTrue({});".format, NAMES),
    st.builds("assertThat({}).isNotNull().isEqualTo({});".format, NAMES, NAMES),
    st.builds('assertWithMessage("why").that({}).isNull();'.format, NAMES),
    st.builds("MatcherAssert.assertThat({}, is({}));".format, NAMES, NAMES),
    st.builds("assertThrows(E.class, () -> {{ f({}); }});".format, NAMES),
)


def method(statements):
    lines = [f"    {line}" for statement in statements for line in statement.split("\n")]
    return "\n".join(["@Test", "public void works() throws Exception {", *lines, "}"])


def cut(code, wrapped="class T {{\n{}\n}}\n"):
    data = wrapped.format(code).encode()
    node = next(node for node in java.walk(java.parse(data)) if node.type == "method_declaration")
    return java.cut(node, data)


@given(
    st.lists(STATEMENTS, max_size=4),
    st.lists(ASSERTIONS, min_size=1, max_size=3),
    st.lists(STATEMENTS, max_size=3),
)
def test_an_assertion_cut_out_and_put_back_gives_the_test(before, wanted, after):
    before = [statement for statement in before if "assert" not in statement]
    after = [statement for statement in after if "assert" not in statement]
    found = cut(method([*before, *wanted, *after]))
    assert found.target == " ".join(wanted)
    put_back = found.context + found.target.replace(" ".join(wanted), "\n    ".join(wanted)) + found.after
    assert put_back == method([*before, *wanted, *after])
    assert found.context.endswith("\n    ")
    assert found.after.startswith("\n")


@given(st.lists(STATEMENTS, max_size=3), ASSERTIONS)
def test_a_masked_test_is_opened_where_its_assertion_was_cut(before, wanted):
    found = cut(method([*before, wanted]))
    if found is None or found.target != wanted:
        return  # more assertions than one
    for mark in ("// <ASSERTION_PLACEHOLDER>", "<ASSERT>", '"<AssertPlaceHolder>" ;', "<ASSERTION>"):
        assert java.opened(method([*before, mark])) == (found.context, found.after)


def test_comments_tabs_empty_lines_and_the_own_indentation_go_and_literals_stay():
    code = '\t\tvoid f() { // one\r\n\n\t\t\tString s = "// /* no */"; /* two\n */  \n'
    code += "\t\t\tint/**/x = g(1);\n\t\t}"
    assert java.tidy(code) == 'void f() {\n    String s = "// /* no */";\n    int x = g(1);\n}'


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        ("assertThat(x)\n        .isEqualTo(\n            y);", "assertThat(x).isEqualTo(y);"),
        ("assertEquals(1,\n    // one\n    x);", "assertEquals(1, x);"),
        ('assertEquals("a  b",\n  c);', 'assertEquals("a  b", c);'),
        ('assertEquals("""\n  a\n  """, c);', None),
    ],
)
def test_an_assertion_becomes_one_line(statement, line):
    assert java.one_line(statement) == line


@pytest.mark.parametrize(
    "statement",
    [
        "fail();",
        "assert x;",
        "verify(mock).call();",
        "var e = assertThrows(E.class, () -> f());",
        "check(assertion);",
        "",
    ],
)
def test_a_test_without_an_assertion_that_stands_alone_is_not_cut(statement):
    assert cut(method([statement])) is None


def test_a_test_of_more_than_three_assertions_is_not_cut():
    assert cut(method(["assertTrue(x);"] * 3)) is not None
    assert cut(method(["assertTrue(x);"] * 4)) is None


def test_assertions_within_an_assertion_are_part_of_it():
    found = cut(method(["assertAll(() -> assertTrue(a), () -> { assertTrue(b); });"]))
    assert found.target == "assertAll(() -> assertTrue(a), () -> { assertTrue(b); });"


def test_assertions_apart_leave_one_place_the_first():
    found = cut(method(["int x = f();", "assertTrue(x);", "x++;", "for (;;) assertFalse(x);"]))
    assert found.context.endswith("int x = f();\n    ")
    assert found.target == "assertTrue(x); assertFalse(x);"
    assert found.after == "\n    x++;\n    for (;;) ;\n}"


def test_a_test_on_one_line_is_broken_at_its_assertion():
    found = cut("@Test void f() { int x = g(); assertTrue(x); close(); }", "class T {{ {} }}")
    assert found == ("@Test void f() { int x = g();\n    ", "assertTrue(x);", "\nclose(); }")


def test_code_under_test_stands_in_its_class():
    assert java.focal_code("Cart", "    int total() {\n        return n; // all\n    }") == (
        "class Cart {\nint total() {\n    return n;\n}\n}"
    )
    assert java.focal_code("Cart", "") == ""


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (["fail();"], "no assertion that stands alone"),
        (["assertTrue(x);"] * 4, "more than 3 assertions"),
        (["assertTrue(a);", "int x = f();", "assertEquals(1, x);"], "declared behind the first one"),
        (["assertTrue(a);", "for (X x : xs) assertTrue(x);"], "declared behind the first one"),
        (
            ["if (c) { assertTrue(a); } else { assertFalse(a); }"],
            "an assertion outside the block of the first one",
        ),
        (["if (c) assertTrue(a); else assertFalse(a);"], "an assertion outside the block of the first one"),
        (
            ["switch (c) { case 1: assertTrue(a); break; default: assertFalse(a); }"],
            "an assertion outside the block of the first one",
        ),
        (
            ["try { f(); assertTrue(a); } catch (E e) { assertFalse(a); }"],
            "an assertion outside the block of the first one",
        ),
        (["run(() -> { assertTrue(a); });", "assertTrue(b);"], "outside the block of the first one"),
        (["E e = assertThrows(E.class, () -> f());", "assertTrue(a);"], "another check that would stay"),
        (["try { f(); fail(); } catch (E e) { }", "assertTrue(a);"], "another check that would stay"),
        (["try { f(); Assert.fail(m); } catch (E e) { }", "assertTrue(a);"], "another check that would stay"),
        (["assertTrue(a);", "verify(mock).call();"], "another check that would stay"),
        (["assertTrue(a);", "Mockito.verifyNoMoreInteractions(mock);"], "another check that would stay"),
        (["assertTrue(a);", "assert b;"], "another check that would stay"),
        (["run(() -> assertTrue(b));", "assertTrue(a);"], "another check that would stay"),
    ],
)
def test_why_a_test_is_not_cut_is_said(statements, said):
    data = f"class T {{\n{method(statements)}\n}}\n".encode()
    node = next(node for node in java.walk(java.parse(data)) if node.type == "method_declaration")
    with pytest.raises(DataError, match=said):
        java.cut_or_say(node, data)
    assert java.cut(node, data) is None


@pytest.mark.parametrize(
    "statement", ["promise.fail(e);", "signature.verify(key);", "int e = f();", "verified.add(x);"]
)
def test_calls_that_only_sound_like_checks_stay(statement):
    assert cut(method([statement, "assertTrue(a);"])) is not None


def test_a_text_block_is_kept_whole():
    block = '"""\n        one\n\n        \ttwo // no comment\n        """'
    found = cut(f"@Test void f() {{\n    String s = {block};\n    assertEquals(3, s);\n}}")
    assert found.context == f"@Test void f() {{\n    String s = {block};\n    "


def test_a_text_block_in_an_assertion_becomes_a_literal_of_the_same_value():
    found = cut(method(['assertEquals("""\n        a "b"\n\n          c\\\n        d\n        """, s);']))
    assert found.target == r'assertEquals("a \"b\"\n\n  cd\n", s);'


@given(st.text(st.sampled_from("\ue000\ue001\ue002ab \"'"), max_size=12))
def test_private_characters_of_a_source_stay_where_they_are(name):
    text = name.replace('"', "").replace("'", "")
    code = method([f'String s = "{text}";', 'assertEquals("\ue000", s);', "s.close();"])
    found = cut(code)
    assert found.target == 'assertEquals("\ue000", s);'
    assert f'String s = "{text}";' in found.context
    assert found.after == "\n    s.close();\n}"
    assert java.opened(code.replace('assertEquals("\ue000", s);', "<ASSERT>")) == (found.context, found.after)


def test_comments_of_an_assertion_over_several_lines_go():
    found = cut(method(["assertEquals(5, // five\n        x /* it */);"]))
    assert found.target == "assertEquals(5, x );"
