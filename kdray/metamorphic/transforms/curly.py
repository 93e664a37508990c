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
        sees_source: whether a source and its words show where something stands, or what it is called.
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
    sees_source: Callable[[Source, set[str]], bool]
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
            types = {declaration.type for declaration in self.declarations.get(name, ())}
            self.types[name] = types.pop() if len(types) == 1 and self.is_plain(name) else UNKNOWN
        return self.types[name]

    def written_type(self, name: str) -> str:
        """The whole type as it is written, where all declarations of a plain name agree."""
        types = {declaration.written for declaration in self.declarations.get(name, ())}
        return types.pop() if len(types) == 1 and self.is_plain(name) else UNKNOWN

    def is_variable(self, name: str) -> bool:
        """Whether a name certainly is no constant."""
        return self.is_plain(name) and not any(
            declaration.is_final for declaration in self.declarations[name]
        )

    def has_value(self, name: str) -> bool:
        """Whether a plain variable has a value wherever it may be looked at."""
        return self.is_plain(name) and all(declaration.has_value for declaration in self.declarations[name])


def surveyed(source: Source, dialect: Dialect) -> Unit | str:
    """The source's one function, or why there is none."""
    passed_over = ("comment", "line_comment", "block_comment", "preproc_include")
    top = [node for node in source.root.children if node.type not in passed_over]
    body = top[0].child("body") if len(top) == 1 and top[0].type in dialect.function else None
    if body is None or body.type not in (dialect.block, "constructor_body"):
        return "is not one function with a body"
    unit = Unit(top[0], body, dialect)
    unit.words = {word.decode() for word in WORD.findall(source.data)}
    if dialect.sees_source(source, unit.words):
        return "somebody may look where its lines stand"
    dialect.survey(source, unit)
    return unit
