"""What is asked about one example, and what came of it: what processes that run tests are sent and send back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Verdict = Literal["passes", "fails", "raises", "unparsed", "uncompiled", "compiles"]
"""The last two of Java alone: what its compiler refuses; and what it takes, in a test that cannot be run."""


class Fault(NamedTuple):
    """A mutant by its place.

    Attributes:
        file, line, name: of the function; the file from the folder of the package on.
        number: among the function's faults.
        what: in words.
    """

    file: str
    line: int
    name: str
    number: int
    what: str


@dataclass(frozen=True)
class Case:
    """What is asked about one example.

    Attributes:
        test, target, context: of the example.
        texts: assertions in place of its own.
        mutants: how many are tried at most.
        counting: those that are known to count; None where this is to be found out, and whether the test runs.
        is_written: whether the target is an assertion; False where it only marks the place of one.
        is_variant: whether the context is another than the file's: the test is run as the context has it then, up
            to the assertion.
    """

    test: str
    target: str
    context: str
    texts: tuple[str, ...] = ()
    mutants: int = 0
    counting: tuple[Fault, ...] | None = None
    is_written: bool = True
    is_variant: bool = False


@dataclass
class Ran:
    """What came of a case.

    Attributes:
        reason: why it cannot be run here, "" where it can.
        verdicts: of each text; beside a reason, whether it compiles.
        killed: of each text, which of the mutants that count it kills, alone in its test.
        counting: those mutants: the example's own assertion kills them so, and the test without any does not.
    """

    reason: str
    verdicts: list[Verdict] = field(default_factory=list)
    killed: list[list[bool]] = field(default_factory=list)
    counting: list[Fault] = field(default_factory=list)
