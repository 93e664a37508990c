"""Python: what each transformation makes of a source, and where it must refuse."""

from __future__ import annotations

import pytest

from kdray.metamorphic.transforms.base import Refusal, Transform, Variant
from kdray.metamorphic.transforms.registry import transform_named, transforms_of
from tests.metamorphic.transforms.programs import PYTHON, result_of


@pytest.mark.parametrize("transform", transforms_of("python"), ids=lambda t: t.name)
def test_programs_return_the_same(transform: Transform) -> None:
    made = set()
    for text in PYTHON.values():
        expected = result_of(text)
        for seed in range(30):
            variant = transform(text, "", seed)
            if isinstance(variant, Variant):
                made.add(variant.context)
                assert result_of(variant.context) == expected, variant.context
    assert made


def test_compositions_of_transformations_return_the_same() -> None:
    for text in PYTHON.values():
        expected = result_of(text)
        for seed in range(8):
            code = text
            for transform in transforms_of("python"):
                variant = transform(code, "", seed)
                code = variant.context if isinstance(variant, Variant) else code
            assert code != text
            assert result_of(code) == expected, code


def body(*lines: str) -> str:
    return "def f(given):\n" + "".join(f"    {line}\n" for line in lines)


GOLDEN = {
    "if_else_swap": (
        ["if a or b:", "    x = 1", "else:", "    x = 2"],
        ["if not (a or b):", "    x = 2", "else:", "    x = 1"],
    ),
    "elif_split": (
        ["if a:", "    x = 1", "elif b:", "    x = 2", "else:", "    x = 3"],
        ["if a:", "    x = 1", "else:", "    if b:", "        x = 2", "    else:", "        x = 3"],
    ),
    "ternary_to_if": (["x = 1 if a else 2"], ["if a:", "    x = 1", "else:", "    x = 2"]),
    "if_to_ternary": (["if a:", "    x = 1", "else:", "    x = 2"], ["x = (1) if (a) else (2)"]),
    "for_to_while": (
        ["for i in range(3):", "    g(i)"],
        ["i = 0", "while i < 3:", "    g(i)", "    i += 1"],
    ),
    "compound_to_plain": (["x = 1", "x -= 2 + 3"], ["x = 1", "x = x - (2 + 3)"]),
    "plain_to_compound": (["x = 1", "x = x * 2"], ["x = 1", "x *= 2"]),
    "operand_swap": (["x = 3 < 4"], ["x = 4 > 3"]),
    "permute": (["x = 1", "y = [2, 'a']"], ["y = [2, 'a']", "x = 1"]),
    "if_true": (["x = 1"], ["if True:", "    x = 1"]),
}


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_the_variant_is_what_one_would_write(name: str) -> None:
    before, after = GOLDEN[name]
    variant = transform_named("python", name)(body(*before), "", 0)
    assert isinstance(variant, Variant)
    assert variant.context == body(*after)


INVERSES = [
    ("ternary_to_if", "if_to_ternary"),
    ("compound_to_plain", "plain_to_compound"),
    ("permute", "permute"),
    ("operand_swap", "operand_swap"),
]


@pytest.mark.parametrize(("there", "back"), INVERSES)
def test_there_and_back_is_the_same_source_but_for_parentheses(there: str, back: str) -> None:
    text = body(*GOLDEN[there][0]).replace("2 + 3", "2")
    first = transform_named("python", there)(text, "", 0)
    assert isinstance(first, Variant)
    second = transform_named("python", back)(first.context, "", 0)
    assert isinstance(second, Variant)
    assert second.context.replace("(", "").replace(")", "") == text.replace("(", "").replace(")", "")


def test_a_loop_that_could_tell_is_walked_by_its_iterator() -> None:
    lines = ["for i in range(3):", "    g(i)", "return i"]
    variant = transform_named("python", "for_to_while")(body(*lines), "", 0)
    assert isinstance(variant, Variant)
    assert "iter(range(3))" in variant.context
    assert "StopIteration" in variant.context


