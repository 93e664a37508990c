"""Asks about tests of whatever language they are in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from kdray.console import Advance
from kdray.corpus.example import Example
from kdray.errors import ConfigError
from kdray.execution.ask import How, ask, located
from kdray.execution.case import Case, Ran
from kdray.execution.java.ask_java import ANYWHERE, ask_java, placed


def ask_any(examples: Sequence[Example], cases: Sequence[Case], how: How, progress: Advance) -> list[Ran]:
    """See `ask`, and `ask_java`: a corpus is of one language.

    Raises:
        ConfigError: see there; or Python is told of what is Java's.
    """
    is_java = any(example.language == "java" for example in examples)
    if examples and not is_java and (how.classpath or ANYWHERE in how.roots):
        raise ConfigError(f"classpath and sources are of Java, and this corpus is of {examples[0].language}")
    return (ask_java if is_java else ask)(examples, cases, how, progress)


class FileOfTest(NamedTuple):
    """A test's file, and the folders that hold the code under test."""

    path: Path
    roots: Sequence[str]


def place_of(example: Example, roots: Mapping[str, Path]) -> FileOfTest | None:
    """Where the file of an example lies; None where it is not here."""
    if example.language == "java":
        found = placed(example, roots)
        return None if isinstance(found, str) else FileOfTest(found.path, [str(found.root)])
    module = located(example, roots)
    return None if isinstance(module, str) else FileOfTest(Path(module.path), module.roots)
