"""Checkouts of Java projects."""

from __future__ import annotations

import subprocess

import pytest

from kdray.corpus.left_out import LeftOut
from kdray.corpus.mine import mine
from kdray.corpus.origin import origin_of
from kdray.corpus.splits import split_of
from kdray.corpus.store import read_corpus, write_corpus
from kdray.errors import ConfigError, DataError
from tests import java_world


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    return java_world.write_checkout(tmp_path_factory.mktemp("java") / "shop", classes=30)


def mined(folder):
    return mine([str(folder)], processes=1, language="java")


def write_test(folder, body, name="CartTest", head="class"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.java").write_text(f"import x.Y;\n{head} {name} extends Z {{\n{body}\n}}\n")


def test_a_test_becomes_a_triple_with_its_origin(checkout):
    found = {one.test: one for one in mined(checkout) if one.test.startswith("CartTest.")}
    assert sorted(found) == ["CartTest.addsTwice", "CartTest.addsUp", "CartTest.staysPositive"]
    twice = found["CartTest.addsTwice"]
    assert twice.group == "shop/src/test/java/shop/CartTest.java"
    assert twice.context.startswith("@Test\npublic void addsTwice() {\n    Cart held = new Cart(")
    assert twice.target.startswith("assertThat(held.total()).isEqualTo(")
    assert twice.after == "\n    held.close();\n}"
    assert (twice.repo, twice.license, twice.language) == ("shop", "MIT", "java")
    assert found["CartTest.addsUp"].target.count("assertEquals") == 2
    assert found["CartTest.staysPositive"].after == "\n    }\n    held.close();\n}"
    assert all(one.split == split_of(one.group) for one in found.values())


def test_the_method_under_test_is_found_by_class_name_and_arguments(checkout):
    found = {one.test: one.focal for one in mined(checkout)}
    assert found["CartTest.addsTwice"] == (
        "class Cart {\npublic int add(int more, int times) {\n    return add(more * times);\n}\n}"
    )
    assert "held += more;\n" in found["CartTest.addsUp"]
    # Nothing in its name: the last call before the assertion's end.
    assert "public int add(int more) {" in found["CartTest.staysPositive"]


def test_the_class_of_a_nested_test_is_named_by_its_file(tmp_path):
    (tmp_path / "p").mkdir()
    (tmp_path / "p/Cart.java").write_text("class Cart { int total() { return 1; } }")
    write_test(
        tmp_path / "p", "@Nested class WhenEmpty { @Test void isZero() { assertEquals(0, cart.total()); } }"
    )
    (only,) = mined(tmp_path / "p")
    assert only.test == "WhenEmpty.isZero"
    assert only.focal == "class Cart {\nint total() { return 1; }\n}"


def test_a_test_whose_class_is_not_there_has_no_method_under_test(tmp_path):
    write_test(tmp_path / "a", "@Test void f() { assertTrue(g()); }", name="GoneTest")
    (only,) = mined(tmp_path / "a")
    assert only.focal == ""


def test_of_two_classes_of_one_name_the_nearer_one_is_meant(tmp_path):
    for place in ("main/a", "main/b"):
        (tmp_path / "p" / place).mkdir(parents=True)
        source = f"class Cart {{ int total() {{ return {ord(place[-1])}; }} }}"
        (tmp_path / "p" / place / "Cart.java").write_text(source)
    write_test(tmp_path / "p/test/b", "@Test void total() { assertEquals(1, cart.total()); }")
    (only,) = mined(tmp_path / "p")
    assert f"return {ord('b')};" in only.focal


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("class", "@Test public void works() { assertTrue(x); }"),
        ("class", "@org.junit.Test(timeout = 5) public void works() { assertTrue(x); }"),
        ("class", "@ParameterizedTest @ValueSource(ints = 1) void works(int n) { assertTrue(x); }"),
        ("class", "public void testWorks() { assertTrue(x); }"),
        ("class", "@Theory public void works(int n) { assertTrue(x); }"),
        ("@Test public class", "public void works() { assertTrue(x); }"),
        ("class", "@Nested class Inner { @RepeatedTest(3) void works() { assertTrue(x); } }"),
    ],
)
def test_tests_of_junit_and_testng_are_known(tmp_path, head, body):
    write_test(tmp_path / "p", body, head=head)
    (only,) = mined(tmp_path / "p")
    assert only.target == "assertTrue(x);"


