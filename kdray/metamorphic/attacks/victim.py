"""A model under attack, and the counting of what is asked of it.

Shape suffixes: N pieces of code, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Victim = Callable[[Sequence[str]], NDArray[Any]]
"""Class probabilities [N, C] of N pieces of code: a model with its tokenizer, and the other snippet of a pair."""


@dataclass(frozen=True)
class Answer:
    """What a victim says.

    Attributes:
        truth: float64 [N], probability of the true answer.
        flipped: bool [N], whether the victim gives another one.
    """

    truth: NDArray[np.float64]
    flipped: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.truth)


Ask = Callable[[Sequence[str]], Answer]
"""What is said of N pieces of code, whatever kind of model is asked."""


def by_class(victim: Victim, label: int) -> Ask:
    """Asks a classifier: the truth is a class."""

    def ask(codes: Sequence[str]) -> Answer:
        probabilities_NC = np.asarray(victim(codes), np.float64)
        return Answer(probabilities_NC[:, label], probabilities_NC.argmax(1) != label)

    return ask


class Query:
    """Asks about one item until the budget is spent. Code that was asked before is free."""

    def __init__(self, ask: Ask, budget: int) -> None:
        """`budget` is the most distinct pieces of code that are asked."""
        self._ask, self._budget = ask, budget
        self._known: dict[str, tuple[float, bool]] = {}

    @property
    def count(self) -> int:
        """Distinct pieces of code asked so far."""
        return len(self._known)

    @property
    def is_spent(self) -> bool:
        """Whether nothing new can be asked."""
        return self.count >= self._budget

    def __call__(self, codes: Sequence[str]) -> Answer:
        """Asks about some code in one batch; what the budget does not cover is left off the end."""
        affordable: list[str] = []
        new: dict[str, None] = {}
        for code in codes:
            if code not in self._known and code not in new:
                if self.count + len(new) >= self._budget:
                    break
                new[code] = None
            affordable.append(code)
        if new:
            said = self._ask(list(new))
            for code, truth, flipped in zip(new, said.truth, said.flipped, strict=True):
                self._known[code] = (float(truth), bool(flipped))
        answers = [self._known[code] for code in affordable]
        return Answer(np.array([p for p, _ in answers], np.float64), np.array([f for _, f in answers], bool))
