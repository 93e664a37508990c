"""C: declarations and mentions of variables in a function. The transformations themselves are in `curly_*`.

Not covered: K&R definitions, nested functions, anything that the preprocessor or a macro sees (a name in capitals
is taken for one).
"""

from __future__ import annotations

from kdray.metamorphic.transforms.curly import UNKNOWN, WORD, Dialect, Unit, is_word_of_macro
from kdray.metamorphic.transforms.tree import Node, Source

DECLARATORS = frozenset(
    {
        "init_declarator",
        "pointer_declarator",
        "array_declarator",
        "parenthesized_declarator",
        "function_declarator",
    }
)
TYPES = {"int": "int", "long": "long", "double": "double", "float": "float", "short": "short", "char": "char",
         "long int": "long", "short int": "short"}  # fmt: skip
"""Declared types that are known; everything else, all unsigned types too, is not."""


def survey(source: Source, unit: Unit) -> None:
    """Fills in a unit's declarations, uses and tainted names."""
    doubtful: list[Node] = []
    for node in source.nodes:
        if node.type == "identifier":
            _mention(source, unit, node)
        elif node.type == "type_identifier":
            # `a * b;` may have been read as a declaration of a pointer.
            unit.tainted.add(source.text(node))
            if node.parent is not None and node.parent.type == "declaration":
                doubtful.append(node.parent)
        elif node.type.startswith("preproc") and node.parent is not None and not node.children:
            unit.tainted |= {word.decode() for word in WORD.findall(source.data[node.start : node.end])}
    for declaration in doubtful:
        if any(
            source.text(child) in unit.declarations for child in declaration.children if child.field == "type"
        ):
            unit.tainted |= {source.text(n) for n in declaration.walk() if n.type == "identifier"}


def _mention(source: Source, unit: Unit, node: Node) -> None:
    name = source.text(node)
    unit.uses[name].append(node)
    declaration, is_known = _declaration_of(node)
    if declaration is not None:
        _declare(source, unit, node, declaration, is_known)
    elif node.parent is not None and node.parent.type in (
        "enumerator",
        "labeled_statement",
        "goto_statement",
    ):
        unit.tainted.add(name)
    if _is_seen_by_macro(source, node):
        unit.tainted.add(name)


def _declaration_of(node: Node) -> tuple[Node | None, bool]:
    """The declaration that an identifier is declared by, and whether as a plain value of the declared type."""
    inner, outer, is_value = node, node.parent, True
    while outer is not None and outer.type in DECLARATORS:
        if inner.field != "declarator" and outer.type != "parenthesized_declarator":
            return None, False
        is_value = is_value and outer.type == "init_declarator"
        inner, outer = outer, outer.parent
    if (
        outer is None
        or outer.type not in ("declaration", "parameter_declaration")
        or inner.field != "declarator"
    ):
        return None, False
    return outer, is_value


def _declare(source: Source, unit: Unit, node: Node, declaration: Node, is_value: bool) -> None:
    name = source.text(node)
    if any(
        child.type == "storage_class_specifier" and source.text(child) == "extern"
        for child in declaration.children
    ):
        unit.tainted.add(name)
    type_ = declaration.child("type")
    text = " ".join(source.text(type_).split()) if type_ is not None and is_value else ""
    found = TYPES.get(text, UNKNOWN)
    if declaration.type == "parameter_declaration":
        owner = _owner(declaration)
        if owner is unit.function:
            unit.declare(name, found, node.start, unit.function.end, is_parameter=True)
        else:
            unit.tainted.add(name)  # a prototype's parameter, or a function pointer's
        return
    scope = declaration.parent
    if scope is None or scope.type not in ("compound_statement", "for_statement", "case_statement"):
        unit.tainted.add(name)
        return
    if scope.type == "case_statement" and scope.parent is not None:
        scope = scope.parent
    unit.declare(name, found, node.start, scope.end)


def _owner(parameter: Node) -> Node | None:
    """The function that a parameter belongs to: its list's declarator stands directly in the function's head."""
    listing = parameter.parent
    declarator = listing.parent if listing is not None else None
    outer = declarator.parent if declarator is not None else None
    while outer is not None and outer.type == "pointer_declarator":
        outer = outer.parent
    return outer


def _is_seen_by_macro(source: Source, node: Node) -> bool:
    """Whether an identifier is an argument of what may be a macro, or stands in a directive."""
    for outer in node.ancestors():
        if outer.type == "call_expression":
            function = outer.child("function")
            if function is not None and is_word_of_macro(source.text(function)):
                return True
        if outer.type in ("preproc_if", "preproc_elif", "preproc_ifdef") and not _in_branch(outer, node):
            return True
        if outer.type in ("preproc_def", "preproc_function_def", "preproc_call", "field_declaration_list"):
            return True
    return False


def _in_branch(directive: Node, node: Node) -> bool:
    """Whether a node stands below a directive's line, not on it."""
    return node.row > directive.row


C = Dialect(
    function=frozenset({"function_definition"}),
    block="compound_statement",
    ternary="conditional_expression",
    declaration="declaration",
    true="1",
    false="0",
    style="snake",
    survey=survey,
)
