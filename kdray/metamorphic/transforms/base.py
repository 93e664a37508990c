"""What every transformation is: a pure function from source and seed to a variant, or to a reason why not.

A source comes in two pieces, `context` (what a model reads) and `target` (what it is to write, maybe empty);
together they are one piece of code. A variant changes the context, and the target only where a renamed name
stands in it. A transformation that cannot show that behaviour stays the same says so in a `Refusal` instead
of guessing.

Not covered: which languages and transformations there are (see `registry`).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from kdray.metamorphic.transforms.tree import Source, parse


@dataclass(frozen=True)
class Variant:
    """A behaviour-preserving rewriting.

    Attributes:
        context: the new context; where a target follows it ends in that line's indentation, as before.
        target: the target, names renamed along.
        transform: the transformation's name.
        renames: (old, new) pairs, for renaming a model's answer back.
    """

    context: str
    target: str
    transform: str
    renames: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Refusal:
    """Why a transformation does not apply."""

    reason: str


def head_of(source: Source, begin: int, end: int) -> str:
    """What stands before a value, `x = ` or `return`, for another value to stand behind it."""
    head = source.data[begin:end].decode()
    return f"{head} " if head[-1:].isalnum() else head


@dataclass(frozen=True)
class Edit:
    """Bytes `start` to `end` of the whole source become `text`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Edits:
    """All changes of one variant; none overlap, and edits at one place apply in their order."""

    edits: Sequence[Edit]
    renames: tuple[tuple[str, str], ...] = ()


Rewriter = Callable[[Source, random.Random], Edits | Refusal]


class Transform(Protocol):
    """One transformation of one language: a function of (context, target, seed) that raises for no text."""

    @property
    def name(self) -> str:
        """Unique within its language."""

    @property
    def language(self) -> str:
        """`python`, `java` or `c`."""

    def __call__(self, context: str, target: str, seed: int) -> Variant | Refusal:
        """The variant, or why there is none."""


@dataclass(frozen=True)
class Rewrite:
    """A `Transform` made of a function that finds edits on a syntax tree."""

    name: str
    language: str
    rewriter: Rewriter

    def __call__(self, context: str, target: str, seed: int) -> Variant | Refusal:
        """See `Transform`."""
        source = parse(self.language, context, target)
        if isinstance(source, str):
            return Refusal(source)
        rng = random.Random(f"{self.name} {seed}")  # noqa: S311 - reproducible, not secret
        rewritten = self.rewriter(source, rng)
        if isinstance(rewritten, Refusal):
            return rewritten
        new_context, new_target = apply(source, rewritten.edits)
        return Variant(new_context, new_target, self.name, rewritten.renames)


def _with_line_end(text: str, line_end: str) -> str:
    return text if line_end == "\n" else text.replace("\r\n", "\n").replace("\n", line_end)


def _apart(before: bytes, text: str, after: bytes) -> str:
    """A text between spaces where it would run into the word before or behind it: `1if x`, `return"a"`."""
    word = re.compile(r"[\w\x80-\xff]")
    if not text:
        return text
    left = word.match(before.decode("latin-1")) and word.match(text)
    right = word.match(after.decode("latin-1")) and word.match(text[-1])
    return f"{' ' if left else ''}{text}{' ' if right else ''}"


def apply(source: Source, edits: Sequence[Edit]) -> tuple[str, str]:
    """The context and target after the edits. An insertion where the target begins belongs to the context."""
    pieces: tuple[list[bytes], list[bytes]] = ([], [])
    at = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        in_target = edit.start >= source.boundary and edit.end > source.boundary
        if in_target and at < source.boundary:
            pieces[0].append(source.data[at : source.boundary])
            at = source.boundary
        pieces[in_target].append(source.data[at : edit.start])
        text = _with_line_end(edit.text, source.line_ends[in_target])
        before, after = b"".join(pieces[in_target][-2:])[-1:], source.data[edit.end : edit.end + 1]
        pieces[in_target].append(_apart(before, text, after).encode())
        at = edit.end
    if at < source.boundary:
        pieces[0].append(source.data[at : source.boundary])
        at = source.boundary
    pieces[1].append(source.data[at : source.end])
    return b"".join(pieces[0]).decode(), b"".join(pieces[1]).decode()
