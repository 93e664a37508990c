"""The lenient accuracy of the alpha-temperature study, for Java: how many of a test's assertions were written.

Of one test: assertions written that are among the references, over the larger number of both, in any order. The
first argument of `assertEquals` counts as a constant, so a wrong expected value counts as right: this measures the
shape of assertions. The study's script counts an assertion that is written twice twice; here it needs two
references.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kdray.evaluation.intervals import bootstrap_mean
from kdray.evaluation.metrics import normalise

BOOTSTRAP_SEED = 0
CONSTANT = "VALUE"
_PIECES = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|.', re.DOTALL)
_EQUALS = re.compile(r"(.*?\bassertEquals ?\()(.*)\)", re.DOTALL)


def is_java(references: Sequence[str]) -> bool:
    """Whether these are assertions in Java: each ends with a semicolon, which none in Python does."""
    return bool(references) and all(reference.endswith(";") for reference in references)


def lenient_accuracy(outputs: Sequence[str], references: Sequence[str]) -> NDArray[np.float64]:
    """float64 [N] in [0, 1]: of each test's assertions, the share that was written (see the module)."""
    return np.array([_share(a, b) for a, b in zip(outputs, references, strict=True)], np.float64)


def lenient_mean(outputs: Sequence[str], references: Sequence[str]) -> tuple[float, tuple[float, float]]:
    """The mean of `lenient_accuracy` and its 95 % interval over the tests."""
    share_N = lenient_accuracy(outputs, references)
    return float(share_N.mean()), bootstrap_mean(share_N, BOOTSTRAP_SEED)


def _share(output: str, reference: str) -> float:
    written, wanted = Counter(assertions(output)), Counter(assertions(reference))
    most = max(written.total(), wanted.total())
    return (written & wanted).total() / most if most else 0.0


def assertions(text: str) -> list[str]:
    """The statements of a text, white space normalised, the first argument of `assertEquals` a constant."""
    return [_without_expected(normalise(part)) for part in _split(text, ";") if part.strip()]


def _without_expected(statement: str) -> str:
    call = _EQUALS.fullmatch(statement)
    arguments = _split(call[2], ",") if call else []
    return f"{call[1]}{CONSTANT},{','.join(arguments[1:])})" if call and len(arguments) > 1 else statement


def _split(text: str, sign: str) -> list[str]:
    """The parts between the signs that stand in no literal and no bracket."""
    parts, depth = [""], 0
    for piece in _PIECES.findall(text):
        if piece == sign and depth <= 0:
            parts.append("")
            continue
        depth += (piece in "([{") - (piece in ")]}")
        parts[-1] += piece
    return parts
