"""Java: declarations and mentions of variables in a method. The transformations themselves are in `curly_*`.

Not covered: variables bound by patterns (`o instanceof A a`), anything that an anonymous or local class mentions.
"""

from __future__ import annotations

from kdray.metamorphic.transforms.curly import UNKNOWN, Declaration, Dialect, Unit
from kdray.metamorphic.transforms.tree import Node, Source

NO_VARIABLE = {
    "method_invocation": "name",
    "method_declaration": "name",
    "constructor_declaration": "name",
    "compact_constructor_declaration": "name",
    "record_declaration": "name",
    "enum_declaration": "name",
    "interface_declaration": "name",
    "field_access": "field",
    "element_value_pair": "key",
    "class_declaration": "name",
}
"""Fields whose identifier names something else than a variable."""
CONSTRUCTORS = frozenset({"constructor_declaration", "compact_constructor_declaration"})
SILENT = frozenset({"marker_annotation", "annotation", "scoped_identifier", "labeled_statement", "break_statement",
                    "continue_statement", "scoped_type_identifier"})  # fmt: skip
"""Parents whose identifiers are no variables."""
MAY_BE_NULL = frozenset({"NullPointerException", "RuntimeException", "Exception", "Throwable"})
SILENT_CALLS = frozenset({"addSuppressed", "getCause", "getClass", "getSuppressed"})
ANNOTATIONS = frozenset({"marker_annotation", "annotation"})
OPAQUE = frozenset({"class_body", "switch_label", "instanceof_expression", "record_pattern", "type_pattern",
                    "record_pattern_component", "guard", "enum_body", "interface_body"})  # fmt: skip
"""What is mentioned within these may be a field, a constant or a pattern's variable."""


def survey(source: Source, unit: Unit) -> None:
    """Fills in a unit's declarations, uses and tainted names."""
    for node in source.nodes:
        if node.type == "identifier":
            _mention(source, unit, node)
        elif node.type in ("this", "super"):
            continue
        declared = _declared(source, node)
        if declared is not None:
            name, type_, end, is_parameter = declared
            has_value = node.type != "variable_declarator" or node.child("value") is not None
            unit.declare(
                Declaration(
                    source.text(name),
                    type_,
                    name.start,
                    end,
                    is_parameter,
                    type_,
                    has_value,
                    _is_final(source, node),
                )
            )


def _mention(source: Source, unit: Unit, node: Node) -> None:
    parent = node.parent
    if parent is None or parent.type in SILENT:
        return
    if parent.type in NO_VARIABLE and NO_VARIABLE[parent.type] == node.field:
        return
    name = source.text(node)
    if parent.type == "method_reference" and parent.children[-1] is node:
        return
    unit.uses[name].append(node)
    if any(outer.type in OPAQUE for outer in node.ancestors() if _hides(outer, node)) or _is_component(node):
        unit.tainted.add(name)
    if parent.type == "formal_parameter" and any(inner.type in ANNOTATIONS for inner in parent.walk()):
        unit.tainted.add(name)  # whoever reads the annotation may read the name


def _is_component(node: Node) -> bool:
    """Whether an identifier stands in the head of a local record, whose parts are called by their names."""
    return any(
        outer.type == "formal_parameters"
        and outer.parent is not None
        and outer.parent.type == "record_declaration"
        for outer in node.ancestors()
    )


def _is_final(source: Source, node: Node) -> bool:
    holder = node.parent if node.type == "variable_declarator" else node
    modifiers = (
        [child for child in holder.children if child.type == "modifiers"] if holder is not None else []
    )
    return any("final" in source.text(child).split() for child in modifiers)


def _shows_lines(source: Source, words: set[str]) -> bool:
    """Whether somebody looks at stack traces, or at the message of a null pointer, which numbers variables."""
    stack = {"getStackTrace", "printStackTrace", "StackWalker", "StackTraceElement", "dumpStack"}
    tells = any("essage" in word or word == "toString" for word in words)
    is_asked = "NullPointerException" in words and tells
    return not stack.isdisjoint(words) or is_asked or _shows_caught(source)


