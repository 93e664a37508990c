"""Several answers to one prompt, by a beam search over whatever writes: a model in torch, or its ONNX graph.

The answers are those of transformers' `generate` with as many beams, and their probabilities come along: nothing
is read a second time. Imports neither torch nor transformers.

Shape suffixes: B beams, V vocabulary.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int32]
Logits = NDArray[np.float32]


class Writer(Protocol):
    """A model that reads a prompt once and goes on token by token."""

    def read(self, prompt: Ids) -> tuple[Logits, Any]:
        """Logits [1, V] of what follows a prompt, and a state to go on from."""

    def go_on(self, state: Any, rows: Sequence[int], tokens: Sequence[int]) -> tuple[Logits, Any]:
        """Chosen rows of a state, each with one token behind it: logits [B, V] of the next, and their state."""


@dataclass(frozen=True)
class Beam:
    """One answer.

    Attributes:
        ids: int32 [L] tokens, the end token included where it was reached.
        logprob: natural log-probability of them all.
    """

    ids: tuple[int, ...]
    logprob: float

    @property
    def mean(self) -> float:
        """Log-probability of a token, the mean: what answers are ranked by."""
        return self.logprob / len(self.ids)


def beams(
    writer: Writer,
    prompt: Ids,
    *,
    end_ids: Collection[int],
    max_new_tokens: int,
    count: int,
    vocab: int | None = None,
) -> list[Beam]:
    """The likeliest answers that a search with `count` beams finds, at most so many, best first; none is empty.

    A beam ends with a token of `end_ids` or at `max_new_tokens`. The search is over when as many have ended and
    the likeliest of the others is worse than each of these. Ids from `vocab` on are no tokens: a padded embedding
    has some.
    """
    logits_BV, state = writer.read(prompt)
    running, ended = [Beam((), 0.0)], list[Beam]()
    for length in range(1, max_new_tokens + 1):
        logprobs_BV = log_softmax(logits_BV[:, :vocab])
        if length == 1:  # to say nothing is no answer
            logprobs_BV[:, list(end_ids)] = -np.inf
        tried = _extended(running, logprobs_BV, count * (1 + len(end_ids)))
        over = [beam.ids[-1] in end_ids or length == max_new_tokens for _, beam in tried]
        ended += [beam for (_, beam), done in zip(tried[:count], over, strict=False) if done]
        ended = heapq.nlargest(count, ended, key=lambda beam: beam.mean)
        going = [one for one, done in zip(tried, over, strict=True) if not done][:count]
        if not going or (len(ended) == count and going[0][1].mean <= ended[-1].mean):
            break
        running = [beam for _, beam in going]
        logits_BV, state = writer.go_on(state, [row for row, _ in going], [beam.ids[-1] for beam in running])
    return ended


def _extended(running: Sequence[Beam], logprobs_BV: NDArray[np.float64], most: int) -> list[tuple[int, Beam]]:
    """The likeliest beams that are one token longer, each with the row that it goes on from."""
    sums = (logprobs_BV + np.array([beam.logprob for beam in running])[:, None]).ravel()
    best = np.argpartition(-sums, min(most, sums.size) - 1)[:most]
    best = best[np.argsort(-sums[best], kind="stable")]
    found = zip(*np.divmod(best, logprobs_BV.shape[1]), sums[best], strict=True)
    return [
        (int(row), Beam((*running[row].ids, int(token)), float(logprob)))
        for row, token, logprob in found
        if np.isfinite(logprob)
    ]


def greedy(
    writer: Writer, prompt: Ids, *, end_ids: Collection[int], max_new_tokens: int, vocab: int | None = None
) -> Ids:
    """The likeliest next token below `vocab`, again and again, up to the one that ends, which is included."""
    logits_1V, state = writer.read(prompt)
    written = [int(logits_1V[0, :vocab].argmax())]
    while len(written) < max_new_tokens and written[-1] not in end_ids:
        logits_1V, state = writer.go_on(state, [0], written[-1:])
        written.append(int(logits_1V[0, :vocab].argmax()))
    return np.array(written, np.int32)


def log_softmax(logits_BV: Logits) -> NDArray[np.float64]:
    """Log-probabilities of each row's tokens."""
    logits = logits_BV.astype(np.float64)
    logits -= logits.max(1, keepdims=True)
    logprobs: NDArray[np.float64] = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    return logprobs
