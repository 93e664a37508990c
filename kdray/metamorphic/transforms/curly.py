"""Who declares which variable in a Java method or a C function, and of which type: what is certain, no more.

The two languages differ in a few node types (`Dialect`) and in how a variable is declared (`java`, `c`); all else
is one. A name may be declared several times; it is *plain* where every mention of it is a variable and stands in
the scope of one of its declarations. Any other mention could be a field, a constant, a macro's argument.

Not covered: whole classes and translation units.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from kdray.metamorphic.transforms.tree import Node, Source

WORD = re.compile(rb"[^\W\d]\w*")
INTEGERS = frozenset({"byte", "short", "char", "int", "long"})
NUMBERS = INTEGERS | {"float", "double"}
UNKNOWN = ""


@dataclass(frozen=True)
class Declaration:
    """One declaration of one name: a use of it stands in [begin, end).

    Attributes:
        name: what is declared.
        type: where it is certain what the type means, else `UNKNOWN`.
        begin, end: bytes.
        is_parameter: of the function itself.
        written: the whole type as it is written, of anything that is assigned as a whole.
        has_value: whether it has a value from the start.
        is_final: whether it may stand for a constant.
    """

    name: str
    type: str
    begin: int
    end: int
    is_parameter: bool = False
    written: str = UNKNOWN
    has_value: bool = False
    is_final: bool = False


@dataclass(frozen=True)
class Dialect:
    """What sets a language apart.

    Attributes:
        function: node types of what is transformed.
        block: node type of `{ ... }`.
        ternary: node type of `c ? a : b`.
        declaration: node type of a local declaration statement.
        true: text of a true condition.
        false: text of a false one.
        style: of new names.
        words: in a new name; several make it unlikely that a macro which nobody sees here mentions it.
        sees_source: words that show where something stands, or what it is called.
        survey: finds declarations and mentions that are no plain variables.
    """

    function: frozenset[str]
    block: str
    ternary: str
    declaration: str
    true: str
    false: str
    style: str
    words: int
    sees_source: Callable[[set[str]], bool]
    survey: Callable[[Source, Unit], None]


@dataclass
class Unit:
    """One function and its names.

    Attributes:
        function: its node.
        body: its block.
        dialect: of its language.
        declarations: by name.
        uses: identifiers that may be variables, by name, declarations included.
        tainted: names that are mentioned as something else, or nobody knows what.
        strangers: where names stand that nobody declares here, in the order of the text: in C each may be a macro,
            and hide any code, show its arguments, paste names, or mention variables of the function.
        words: every word of the source.
        plain, types: what has been found out about names; only asked for once the survey is over.
    """

    function: Node
    body: Node
    dialect: Dialect
    declarations: dict[str, list[Declaration]] = field(default_factory=lambda: defaultdict(list))
    uses: dict[str, list[Node]] = field(default_factory=lambda: defaultdict(list))
    tainted: set[str] = field(default_factory=set)
    strangers: list[int] = field(default_factory=list)
    words: set[str] = field(default_factory=set)
    plain: dict[str, bool] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)

    def declare(self, declaration: Declaration) -> None:
        """Notes a declaration. Two in one scope are none: a macro has been taken for a type."""
        known = self.declarations[declaration.name]
        if any(other.end == declaration.end and not other.is_parameter for other in known):
            self.tainted.add(declaration.name)
        known.append(declaration)

    def is_plain(self, name: str) -> bool:
        """Whether every mention of a name certainly is one of the variables declared here."""
        if name not in self.plain:
            self.plain[name] = (
                name in self.declarations and name not in self.tainted and self.is_covered(name)
            )
        return self.plain[name]

    def is_hidden(self, name: str) -> bool:
        """Whether a plain name is out of sight of whatever is not known here."""
        spans = self.declarations[name]
        return self.is_plain(name) and not any(self._has_stranger(span.begin, span.end) for span in spans)

    def has_stranger(self, node: Node) -> bool:
        """Whether something stands in a node that may be a macro."""
        return self._has_stranger(node.start, node.end)

    def _has_stranger(self, begin: int, end: int) -> bool:
        at = bisect_left(self.strangers, begin)
        return at < len(self.strangers) and self.strangers[at] < end

    def is_covered(self, name: str) -> bool:
        """Whether each use stands in the scope of a declaration: one walk over both, in the order of the text."""
        known = self.declarations.get(name, ())
        spans = sorted(((span.begin, span.end) for span in known), reverse=True)
        reach = 0
        for use in sorted(self.uses[name], key=lambda use: use.start):
            while spans and spans[-1][0] <= use.start:
                reach = max(reach, spans.pop()[1])
            if use.start >= reach:
                return False
        return True

    def type_of_name(self, name: str) -> str:
        """The declared type, where all declarations of a plain name agree."""
        if name not in self.types:
            found = {declaration.type for declaration in self.declarations.get(name, ())}
            self.types[name] = found.pop() if len(found) == 1 and self.is_plain(name) else UNKNOWN
        return self.types[name]

    def written_type(self, name: str) -> str:
        """The whole type as it is written, where all declarations of a plain name agree."""
        found = {declaration.written for declaration in self.declarations.get(name, ())}
        return found.pop() if len(found) == 1 and self.is_plain(name) else UNKNOWN

    def is_variable(self, name: str) -> bool:
        """Whether a name certainly is no constant."""
        return self.is_plain(name) and not any(found.is_final for found in self.declarations[name])

    def has_value(self, name: str) -> bool:
        """Whether a plain variable has a value wherever it may be looked at."""
        return self.is_plain(name) and all(found.has_value for found in self.declarations[name])


def unit_of(source: Source, dialects: dict[str, Dialect]) -> Unit | str:
    """The source's one function, or why there is none."""
    if "unit" not in source.memory:
        source.memory["unit"] = _unit_of(source, dialects[source.language])
    found: Unit | str = source.memory["unit"]
    return found


