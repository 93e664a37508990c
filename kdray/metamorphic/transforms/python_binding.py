"""What binds a Python identifier, and in which scope it stands: read off the tree alone.

Not covered: what a scope as a whole does with its names (see `python_scope`).
"""

from __future__ import annotations

from kdray.metamorphic.transforms.tree import Node

COMPREHENSIONS = frozenset(
    {"list_comprehension", "set_comprehension", "dictionary_comprehension", "generator_expression"}
)
SCOPES = COMPREHENSIONS | {"function_definition", "lambda", "class_definition"}
PATTERNS = frozenset(
    {"pattern_list", "tuple_pattern", "list_pattern", "list_splat_pattern", "as_pattern_target", "tuple",
     "list", "parenthesized_expression"}
)  # fmt: skip
DECLARES = frozenset(
    {"global_statement", "nonlocal_statement", "dotted_name", "aliased_import", "wildcard_import", "case_pattern",
     "type_parameter", "type_alias_statement"}
)  # fmt: skip
"""What binds the names in it, or says where they are bound, in a way of its own."""
ENDS_PATTERN = SCOPES | {"block", "expression_statement", "argument_list", "parameters", "lambda_parameters"}
PARAMETERS = frozenset({"parameters", "lambda_parameters"})
PARAMETER_FORMS = frozenset(
    {
        "default_parameter",
        "typed_parameter",
        "typed_default_parameter",
        "list_splat_pattern",
        "dictionary_splat_pattern",
    }
)


def binder_of(node: Node) -> Node | None:
    """What binds an identifier, or None where it is only read (or deleted)."""
    parent = node.parent
    if parent is None:
        return None
    if (
        parent.type in ("function_definition", "class_definition", "named_expression")
        and node.field == "name"
    ):
        return parent
    for outer in (parent, *parent.ancestors()):
        if outer.type in DECLARES:
            return outer
        if outer.type in ENDS_PATTERN:
            break
    parameter = _parameter_of(node)
    if parameter is not None:
        return parameter
    inner, outer = node, parent
    while outer.type in PATTERNS and outer.parent is not None:
        inner, outer = outer, outer.parent
    if inner.field == "left" and outer.type in (
        "assignment",
        "augmented_assignment",
        "for_statement",
        "for_in_clause",
    ):
        return outer
    return outer if outer.type == "as_pattern" and inner.type == "as_pattern_target" else None


def _parameter_of(node: Node) -> Node | None:
    """The parameter list that an identifier is a parameter of."""
    inner, outer = node, node.parent
    while outer is not None and outer.type in PARAMETER_FORMS:
        if inner.field in ("value", "type"):
            return None
        inner, outer = outer, outer.parent
    return outer if outer is not None and outer.type in PARAMETERS else None


def scope_of(node: Node) -> Node | None:
    """The function, lambda, comprehension or class whose scope an expression stands in; None for the module.

    Defaults, decorators and base classes belong outside; the first iterable of a comprehension is put inside,
    where nothing is assumed.
    """
    inner = node
    for outer in node.ancestors():
        if outer.type in COMPREHENSIONS:
            return outer
        if outer.type in SCOPES and inner.field == "body":
            return outer
        if outer.type == "lambda" and inner.type == "lambda_parameters" and _parameter_of(node) is not None:
            return outer
        inner = outer
    return None
