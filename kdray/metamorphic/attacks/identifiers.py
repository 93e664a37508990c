"""Which names of a piece of code may be changed, and the code with other names.

An identifier here is a variable or parameter that the transformations would rename too; any set of renames to
names that the code does not have yet keeps what the code does.

Not covered: names of functions, fields and types.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kdray.metamorphic.transforms import python_scope
from kdray.metamorphic.transforms.curly import Unit
from kdray.metamorphic.transforms.dialects import unit_of
from kdray.metamorphic.transforms.tree import Source, parse

NAME = re.compile(r"^[^\W\d]\w*$")
WORD = re.compile(r"[^\W\d]\w*")
TOKEN = re.compile(r"[^\W\d]\w*|\d+|[^\s\w]")
_CURLY_KEYWORDS = (
    "abstract assert auto boolean break byte case catch char class const continue default do double else enum"
    " extends extern false final finally float for goto if implements import inline instanceof int interface long"
    " native new null package private protected public record register restrict return short signed sizeof static"
    " strictfp struct super switch synchronized this throw throws transient true try typedef union unsigned var"
    " void volatile while yield NULL"
)
RESERVED = {
    "python": frozenset(keyword.kwlist) | frozenset(dir(builtins)),
    "java": frozenset(_CURLY_KEYWORDS.split()),
    "c": frozenset(_CURLY_KEYWORDS.split()),
}


@dataclass(frozen=True)
class Identifiers:
    """The changeable names of one piece of code.

    Attributes:
        code: the code.
        language: its language.
        places: for each name, in order of first mention, the byte ranges it stands at.
        words: every word of the code.
    """

    code: str
    language: str
    places: Mapping[str, tuple[tuple[int, int], ...]]
    words: frozenset[str]

    def is_free(self, name: str) -> bool:
        """Whether a name may be given to a variable of this code."""
        return NAME.match(name) is not None and name not in self.words and name not in RESERVED[self.language]

    def free(self, names: Iterable[str]) -> list[str]:
        """Those names that are free, each once, in their order, without the spaces tokenizers put before them."""
        return [name for name in dict.fromkeys(name.strip() for name in names) if self.is_free(name)]

    def renamed(self, renames: Mapping[str, str]) -> str:
        """The code with some names replaced everywhere at once."""
        data = self.code.encode()
        edits = sorted((begin, end, new) for old, new in renames.items() for begin, end in self.places[old])
        pieces, at = [], 0
        for begin, end, new in edits:
            pieces += [data[at:begin], new.encode()]
            at = end
        return b"".join([*pieces, data[at:]]).decode()


def identifiers(language: str, code: str) -> Identifiers:
    """The changeable names of some code; none where it cannot be parsed or understood."""
    source = parse(language, code, "")
    places = _python(source) if language == "python" else _curly(source)
    order = sorted(places, key=lambda name: places[name])
    return Identifiers(code, language, {name: places[name] for name in order}, frozenset(WORD.findall(code)))


def _python(source: Source | str) -> dict[str, tuple[tuple[int, int], ...]]:
    names = source if isinstance(source, str) else python_scope.names_of(source)
    if isinstance(source, str) or isinstance(names, str) or names.sees_frames:
        return {}
    return {
        name: tuple((use.start, use.end) for use in names.uses[name])
        for name in python_scope.renamable(source, names)
    }


def _curly(source: Source | str) -> dict[str, tuple[tuple[int, int], ...]]:
    unit: Unit | str = source if isinstance(source, str) else unit_of(source)
    if isinstance(unit, str):
        return {}
    return {
        name: tuple((use.start, use.end) for use in unit.uses[name])
        for name in unit.declarations
        if unit.is_plain(name)
    }
