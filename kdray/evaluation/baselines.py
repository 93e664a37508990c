"""What needs no learning: repeat the last assertion, copy the nearest training example's, say the commoner class.

The figures to beat. Retrieval is cosine similarity of binary TF-IDF vectors over the words of the context's
last lines, of what follows and of the code under test; on unseen files of seen packages it finds near-copies where
there are any.
"""

from __future__ import annotations

import re
from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from kdray.console import Advance
from kdray.corpus.example import Example

WORD = re.compile(r"[A-Za-z_]\w*|\d+|[^\s\w]")
LINES = 12
"""Lines of context, from its end, that are compared."""


def last_assertion(example: Example) -> str:
    """The last assertion that the context already holds, or ""."""
    lines = [line.strip() for line in example.context.splitlines()]
    asserting = [
        line for line in lines if line.startswith("assert") or re.match(r"[\w.]+\.assert\w*\(", line)
    ]
    return asserting[-1] if asserting else ""


def words(example: Example) -> set[str]:
    """The distinct words that stand for an example in retrieval."""
    tail = example.context.splitlines()[-LINES:]
    return set(WORD.findall("\n".join([example.focal, *tail, example.after])))


class Retrieval:
    """The nearest training example's target."""

    def __init__(self, examples: Iterable[Example]) -> None:
        """Indexes training examples, read once: of each its target is held, and a number for each of its words."""
        self._targets: list[str] = []
        postings: dict[str, array[int]] = defaultdict(lambda: array("I"))
        for number, example in enumerate(examples):
            self._targets.append(example.target)
            for word in words(example):
                postings[word].append(number)
        self._postings = {word: np.frombuffer(numbers, np.uintc) for word, numbers in postings.items()}
        total = len(self._targets)
        self._weight = {word: float(np.log(total / len(numbers))) for word, numbers in postings.items()}
        squares = np.zeros(total)
        for word, numbers_N in self._postings.items():
            squares[numbers_N] += self._weight[word] ** 2
        self._norms = np.sqrt(np.maximum(squares, 1e-12))

    def predict(self, example: Example) -> str:
        """The target of the nearest training example; the earliest of equals."""
        return self._targets[int(np.argmax(self._scores(example)))]

    def _scores(self, example: Example) -> NDArray[np.float64]:
        scores = np.zeros(len(self._targets))
        for word in words(example):
            if word in self._postings:
                scores[self._postings[word]] += self._weight[word] ** 2
        return np.asarray(scores / self._norms)


def copied(train: Iterable[Example], examples: Sequence[Example], progress: Advance) -> dict[str, list[str]]:
    """What nearest-neighbour retrieval and repeating the last assertion say, by name, to each of the examples;
    those to copy from are read once.
    """
    retrieval = Retrieval(train)
    retrieved = []
    for done, example in enumerate(examples, start=1):
        retrieved.append(retrieval.predict(example))
        progress(done, len(examples))
    return {"retrieval": retrieved, "repeat_last": [last_assertion(example) for example in examples]}


def majority(references: Sequence[str]) -> list[str]:
    """The commoner class, `0` or `1`, every time."""
    truth_N = np.array([int(reference) for reference in references])
    return [str(int(truth_N.mean() > 0.5))] * len(references)
