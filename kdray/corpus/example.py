"""The unit of a corpus: what a test does before an assertion, and the assertion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Split = Literal["train", "valid", "test"]


@dataclass(frozen=True)
class Example:
    """One assertion of one real test.

    Attributes:
        id: 16 hex digits, a function of the content.
        group: the unit of the split, `package/path/of/file`; no group stands in two splits.
        language: `python`, `java` or `c`.
        test: qualified name of the test (`TestClass.test_name`).
        focal: the code under test, or "" where it could not be resolved.
        context: the test's source before the assertion; ends with a newline and the assertion's indentation.
        target: the assertion, one line, no surrounding space.
        split: `train`, `valid` or `test`, a function of `group` alone.
    """

    id: str
    group: str
    language: str
    test: str
    focal: str
    context: str
    target: str
    split: Split
