"""Java and C: what a choice between two values and an assignment convert, and what a target names.

Not covered: values whose type is not written in the function (calls, members).
"""

from __future__ import annotations

from kdray.metamorphic.transforms.curly import UNKNOWN, Unit
from kdray.metamorphic.transforms.curly_types import INTEGERS, NUMBERS, literal_type, type_of
from kdray.metamorphic.transforms.tree import Node, Source

NARROW = frozenset({"byte", "short", "char", "Byte", "Short", "Character"})
"""Java's types that a constant int may be assigned to, but not a choice between two."""
PLACES = frozenset(
    {"field_expression", "subscript_expression", "pointer_expression", "field_access", "array_access"}
)
PLACE_PARTS = frozenset(
    {"identifier", "field_identifier", "number_literal", "decimal_integer_literal", "this"}
)


def have_one_type(source: Source, unit: Unit, then: Node, other: Node) -> bool:
    """Whether a choice between two values converts neither, but as an assignment does anyway."""
    if source.language == "c" and {source.text(then), source.text(other)} <= {"0", r"'\0'"}:
        return False  # each may be a null pointer, a choice between two is none
    types = type_of(source, unit, then), type_of(source, unit, other)
    if UNKNOWN not in types and types[0] == types[1]:
        return True
    written = [_written(source, unit, arm) for arm in (then, other)]
    if UNKNOWN not in written and written[0] == written[1]:
        return True
    if source.language == "java":
        is_null = [arm.type == "null_literal" for arm in (then, other)]
        return any(
            null and type_ not in NUMBERS | {"boolean", UNKNOWN}
            for null, type_ in zip(is_null, written[::-1], strict=True)
        )
    # In C a small constant is the same number in every type that a choice may give it.
    small = [literal_type(source, arm) == "int" for arm in (then, other)]
    return any(
        constant and type_ in INTEGERS | {"float", "double"}
        for constant, type_ in zip(small, types[::-1], strict=True)
    )


def _written(source: Source, unit: Unit, node: Node) -> str:
    """The declared type of a plain variable, in Java a class as well."""
    while node.type == "parenthesized_expression" and len(node.children) == 3:
        node = node.children[1]
    return unit.written_type(source.text(node)) if node.type == "identifier" else UNKNOWN


def takes(source: Source, unit: Unit, target: Node | None, *values: Node) -> bool:
    """Whether a target takes a choice between values as it takes each of them: Java narrows constants alone."""
    if source.language == "c" or target is None or not any(type_of(source, unit, v) == "int" for v in values):
        return True
    type_ = type_of(source, unit, target)
    if type_ != UNKNOWN:
        return type_ not in NARROW
    return any(_is_variable(source, unit, value) for value in values)


def _is_variable(source: Source, unit: Unit, value: Node) -> bool:
    """Whether an int certainly is no constant, so that it only goes where any int does."""
    return any(inner.type == "identifier" and unit.is_variable(source.text(inner)) for inner in value.walk())


def is_still_place(source: Source, unit: Unit, node: Node) -> bool:
    """Whether a target is a plain variable, or one step from one: naming it twice does nothing."""
    if node.type == "identifier":
        return unit.is_plain(source.text(node))
    if node.type not in PLACES or _is_address_taken(source, node, unit):
        return False
    inside = [child for child in node.children if child.type[0].isalpha() or child.type == "*"]
    return all(
        child.type in PLACE_PARTS | {"*"}
        and (child.type != "identifier" or _is_plain_part(source, unit, child))
        for child in inside
    )


def _is_plain_part(source: Source, unit: Unit, node: Node) -> bool:
    is_member = node.field == "field"
    return is_member or unit.is_plain(source.text(node))


def _is_address_taken(source: Source, node: Node, unit: Unit) -> bool:
    """Whether somebody may have a pointer to a variable that a C target is reached by."""
    names = {source.text(inner) for inner in node.walk() if inner.type == "identifier"}
    return any(
        use.parent is not None
        and use.parent.type == "pointer_expression"
        and source.text(use.parent).startswith("&")
        for name in names
        for use in unit.uses.get(name, ())
    )