def _unit_of(source: Source, dialect: Dialect) -> Unit | str:
    passed_over = ("comment", "line_comment", "block_comment", "preproc_include")
    top = [node for node in source.root.children if node.type not in passed_over]
    body = top[0].child("body") if len(top) == 1 and top[0].type in dialect.function else None
    if body is None or body.type not in (dialect.block, "constructor_body"):
        return "is not one function with a body"
    unit = Unit(top[0], body, dialect)
    unit.words = {word.decode() for word in WORD.findall(source.data)}
    if dialect.sees_source(unit.words):
        return "somebody may look where its lines stand"
    dialect.survey(source, unit)
    return unit


def type_of(source: Source, unit: Unit, node: Node | None, depth: int = 0) -> str:
    """`int`, `long`, `double`, `boolean`, `String`, ... where certain, else `UNKNOWN`."""
    if node is None or depth > 30:  # a deeper expression is not worth a deeper stack
        return UNKNOWN
    if node.type == "identifier":
        return unit.type_of_name(source.text(node))
    if node.type == "parenthesized_expression":
        return type_of(source, unit, node.children[1] if len(node.children) == 3 else None, depth + 1)
    if node.type == "char_literal":
        return "int"  # in C
    if node.type in ("unary_expression", "update_expression"):
        operator = node.child("operator")
        inner = node.child("operand") or node.child("argument")
        found = type_of(source, unit, inner, depth + 1)
        sign = operator is not None and source.text(operator) in "+-"
        return found if sign and found in ("int", "long", "double") else UNKNOWN
    if node.type == "binary_expression":
        return _binary_type(source, unit, node, depth)
    return literal_type(source, node)


def _binary_type(source: Source, unit: Unit, node: Node, depth: int) -> str:
    operator = node.child("operator")
    sign = source.text(operator) if operator is not None else ""
    left = type_of(source, unit, node.child("left"), depth + 1)
    right = type_of(source, unit, node.child("right"), depth + 1)
    if sign == "+" and "String" in (left, right) and source.language == "java":
        return "String"
    if not {left, right} <= NUMBERS:
        return UNKNOWN
    if sign in ("<", ">", "<=", ">=", "==", "!="):
        return "boolean" if source.language == "java" else "int"
    if sign in ("<<", ">>", ">>>") and {left, right} <= INTEGERS:
        return "long" if left == "long" else "int"
    if sign in ("+", "-", "*", "/", "%") or (sign in ("&", "|", "^") and {left, right} <= INTEGERS):
        # C's long and int may be equally wide: the wider rank wins in both languages.
        order = ("double", "float", "long")
        return next((wide for wide in order if wide in (left, right)), "int")
    return UNKNOWN


DECIMAL = re.compile(r"^(0|[1-9][0-9_]*)([lL]?)$")


def literal_type(source: Source, node: Node) -> str:
    """The type of a literal. Decimal integers that fit only; other notations are left unknown."""
    text = source.text(node)
    if node.type in ("decimal_integer_literal", "number_literal"):
        found = DECIMAL.match(text)
        if found and int(found[1].replace("_", "")) < 2**31 - 1:
            return "long" if found[2] else "int"
        if node.type == "number_literal" and re.match(r"^[0-9]+\.[0-9]+$", text):
            return "double"
        return UNKNOWN
    if node.type == "decimal_floating_point_literal":
        return {"f": "float", "F": "float"}.get(text[-1], "double")
    if node.type == "string_literal" and source.language == "java":
        return "String"
    return "boolean" if node.type in ("true", "false") and source.language == "java" else UNKNOWN


QUIET = frozenset({"identifier", "true", "false", "parenthesized_expression", "(", ")", "decimal_integer_literal",
                   "number_literal", "decimal_floating_point_literal", "char_literal", "character_literal",
                   "character", "'", "escape_sequence"})  # fmt: skip
QUIET_SIGNS = frozenset({"+", "-", "*", "<", ">", "<=", ">=", "==", "!=", "&&", "||", "!"})


def is_quiet(source: Source, unit: Unit, node: Node) -> bool:
    """Whether evaluating does nothing, cannot fail, and depends on plain variables and literals alone."""
    for inner in node.walk():
        if inner.type in ("binary_expression", "unary_expression") or inner.type in QUIET_SIGNS:
            continue
        if inner.type not in QUIET:
            return False
        if inner.type == "identifier" and not unit.is_plain(source.text(inner)):
            return False
    return True


def closed(source: Source, node: Node) -> str:
    """An operand's text that keeps its place in a bigger expression."""
    compound = ("binary_expression", "ternary_expression", "conditional_expression", "assignment_expression",
                "lambda_expression", "cast_expression", "unary_expression", "instanceof_expression",
                "comma_expression", "update_expression", "switch_expression", "pointer_expression")  # fmt: skip
    return f"({source.text(node)})" if node.type in compound else source.text(node)


CHANGES = frozenset({"assignment_expression", "update_expression"})
CALLS = frozenset(
    {"call_expression", "method_invocation", "object_creation_expression", "explicit_constructor_invocation"}
)


def changed_names(source: Source, node: Node) -> set[str]:
    """Variables that an expression itself assigns or increments."""
    found = set()
    for inner in node.walk():
        if inner.type in CHANGES:
            found |= {source.text(child) for child in inner.walk() if child.type == "identifier"}
    return found


def calls(node: Node) -> bool:
    """Whether an expression runs code that stands elsewhere."""
    return any(inner.type in CALLS for inner in node.walk())