def test_a_renamed_variable_is_renamed_in_the_assertion() -> None:
    context = "def test_a():\n    x = g()\n    "
    variant = transform_named("python", "rename_variable")(context, "assert x.x == h(x=x)", 0)
    assert isinstance(variant, Variant)
    ((old, new),) = variant.renames
    assert old == "x"
    assert variant.context == context.replace("x", new)
    assert variant.target == f"assert {new}.x == h(x={new})"


REFUSED = {
    "a name that is looked up": ("rename_variable", ["x = 1", "return eval('x')"]),
    "pandas' query": ("rename_variable", ["x = 1", "return df.query('a > @x')"]),
    "a global": ("rename_variable", ["global x", "x = 1"]),
    "an imported name": ("rename_variable", ["import x", "return x"]),
    "a class attribute of that name": ("rename_variable", ["x = 1", "class A:", "    x = 2", "return A.x"]),
    "a parameter": ("rename_variable", ["given = 1"]),
    "a match pattern": ("rename_variable", ["x = 1", "match g:", "    case {'a': x}:", "        pass"]),
    "a name that is printed": ("rename_variable", ["x = 1", "return f'{x=}'"]),
    "a helper whose name is seen": ("rename_function", ["def h():", "    pass", "return h.__name__, h()"]),
    "a helper that is handed on": ("rename_function", ["def h():", "    pass", "df.agg([h])", "h()"]),
    "a decorated helper": ("rename_function", ["@register", "def h():", "    pass", "h()"]),
    "a parameter that a call names": ("rename_parameter", ["def h(a):", "    pass", "h(a=1)"]),
    "a parameter that a call may name": ("rename_parameter", ["def h(a):", "    pass", "h(**given)"]),
    "x += y of who knows what": ("compound_to_plain", ["x = given", "x += [1]"]),
    "x += y of a list": ("compound_to_plain", ["x = []", "y = x", "x += [1]", "return y"]),
    "x += y of two types": ("compound_to_plain", ["x = 1", "x = given", "x += 1"]),
    "strings that do not commute": ("operand_swap", ["x = 'a' + 'b'"]),
    "operands that may be overloaded": ("operand_swap", ["x = given < 3", "y = given == 3"]),
    "operands with side effects": ("operand_swap", ["x = g() + h()"]),
    "for with else": ("for_to_while", ["for i in g():", "    pass", "else:", "    h()"]),
    "an early exit out of an iterator": ("for_to_while", ["for i in g():", "    break"]),
    "statements that depend on each other": ("permute", ["x = 1", "y = x"]),
    "calls in order": ("permute", ["x = g()", "y = h()"]),
    "an if without else": ("if_else_swap", ["if given:", "    x = 1"]),
    "two targets": ("if_to_ternary", ["if given:", "    x = 1", "else:", "    y = 2"]),
    "an identity of literals": ("neutral_element", ["g(given is 3)"]),
    "a docstring": ("neutral_element", ["'text'"]),
    "a string over two lines": ("if_true", ["'''a", "b'''", "pass"][:2]),
    "an f-string": ("literal_to_variable", ["g(f'{given:>3}')"]),
}


@pytest.mark.parametrize("case", sorted(REFUSED))
def test_it_refuses(case: str) -> None:
    name, lines = REFUSED[case]
    for seed in range(5):
        result = transform_named("python", name)(body(*lines), "", seed)
        assert isinstance(result, Refusal), result


def test_a_counter_that_a_closure_sees_is_not_counted() -> None:
    lines = ["seen = []", "for i in range(3):", "    seen.append(lambda: i)", "return [f() for f in seen]"]
    variant = transform_named("python", "for_to_while")(body(*lines), "", 0)
    assert isinstance(variant, Variant)
    assert "while True" in variant.context


def test_code_is_not_inserted_before_a_docstring() -> None:
    for name in ("unused_variable", "dead_code", "if_true"):
        for seed in range(5):
            variant = transform_named("python", name)(body("'doc'", "x = 1"), "", seed)
            assert isinstance(variant, Variant)
            assert variant.context.split("\n")[1] == "    'doc'"
