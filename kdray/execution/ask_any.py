"""Asks about tests of whatever language they are in."""

from __future__ import annotations

from collections.abc import Sequence

from kdray.console import Advance
from kdray.corpus.example import Example
from kdray.errors import ConfigError
from kdray.execution.ask import How, ask
from kdray.execution.case import Case, Ran
from kdray.execution.java.ask_java import ANYWHERE, ask_java


def ask_any(examples: Sequence[Example], cases: Sequence[Case], how: How, progress: Advance) -> list[Ran]:
    """See `ask`, and `ask_java`: a corpus is of one language.

    Raises:
        ConfigError: see there; or Python is told of what is Java's.
    """
    is_java = any(example.language == "java" for example in examples)
    if examples and not is_java and (how.classpath or ANYWHERE in how.roots):
        raise ConfigError(f"classpath and sources are of Java, and this corpus is of {examples[0].language}")
    return (ask_java if is_java else ask)(examples, cases, how, progress)