@pytest.mark.parametrize(
    "body",
    [
        "public void helper() { assertTrue(x); } @Test void none() { run(); }",
        "int testValue() { assertTrue(x); return 1; } void test() ;",
        "public void testWith(int n) { assertTrue(n); } // void test()",
        "@Test void broken() { assertTrue(x; }",
    ],
)
def test_what_is_no_test_is_left_alone(tmp_path, body):
    write_test(tmp_path / "p", body)
    with pytest.raises(DataError, match="no assertions in the 1 Java files"):
        mined(tmp_path / "p")


def test_the_corpus_does_not_depend_on_the_number_of_processes(checkout):
    alone = mined(checkout)
    assert len(alone) > 60
    assert mine([str(checkout)], processes=2, language="java") == alone


def test_a_corpus_with_origins_comes_back_as_written(checkout, tmp_path):
    examples = mined(checkout)
    write_corpus(tmp_path / "corpus", examples, ["shop"])
    assert read_corpus(tmp_path / "corpus") == examples


def test_commit_and_licence_are_read_from_the_checkout(tmp_path):
    (tmp_path / "debian").mkdir()
    (tmp_path / "debian" / "changelog").write_text("cart (1.2-3) unstable; urgency=low\n")
    (tmp_path / "LICENSE.txt").write_text("Apache License\n   Version 2.0, January 2004\n")
    assert (origin_of(tmp_path).commit, origin_of(tmp_path).license) == ("1.2-3", "Apache-2.0")
    (tmp_path / "LICENSE.txt").write_text("// SPDX-License-Identifier: EPL-2.0\n")
    git = [
        "git",
        "-C",
        str(tmp_path),
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@b",
        "-c",
        "commit.gpgsign=false",
    ]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    found = origin_of(tmp_path)
    assert len(found.commit) == 40
    assert found.license == "EPL-2.0"


def test_a_checkout_that_says_nothing_has_no_commit_and_no_licence(tmp_path):
    assert (origin_of(tmp_path).commit, origin_of(tmp_path).license) == ("", "")


def test_what_cannot_be_mined_is_one_clear_line(tmp_path):
    with pytest.raises(DataError, match=r"no Java files \(\*\.java\)"):
        mined(tmp_path)
    with pytest.raises(ConfigError, match="--language jav, did you mean 'java'"):
        mine([str(tmp_path)], language="jav")


@pytest.mark.parametrize(
    ("head", "body", "name"),
    [
        ("interface", "@Test default void works() { int x = f(); assertTrue(x); }", "CartTest.works"),
        ("enum", "A; @Test void works() { assertTrue(x); }", "CartTest.works"),
        ("record", "() { @Test void works() { assertTrue(x); } }", "CartTest.works"),
    ],
)
def test_tests_stand_in_every_kind_of_class(tmp_path, head, body, name):
    folder = tmp_path / "p"
    folder.mkdir()
    text = f"record CartTest{body}" if head == "record" else f"{head} CartTest {{ {body} }}"
    (folder / "CartTest.java").write_text(text)
    (only,) = mined(folder)
    assert (only.test, only.target) == (name, "assertTrue(x);")


def test_a_file_without_a_class_is_named_by_itself(tmp_path):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "QuickTest.java").write_text("@Test void works() { assertTrue(x); }\n")
    (only,) = mined(tmp_path / "p")
    assert only.test == "QuickTest.works"


def test_syntax_that_the_parser_does_not_know_is_counted(tmp_path):
    newer = (
        "@Test void a() { var r = switch (o) { case final Integer i -> 1; default -> 2; }; assertTrue(r); }"
    )
    write_test(tmp_path / "p", newer + "\n@Test void b() { assertTrue(x); }")
    left_out = LeftOut()
    found = mine([str(tmp_path / "p")], processes=1, language="java", left_out=left_out)
    assert [one.test for one in found] == ["CartTest.b"]
    assert left_out.because() == {
        "syntax that the parser does not know": {"count": 1, "first": "p/CartTest.java CartTest.a"}
    }


@pytest.mark.parametrize(
    ("encoding", "build"),
    [
        ("latin-1", None),
        ("utf-16", None),
        ("utf-8-sig", None),
        ("koi8-r", "<project.build.sourceEncoding>KOI8-R</project.build.sourceEncoding>"),
    ],
)
def test_java_is_decoded_and_nothing_stands_for_a_byte(tmp_path, encoding, build):
    (tmp_path / "p").mkdir()
    word = "привет" if build else "café"
    if build:
        (tmp_path / "p" / "pom.xml").write_text(f"<project>{build}</project>")
    source = f'class ATest {{ @Test void a() {{ String x = "{word}"; assertEquals("{word}", x); }} }}'
    (tmp_path / "p" / "ATest.java").write_bytes(source.encode(encoding))
    (only,) = mined(tmp_path / "p")
    assert only.target == f'assertEquals("{word}", x);'


