"""Who binds which name in a Python function, and what is known of its type. Conservative: when in doubt,
nothing is known.

The function is the outermost one of the source; its own scope is its body without nested functions, lambdas,
comprehensions and classes.

Not covered: modules and classes as a whole, `match` patterns, type parameters.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field

from kdray.metamorphic.transforms.tree import Node, Source

COMPREHENSIONS = frozenset(
    {"list_comprehension", "set_comprehension", "dictionary_comprehension", "generator_expression"}
)
SCOPES = COMPREHENSIONS | {"function_definition", "lambda", "class_definition"}
PATTERNS = frozenset(
    {"pattern_list", "tuple_pattern", "list_pattern", "list_splat_pattern", "as_pattern_target", "tuple",
     "list", "parenthesized_expression"}
)  # fmt: skip
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
SEES_FRAMES = frozenset(
    {"locals", "globals", "vars", "dir", "eval", "exec", "compile", "query", "evaluate", "_getframe",
     "currentframe", "getsource", "getsourcelines", "stack", "exec_", "run_line_magic", "namedtuple"}
)  # fmt: skip
"""Names whose mention means that somebody may look a variable up by its name."""
WORD = re.compile(rb"[^\W\d]\w*")


@dataclass
class Names:
    """What a function does with names.

    Attributes:
        function: the outermost function.
        uses: every identifier that means a variable, by name.
        bound: names bound in the function's own scope by assignment, loop, `with`, `except` or `:=`, with the
            identifiers that bind them.
        parameters: of the function.
        functions: nested functions in its own scope, by name, with the definition.
        elsewhere: names that something other than the function's own plain bindings binds.
        words: every word of the source, in strings too.
        sees_frames: whether somebody may look a variable up by its name.
    """

    function: Node
    uses: dict[str, list[Node]] = field(default_factory=lambda: defaultdict(list))
    bound: dict[str, list[Node]] = field(default_factory=lambda: defaultdict(list))
    parameters: list[Node] = field(default_factory=list)
    functions: dict[str, list[Node]] = field(default_factory=lambda: defaultdict(list))
    elsewhere: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    sees_frames: bool = False


def names_of(source: Source) -> Names | str:
    """The names of the source's one function, or why they cannot be told."""
    if "names" not in source.memory:
        source.memory["names"] = _names_of(source)
    found: Names | str = source.memory["names"]
    return found


def _names_of(source: Source) -> Names | str:
    statements = [node for node in source.root.children if node.type != "comment"]
    if statements and statements[0].type == "decorated_definition":
        statements[0] = statements[0].children[-1]
    if len(statements) != 1 or statements[0].type != "function_definition":
        return "is not one function"
    names = Names(statements[0])
    names.words = {word.decode() for word in WORD.findall(source.data)}
    names.sees_frames = not SEES_FRAMES.isdisjoint(names.words)
    for node in source.of("identifier"):
        _classify(source, names, node)
    return names


def _classify(source: Source, names: Names, node: Node) -> None:
    parent, name = node.parent, source.text(node)
    if parent is None or _is_no_variable(node, parent):
        return
    names.uses[name].append(node)
    binder = binder_of(node)
    own = scope_of(node) is names.function
    if binder is None:
        return
    if binder.type in PARAMETERS:
        if binder.parent is names.function:
            names.parameters.append(node)
        else:
            names.elsewhere.add(name)
    elif binder.type == "function_definition":
        if own:
            names.functions[name].append(binder)
        elif binder is not names.function:
            names.elsewhere.add(name)
    elif own and binder.type in (
        "assignment",
        "augmented_assignment",
        "for_statement",
        "as_pattern",
        "named_expression",
    ):
        names.bound[name].append(node)
    else:
        names.elsewhere.add(name)


def _is_no_variable(node: Node, parent: Node) -> bool:
    """Attributes and the names of keyword arguments are no variables."""
    return (parent.type == "attribute" and node.field == "attribute") or (
        parent.type == "keyword_argument" and node.field == "name"
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
    if parent.type in (
        "global_statement",
        "nonlocal_statement",
        "keyword_pattern",
        "type_parameter",
        "splat_pattern",
    ):
        return parent
    if parent.type in (
        "dotted_name",
        "aliased_import",
        "case_pattern",
        "type_alias_statement",
        "wildcard_import",
    ):
        return parent
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


def renamable(source: Source, names: Names) -> list[str]:
    """The function's own variables that can be renamed everywhere at once, sorted."""
    parameters = {source.text(node) for node in names.parameters}
    return sorted(
        name
        for name in names.bound
        if name not in names.elsewhere
        and name not in names.functions
        and name not in parameters
        and not name.startswith("__")
        and name != "_"
    )