def _shows_caught(source: Source) -> bool:
    """Whether what is caught may be of a null pointer, and is put into a text or handed to somebody."""
    for clause in source.of("catch_clause"):
        caught = next((child for child in clause.children if child.type == "catch_formal_parameter"), None)
        name = caught.child("name") if caught is not None else None
        if caught is None or name is None or MAY_BE_NULL.isdisjoint(source.text(caught).split()):
            continue
        body = clause.child("body")
        for use in body.walk() if body is not None else ():
            if (
                use.type == "identifier"
                and source.text(use) == source.text(name)
                and not _is_silent(source, use)
            ):
                return True
    return False


def _is_silent(source: Source, use: Node) -> bool:
    """Whether a mention of what is caught throws it on, wraps it or asks for anything but its message."""
    parent = use.parent
    outer = parent.parent if parent is not None else None
    if parent is None or parent.type == "throw_statement":
        return True
    if parent.type == "argument_list":
        return outer is not None and outer.type == "object_creation_expression"
    called = parent.child("name") if parent.type == "method_invocation" and use.field == "object" else None
    return called is not None and source.text(called) in SILENT_CALLS


def _hides(outer: Node, node: Node) -> bool:
    """Only the pattern's own name is opaque in `x instanceof A a`: x is a use like any other."""
    if outer.type != "instanceof_expression":
        return True
    left = outer.child("left")
    return left is None or not left.start <= node.start < left.end


def _declared(source: Source, node: Node) -> tuple[Node, str, int, bool] | None:
    """Name, type, end of scope and whether it is the method's parameter, for a node that declares one variable."""
    parent = node.parent
    if parent is None:
        return None
    if node.type == "variable_declarator" and parent.type == "local_variable_declaration":
        name = node.child("name")
        scope = _scope(parent)
        return None if name is None else (name, _type(source, parent, node), scope.end, False)
    if node.type in ("enhanced_for_statement", "catch_formal_parameter", "resource"):
        name = node.child("name")
        scope = {"enhanced_for_statement": node, "catch_formal_parameter": parent}.get(node.type, parent)
        if node.type == "resource":
            statement = parent.parent
            body = statement.child("body") if statement is not None else None
            scope = body if body is not None else parent
        return None if name is None else (name, _type(source, node, node), scope.end, False)
    return _parameter(source, node, parent)


def _parameter(source: Source, node: Node, parent: Node) -> tuple[Node, str, int, bool] | None:
    if node.type in ("formal_parameter", "spread_parameter"):
        holder = node if node.type == "formal_parameter" else node.children[-1]
        name, owner = holder.child("name"), parent.parent
        if name is None or owner is None or owner.type == "record_declaration":
            return None
        is_own = owner.type in METHODS
        type_ = _type(source, node, node) if node.type == "formal_parameter" else UNKNOWN
        return name, type_, owner.end, is_own
    if node.type == "identifier" and parent.type == "lambda_expression" and node.field == "parameters":
        return node, UNKNOWN, parent.end, False
    if node.type == "identifier" and parent.type == "inferred_parameters" and parent.parent is not None:
        return node, UNKNOWN, parent.parent.end, False
    return None


def _scope(declaration: Node) -> Node:
    """What a local declaration reaches to the end of."""
    parent = declaration.parent
    if parent is not None and parent.type == "switch_block_statement_group" and parent.parent is not None:
        return parent.parent
    return parent if parent is not None else declaration


def _type(source: Source, holder: Node, declarator: Node) -> str:
    """The declared type, unknown for arrays and `var`."""
    type_ = holder.child("type")
    if type_ is None or declarator.child("dimensions") is not None:
        return UNKNOWN
    text = source.text(type_)
    return UNKNOWN if text == "var" or "[" in text else text


METHODS = frozenset({"method_declaration", *CONSTRUCTORS})
JAVA = Dialect(
    function=METHODS,
    block="block",
    ternary="ternary_expression",
    declaration="local_variable_declaration",
    true="true",
    false="false",
    style="camel",
    words=1,
    sees_source=_shows_lines,
    survey=survey,
)
