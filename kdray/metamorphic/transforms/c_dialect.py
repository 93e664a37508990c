"""C: declarations and mentions of variables in a function. The transformations themselves are in `curly_*`.

Whatever a function mentions and neither declares nor finds in the standard library may be a macro, whatever its
case. Types, members and what is called through a member are taken for what they seem.

Not covered: K&R definitions, nested functions.
"""

from __future__ import annotations

from kdray.metamorphic.transforms.c_library import STANDARD
from kdray.metamorphic.transforms.curly import UNKNOWN, WORD, Declaration, Dialect, Unit
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
SCALARS = TYPES.keys() | {
    "unsigned", "unsigned int", "unsigned long", "unsigned char", "unsigned short", "signed char", "long long",
    "unsigned long long", "size_t", "ssize_t", "ptrdiff_t", "intptr_t", "uintptr_t", "bool", "_Bool", "int8_t",
    "int16_t", "int32_t", "int64_t", "uint8_t", "uint16_t", "uint32_t", "uint64_t",
}  # fmt: skip
"""Types that certainly are numbers, and none a macro for something else."""


OPAQUE = frozenset({"attribute_specifier", "attribute_declaration", "gnu_asm_expression", "macro_type_specifier",
                    "field_declaration_list", "preproc_def", "preproc_function_def", "preproc_call"})  # fmt: skip
"""What is mentioned within these may be read as text."""


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
    unit.strangers = sorted(_strangers(source, unit))


def _strangers(source: Source, unit: Unit) -> set[int]:
    """Where names stand that may be macros, and files that may hold anything."""
    own = _own_name(source, unit.function)
    strangers = {
        node.start for node in source.nodes if node.type == "preproc_include" and node.start > unit.body.start
    }
    for name, uses in unit.uses.items():
        # A name that is declared somewhere, but not for all its uses, is a stranger where it is not.
        if name not in STANDARD and name != own and not unit.is_covered(name):
            strangers |= {use.start for use in uses if use.start > unit.body.start}
    return strangers


def _own_name(source: Source, function: Node) -> str:
    declarator = function.child("declarator")
    while declarator is not None and declarator.type != "identifier":
        declarator = declarator.child("declarator")
    return source.text(declarator) if declarator is not None else ""


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
    words = {source.text(child) for child in declaration.children}
    if words & {"extern", "volatile", "_Atomic"}:
        unit.tainted.add(name)
    type_ = declaration.child("type")
    text = " ".join(source.text(type_).split()) if type_ is not None else ""
    known_type = TYPES.get(text, UNKNOWN) if is_value else UNKNOWN
    written = _written(node, declaration, text)
    if declaration.type == "parameter_declaration":
        owner = _owner(declaration)
        if owner is unit.function:
            end = unit.function.end
            unit.declare(
                Declaration(name, known_type, node.start, end, True, written, True, "const" in words)
            )
        else:
            unit.tainted.add(name)  # a prototype's parameter, or a function pointer's
        return
    scope = declaration.parent
    if scope is None or scope.type not in ("compound_statement", "for_statement", "case_statement"):
        unit.tainted.add(name)
        return
    if scope.type == "case_statement" and scope.parent is not None:
        scope = scope.parent
    has_value = node.parent is not None and node.parent.type == "init_declarator"
    is_final = bool(words & {"const", "static", "constexpr"})
    unit.declare(Declaration(name, known_type, node.start, scope.end, False, written, has_value, is_final))


def _written(node: Node, declaration: Node, text: str) -> str:
    """A type with its stars; unknown for arrays and functions, which are not assigned as a whole."""
    stars = ""
    outer = node.parent
    while outer is not None and outer is not declaration:
        if outer.type not in ("init_declarator", "pointer_declarator"):
            return UNKNOWN
        stars += "*" * (outer.type == "pointer_declarator")
        outer = outer.parent
    return text + stars


def _owner(parameter: Node) -> Node | None:
    """The function that a parameter belongs to: its list's declarator stands directly in the function's head."""
    listing = parameter.parent
    declarator = listing.parent if listing is not None else None
    outer = declarator.parent if declarator is not None else None
    while outer is not None and outer.type == "pointer_declarator":
        outer = outer.parent
    return outer


def _is_seen_by_macro(source: Source, node: Node) -> bool:
    """Whether an identifier is an argument of what hardly is a function, or stands in a directive or assembler."""
    for outer in node.ancestors():
        if outer.type in OPAQUE:
            return True
        if outer.type == "call_expression":
            function = outer.child("function")
            if function is not None and _is_word_of_macro(source.text(function)):
                return True
        if outer.type in ("preproc_if", "preproc_elif", "preproc_ifdef") and not _in_branch(outer, node):
            return True
    return False


def _is_word_of_macro(text: str) -> bool:
    """C's custom: what is written in capitals, or begins with two underscores, is hardly a function."""
    return (text.isupper() and len(text) > 1) or text.startswith("__")


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
    words=2,
    sees_source=lambda source, words: not words.isdisjoint(("__LINE__", "__COUNTER__")),
    survey=survey,
)
