"""Java and C: what must be refused, and what is renamed."""

from __future__ import annotations

import pytest

from kdray.metamorphic.transforms.base import Refusal, Variant
from kdray.metamorphic.transforms.registry import transform_named

JAVA_REFUSED = {
    "a field of that name elsewhere": ("rename_variable", "{ int x = 1; } x = 2;"),
    "an anonymous class that may have a field of that name": (
        "rename_variable",
        "int x = 1; new Object() { int f() { return x; } };",
    ),
    "a pattern's variable": ("rename_variable", "if (o instanceof String x) { g(x); }"),
    "a case constant": ("rename_variable", "final int x = 1; switch (p) { case x: break; }"),
    "continue skips what a while loop must do": (
        "for_to_while",
        "for (int i = 0; i < p; i++) { if (i == 2) continue; }",
    ),
    "a labelled loop": ("for_to_while", "a: for (;;) { break a; }"),
    "code after a jump cannot be reached": ("for_to_while", "for (;;) { break; }"),
    "a pattern's scope follows the condition": (
        "if_else_swap",
        "if (o instanceof String t) { g(t); } else { h(); }",
    ),
    "arms of two types are converted": ("ternary_to_if", "Object o = null; o = p > 1 ? 1 : 2.0;"),
    "cases that fall through": ("switch_to_if", "switch (p) { case 1: g(); case 2: h(); break; }"),
    "a default in the middle": (
        "switch_to_if",
        "switch (p) { case 1: g(); break; default: h(); break; case 2: k(); }",
    ),
    "a variable of all cases": (
        "switch_to_if",
        "switch (p) { case 1: int q = 1; break; case 2: q = 2; break; }",
    ),
    "a switch on who knows what": ("switch_to_if", "switch (g()) { case 1: h(); break; }"),
    "a string plus does not commute": ("operand_swap", 'String t = "a"; t = t + p;'),
    "calls have an order": ("operand_swap", "boolean b = g() == h();"),
    "an array may be missing": ("operand_swap", "boolean b = a != null && a[0] == p;"),
    "a boxed boolean may be null": ("operand_swap", "Boolean a = g(), b = h(); k(a && b);"),
    "narrowing in a compound assignment": ("compound_to_plain", "byte b = 1; b += p;"),
    "a double into an int": ("compound_to_plain", "int i = 1; i += 1.5;"),
    "a value that somebody takes": ("increment_form", "int i = 0; g(i++);"),
    "a narrow variable": ("increment_form", "byte i = 0; i++;"),
    "a byte wants a constant": ("literal_to_variable", "byte b = 3;"),
    "a final variable is a constant": (
        "literal_to_variable",
        "final int k = 3; switch (p) { case k: break; }",
    ),
    "a declaration is in scope after it": ("if_true", "int q = 1;"),
    "a declaration that reads the other": ("permute", "int q = 1; int r = q;"),
    "a call in a declaration": ("permute", "int q = g(); int r = h();"),
}
C_REFUSED = {
    "a macro's argument": ("rename_variable", "int x = 1; MIN(x, 2);"),
    "a name in a directive": ("rename_variable", "int x = 1;\n#define Y x\nreturn Y;"),
    "a type of that name": ("rename_variable", "int x = 1; { x * y; }"),
    "an extern": ("rename_variable", "extern int x; x = 1;"),
    "a global of that name": ("rename_variable", "{ int x = 1; } x = 2;"),
    "continue": ("for_to_while", "for (int i = 0; i < p; i++) { if (i == 2) continue; }"),
    "a jump into a loop": ("for_to_while", "again: for (;;) { goto again; }"),
    "a jump into a branch": ("if_else_swap", "if (p) { in: g(); } else h();"),
    "a directive within": ("if_else_swap", "if (p) {\n#ifdef A\ng();\n#endif\n} else h();"),
    "a null pointer": ("literal_to_variable", "char *q = 0; q = 0; g(0);"),
    "an array's size": ("literal_to_variable", "int a[3];"),
    "a static's value": ("literal_to_variable", "static int a = 3;"),
    "a case's constant": ("neutral_element", "switch (p) { case 3: break; }"),
    "a macro's literal": ("neutral_element", "CHECK(3);"),
    "unsigned arithmetic": ("compound_to_plain", "unsigned x = 1; x += p;"),
    "a pointer looked through": ("operand_swap", "int b = q && q->x;"),
    "an else that would bind otherwise": (
        "elif_merge",
        "if (p) if (q) g(); else { if (r) h(); } else k();",
    ),
}


@pytest.mark.parametrize("case", sorted(JAVA_REFUSED))
def test_java_refuses(case: str) -> None:
    name, body = JAVA_REFUSED[case]
    for seed in range(4):
        result = transform_named("java", name)(f"int f(int p, int[] a) {{ {body} return 0; }}", "", seed)
        assert isinstance(result, Refusal), result
        assert result.reason != "does not parse"


@pytest.mark.parametrize("case", sorted(C_REFUSED))
def test_c_refuses(case: str) -> None:
    name, body = C_REFUSED[case]
    for seed in range(4):
        result = transform_named("c", name)(
            f"int f(int p, struct s *q)\n{{\n{body}\nreturn 0;\n}}\n", "", seed
        )
        assert isinstance(result, Refusal), result
        assert result.reason != "does not parse"


def test_a_java_test_is_not_renamed() -> None:
    for source in (
        "@Override\nint f(int p) { return p; }",
        "int testF(int p) { return p; }",
        "int f() { return f(1); }",
    ):
        assert isinstance(transform_named("java", "rename_function")(source, "", 0), Refusal)


def test_every_mention_of_a_java_variable_is_renamed() -> None:
    uses = [
        "g(x)",
        "(x)",
        "new int[x]",
        "x.y",
        "a[x]",
        "!x",
        "x ? x : x",
        "(int) x",
        "() -> x",
        "x::m",
        "x.x(x).x",
    ]
    body = " ".join(f"h({use});" for use in uses)
    variant = transform_named("java", "rename_variable")(f"void f() {{ int x = 1; {body} }}", "", 0)
    assert isinstance(variant, Variant)
    ((_, new),) = variant.renames
    expected = body.replace("x", new).replace(f".{new}", ".x")
    assert variant.context == f"void f() {{ int {new} = 1; {expected} }}"


def test_a_c_function_is_renamed_with_its_calls() -> None:
    variant = transform_named("c", "rename_function")("int f(int p) { return p ? f(p - 1) : 0; }", "", 0)
    assert isinstance(variant, Variant)
    ((old, new),) = variant.renames
    assert old == "f"
    assert variant.context == f"int {new}(int p) {{ return p ? {new}(p - 1) : 0; }}"


def test_a_test_that_is_cut_at_its_assertion_is_read() -> None:
    context = "@Test\npublic void testA() {\n    int x = g();\n    "
    for target in ("assertEquals(1, x);", "assertEquals(1, x);\n}\n"):
        variant = transform_named("java", "rename_variable")(context, target, 1)
        assert isinstance(variant, Variant)
        assert variant.target == target.replace("x)", f"{variant.renames[0][1]})")
        assert variant.context.endswith(";\n    ")
