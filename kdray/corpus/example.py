"""The unit of a corpus: what a test does before an assertion, and the assertion.

In Python an example is one assertion, and what follows it is not shown. In Java, as the published sets have it, an
example is a test whose one to three assertions are cut out: the model reads what stands before and after the
place where the first one stood, and writes all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Split = Literal["train", "valid", "test"]


@dataclass(frozen=True)
class Example:
    """What is asserted at one place of one real test.

    Attributes:
        id: 16 hex digits, a function of the content.
        group: the unit of the split, `package/path/of/file`; no group stands in two splits.
        language: `python`, `java` or `c`.
        test: qualified name of the test (`TestClass.test_name`).
        focal: the code under test, or "" where it could not be resolved: a signature in one line, or a method
            within its class (see `kdray.corpus.java.focal_code`).
        context: the test's source before the assertion; ends with a newline and the assertion's indentation.
        target: the assertion, or all that are cut out, one line, no surrounding space.
        split: `train`, `valid` or `test`; mined, it is a function of `group` alone, published, as published.
        after: the test's source behind the assertion, a newline first, or "".
        repo: the project it was taken from, where that is known.
        commit: its version: a commit, or what a package calls itself.
        license: its licence, as an SPDX identifier where it has one.
    """

    id: str
    group: str
    language: str
    test: str
    focal: str
    context: str
    target: str
    split: Split
    after: str = ""
    repo: str = ""
    commit: str = ""
    license: str = ""

    @property
    def is_given_away(self) -> bool:
        """Whether the whole assertion stands verbatim on a line of what the model reads."""
        given = [line.strip() for line in (self.context + self.after).split("\n")]
        return self.target.strip() in given
