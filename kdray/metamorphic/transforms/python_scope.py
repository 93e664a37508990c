"""What a Python function does with names: who binds them, and who can see them. Conservative: when in doubt,
nothing is known.

The function is the outermost one of the source; its own scope is its body without nested functions, lambdas,
comprehensions and classes.

Not covered: modules and classes as a whole, `match` patterns, type parameters; code that looks into its caller's
frame without a word of it in the function.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass, field

from kdray.metamorphic.transforms.python_binding import PARAMETERS, binder_of, scope_of
from kdray.metamorphic.transforms.python_bound import maybe_unbound
from kdray.metamorphic.transforms.tree import Node, Source

SEES_NAMES = frozenset(
    {"locals", "globals", "vars", "dir", "eval", "exec", "exec_", "query", "evaluate", "stack", "namedtuple",
     "run_line_magic", "interact", "timeit"}
)  # fmt: skip
"""Names whose mention means that somebody may look a variable up by its name, or list all of them."""
SEES_SOURCE = frozenset(
    {"inspect", "traceback", "linecache", "tracemalloc", "faulthandler", "pdb", "breakpoint", "set_trace",
     "settrace", "setprofile", "__traceback__", "_getframe", "_current_frames", "currentframe", "getframeinfo",
     "getouterframes", "getinnerframes", "extract_stack", "extract_tb", "walk_tb", "walk_stack", "format_exc",
     "format_exception", "format_tb", "format_stack", "print_exc", "print_exception", "print_stack", "print_tb",
     "tb_frame", "tb_lineno", "tb_next", "f_back", "f_code", "f_locals", "f_globals", "f_lineno", "gi_frame",
     "gi_code", "cr_frame", "cr_code", "ag_frame", "ag_code", "__code__", "__closure__", "co_name", "co_qualname",
     "co_names", "co_varnames", "co_freevars", "co_cellvars", "co_consts", "co_code", "co_firstlineno", "co_lines",
     "co_positions", "getsource", "getsourcelines", "findsource", "getclosurevars", "signature", "getfullargspec",
     "getargspec", "disassemble", "Bytecode", "funcName", "jit", "njit", "cfunc"}
)  # fmt: skip
"""Names whose mention means that somebody may look at code objects, at frames or at the source itself."""
WARNS = frozenset(
    {"warnings", "warn", "warns", "recwarn", "catch_warnings", "assertWarns", "deprecated_call"}
)
"""What keeps the line that it was asked for in; `lineno` alone is mostly that of another text."""
WORD = re.compile(rb"[^\W\d]\w*")


@dataclass
class Names:
    """What a function does with names.

    Attributes:
        function: the outermost function.
        uses: every identifier that means a variable, by name.
        bound: names bound in the function's own scope by assignment, loop, `with`, `except` or `:=`, with the
            identifiers that bind them.
        name: of the function.
        parameter_names: of the function.
        functions: nested functions in its own scope, by name, with the definition.
        elsewhere: names that something other than the function's own plain bindings binds or means.
        shown: names that a string, an annotation or `f"{x=}"` shows.
        words: every word of the source, in strings too.
        sees_frames: whether somebody may look a variable up by its name.
    """

    function: Node
    name: str
    uses: dict[str, list[Node]] = field(default_factory=lambda: defaultdict(list))
    bound: dict[str, list[Node]] = field(default_factory=lambda: defaultdict(list))
    parameter_names: set[str] = field(default_factory=set)
    functions: dict[str, list[Node]] = field(default_factory=lambda: defaultdict(list))
    elsewhere: set[str] = field(default_factory=set)
    shown: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    sees_frames: bool = False

    def is_builtin(self, name: str) -> bool:
        """Whether nothing in the function says that a built-in name means something else."""
        known = (self.bound, self.functions, self.elsewhere, self.parameter_names)
        return name != self.name and not any(name in names for names in known)


def names_of(source: Source) -> Names | str:
    """The names of the source's one function, or why they cannot be told."""
    if "names" not in source.memory:
        source.memory["names"] = _names_of(source)
    names: Names | str = source.memory["names"]
    return names


def _names_of(source: Source) -> Names | str:
    statements = [node for node in source.root.children if node.type != "comment"]
    if statements and statements[0].type == "decorated_definition":
        statements[0] = statements[0].children[-1]
    if len(statements) != 1 or statements[0].type != "function_definition":
        return "is not one function"
    name = statements[0].child("name")
    names = Names(statements[0], source.text(name) if name is not None else "")
    names.words = {word.decode() for word in WORD.findall(source.data)}
    sees_lines = "lineno" in names.words and not WARNS.isdisjoint(names.words)
    if sees_lines or not SEES_SOURCE.isdisjoint(names.words):
        return "somebody may look at its source or its frames"
    names.sees_frames = not SEES_NAMES.isdisjoint(names.words)
    for node in source.of("identifier"):
        _classify(source, names, node)
    for used in names.uses:
        plain = unicodedata.normalize("NFKC", used)
        if plain != used:  # Python reads both as one
            names.elsewhere |= {used, plain}
    for node in source.of("string_content"):
        if not _is_docstring(node):
            names.shown |= {word.decode() for word in WORD.findall(source.data[node.start : node.end])}
    return names


def _is_docstring(content: Node) -> bool:
    string = content.parent
    return string is not None and string.parent is not None and string.parent.type == "expression_statement"


def _classify(source: Source, names: Names, node: Node) -> None:
    parent, name = node.parent, source.text(node)
    if parent is None or _is_no_variable(node, parent) or parent is names.function:
        return
    names.uses[name].append(node)
    binder, scope = binder_of(node), scope_of(node)
    if _is_shown(source, node):
        names.shown.add(name)
    if binder is None:
        if scope is None:
            names.elsewhere.add(name)  # a default, a decorator or an annotation of the function: the module's
    elif binder.type in PARAMETERS:
        if binder.parent is names.function:
            names.parameter_names.add(name)
        else:
            names.elsewhere.add(name)
    elif binder.type == "function_definition" and scope is names.function:
        names.functions[name].append(binder)
    elif scope is names.function and binder.type in (
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


def _is_shown(source: Source, node: Node) -> bool:
    """Whether the text of an expression is kept: `f"{x=}"`, `t"{x}"`, annotations that may become strings."""
    for outer in node.ancestors():
        if outer.type == "type":
            return True
        if outer.type == "interpolation" and outer.parent is not None:
            start = source.text(outer.parent.children[0]).lower()
            if "t" in start or any(child.type == "=" for child in outer.children):
                return True
    return False


def own_variables(source: Source, names: Names) -> list[str]:
    """Names that mean one variable of the function everywhere, bound by its own plain bindings, sorted."""
    return sorted(
        name
        for name in names.bound
        if name not in names.elsewhere
        and name not in names.functions
        and name not in names.parameter_names
        and not name.startswith("__")
        and name != "_"
    )


def unbound(source: Source, names: Names) -> frozenset[str]:
    """Variables and nested functions that may be read where they are not bound: an error would tell the name."""
    if "unbound" not in source.memory:
        interesting = names.bound.keys() | names.functions.keys()
        source.memory["unbound"] = maybe_unbound(
            source, names.function, interesting, names.is_builtin("open")
        )
    unsure: frozenset[str] = source.memory["unbound"]
    return unsure


def renamable(source: Source, names: Names) -> list[str]:
    """The function's own variables that can be renamed everywhere at once and nobody sees it, sorted."""
    hidden = names.shown | unbound(source, names)
    return [name for name in own_variables(source, names) if name not in hidden]