def test_java_of_an_unknown_encoding_is_counted_and_costs_no_other_file(tmp_path):
    write_test(tmp_path / "p", "@Test void a() { assertTrue(x); }")
    (tmp_path / "p" / "BTest.java").write_bytes("class B { /* привет */ @Test void a() {} }".encode("koi8-r"))
    left_out = LeftOut()
    found = mine([str(tmp_path / "p")], processes=1, language="java", left_out=left_out)
    assert len(found) == 1
    assert left_out.because() == {"encoding: no UTF-8": {"count": 1, "first": "p/BTest.java"}}


CART = """class Cart extends Box {
    Cart(int n) { }
    static Cart of(int n) { return new Cart(n); }
    int add(int n) { return 1; }
    int add(long n) { return 2; }
    int add(String s) { return 3; }
    int add(Object o) { return 4; }
    int add(int n, int... more) { return 5; }
    int total() { return 6; }
    int getHeld() { return 7; }
    void put(Box b) { }
    void put(Cart c) { }
}
"""
BOX = "class Box implements Holder { int weight() { return 8; } }"
SHOP = "class Shop { int total() { return 9; } Cart cart() { return null; } }"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("Cart c = new Cart(1); assertEquals(1, c.add(1));", "return 1"),
        ("Cart c = new Cart(1); assertEquals(1, c.add(1L));", "return 2"),
        ('Cart c = new Cart(1); assertEquals(1, c.add("a" + 1));', "return 3"),
        ("Cart c = new Cart(1); assertEquals(1, c.add(new Shop()));", "return 4"),
        ("Cart c = new Cart(1); byte b = 1; assertEquals(1, c.add(b));", "return 1"),
        ("Cart c = new Cart(1); assertEquals(1, c.add(1, 2, 3));", "return 5"),
        ("Cart c = new Cart(1); assertEquals(1, c.add(unknown()));", ""),
        ("Holder c = new Cart(1); c.put(new Cart(2)); assertEquals(1, c.weight());", "return 8"),
        ("assertEquals(1, Cart.of(2).total());", "return 6"),
        ("Shop s = new Shop(); assertEquals(9, s.total());", ""),
        ("Shop s = new Shop(); assertEquals(6, s.cart().total());", "return 6"),
        ("Cart c = new Cart(1); int x = c.total(); int y = c.getHeld(); assertEquals(6, x + y);", "return 6"),
        ("Cart c = new Cart(1); assertEquals(6, x);", ""),
        ("assertThrows(E.class, () -> new Cart(-1));", "Cart(int n) { }"),
    ],
)
def test_the_method_under_test_is_told_by_receiver_and_types(tmp_path, body, said):
    (tmp_path / "p").mkdir()
    for name, source in (("Cart", CART), ("Box", BOX), ("Shop", SHOP)):
        (tmp_path / "p" / f"{name}.java").write_text(source)
    write_test(tmp_path / "p", f"@Test void works() {{ {body} }}")
    (only,) = mined(tmp_path / "p")
    assert said in only.focal
    assert bool(only.focal) == bool(said)


@pytest.mark.parametrize(
    ("name", "text", "license"),
    [
        ("License.txt", "GNU GENERAL PUBLIC LICENSE\n Version 3, 29 June 2007", "GPL-3.0"),
        ("COPYING", "GNU LESSER GENERAL PUBLIC LICENSE\n Version 2.1, February 1999", "LGPL-2.1"),
        (
            "LICENSE.md",
            "Permission to use, copy, modify, and/or distribute this software for any purpose",
            "ISC",
        ),
        ("LICENSES/MIT.txt", "Permission is hereby granted, free of charge", "MIT"),
        ("UNLICENSE", "This is free and unencumbered software", "Unlicense"),
        ("licence", "Eclipse Public License - v 2.0", "EPL-2.0"),
        ("NOTES.txt", "Permission is hereby granted, free of charge", ""),
    ],
)
def test_a_licence_is_told_by_the_text_of_its_file(tmp_path, name, text, license):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text)
    assert origin_of(tmp_path).license == license
