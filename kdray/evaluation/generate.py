"""Greedy decoding of many prompts, the same tokens as `model.generate` and several times as fast.

Prompts are taken by length, longest first; a row leaves when it is done, and new ones join when half of the
places are free, so the last slow row of a batch holds nobody up. A `draft` (here: what the teacher wrote) is
read together with its prompt in one pass: as far as the model would have written the same, nothing is decoded
at all, and the same pass gives the model's distributions under teacher forcing, which the metamorphic
relations need anyway.

Not covered: sampling and beams.

Shape suffixes: B sequences, N flat output positions, V vocabulary, D width.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kdray.evaluation.ways import way_of
from kdray.students.forward import head, project, soft_cap

MAX_LOGITS = 1 << 24
"""Logits held at a time: 64 MiB in float32."""

PREFIX_TOKENS = 2048
"""Tokens read at a time on a processor: measured at 1.4 M parameters, 8,192 at a time take 1.5 times as long."""
LEAVE_BELOW = 0.75
"""Share of a state's rows that are still being written, below which the others are dropped."""

OnDraft = Callable[[list[int], Tensor], None]
"""Called with the numbers of some prompts and logits_NV at all positions of their drafts, in that order."""
OnToken = Callable[[list[int], Tensor], None]
"""Called with the numbers of some prompts and logits_NV, a row for each, of which its next token is the best."""


@dataclass(frozen=True)
class Generation:
    """What a model wrote.

    Attributes:
        ids: int32 [L] tokens, `end_id` included where it was reached.
        logprob: float32 [L] natural log-probability of each.
    """

    ids: NDArray[np.int32]
    logprob: NDArray[np.float32]

    @property
    def confidence(self) -> float:
        """Geometric mean of the tokens' probabilities, in [0, 1]; 0 for an empty output."""
        return float(np.exp(self.logprob.mean(dtype=np.float64))) if len(self.logprob) else 0.0


@torch.inference_mode()
def greedy(
    model: Any,
    prompts: Sequence[NDArray[np.int32]],
    *,
    end_id: int | Collection[int],
    pad_id: int,
    max_new_tokens: int,
    batch_size: int,
    drafts: Sequence[NDArray[np.int32]] | None = None,
    on_draft: OnDraft | None = None,
    on_token: OnToken | None = None,
    vocab: int | None = None,
) -> list[Generation]:
    """The most probable next token, again and again.

    Args:
        model: a transformers model, decoder-only or encoder-decoder.
        prompts: inputs, none empty.
        end_id: generation of a row stops after this token, or after any of these.
        pad_id: the padding token.
        max_new_tokens: longest output, at least 1.
        batch_size: rows decoded together; what they are does not change any output.
        drafts: a guess of each output (may be empty); changes the time, not the result.
        on_draft: sees the logits at the drafts' positions; every draft must have a token then.
        on_token: sees the logits that each token was chosen by, as it is chosen; there must be no drafts then.
        vocab: how many ids, from 0 on, may be written and have logits: embeddings are padded with rows that are no
            tokens. None for all.

    Returns:
        One `Generation` a prompt, in the prompts' order.

    Raises:
        ValueError: for an empty prompt, an empty draft that `on_draft` is to see, drafts beside `on_token`, or
            numbers below 1.
    """
    if max_new_tokens < 1 or batch_size < 1:
        raise ValueError(f"max_new_tokens {max_new_tokens} and batch_size {batch_size} must be at least 1")
    if any(len(prompt) == 0 for prompt in prompts):
        raise ValueError("a prompt without a token")
    if on_token is not None and drafts is not None:
        raise ValueError("on_token sees what is written, and a draft is read")
    drafts = [np.empty(0, np.int32)] * len(prompts) if drafts is None else drafts
    if on_draft is not None and any(len(draft) == 0 for draft in drafts):
        raise ValueError("a draft without a token has no logits to see")
    was_training = model.training
    model.eval()
    try:
        on_read = on_token or on_draft  # a prompt without a draft is read up to its first token
        run = _Run(
            model, prompts, drafts, end_id, pad_id, max_new_tokens, batch_size, on_read, on_token, vocab
        )
        return run.finish()
    finally:
        model.train(was_training)


class _Run:
    """One call of `greedy`: the queue, the active rows and what they have written."""

    def __init__(
        self,
        model: Any,
        prompts: Sequence[NDArray[np.int32]],
        drafts: Sequence[NDArray[np.int32]],
        end_id: int | Collection[int],
        pad_id: int,
        max_new_tokens: int,
        batch_size: int,
        on_read: OnDraft | None,
        on_step: OnToken | None,
        vocab: int | None,
    ) -> None:
        self.model, self.prompts, self.drafts = model, prompts, drafts
        self.end_ids, self.pad_id, self.max_new_tokens, self.batch_size = (
            {end_id} if isinstance(end_id, int) else end_id,
            pad_id,
            max_new_tokens,
            batch_size,
        )
        self.on_read, self.on_step = on_read, on_step
        weight_VD, self.scale = head(model)
        self.weight_VD = weight_VD[:vocab]
        self.cap, self.way = soft_cap(model), way_of(model)
        # Longest first: the batch that needs most memory comes while nothing else is held.
        self.queue = sorted(range(len(prompts)), key=lambda i: (-len(prompts[i]), -len(drafts[i]), i))
        self.ids: list[list[int]] = [[] for _ in prompts]
        self.logprob: list[list[float]] = [[] for _ in prompts]
        self.state: Any = None
        self.rows: list[int] = []
        self.active: list[int] = []

    def finish(self) -> list[Generation]:
        """Decodes everything."""
        while self.queue or self.active:
            if self.queue and len(self.active) <= self.batch_size // 2:
                self._join(self.batch_size - len(self.active))
            else:
                self._step()
        return [
            Generation(np.array(ids, np.int32), np.array(logprob, np.float32))
            for ids, logprob in zip(self.ids, self.logprob, strict=True)
        ]

    def _is_done(self, i: int) -> bool:
        return self.ids[i][-1] in self.end_ids or len(self.ids[i]) >= self.max_new_tokens

    def _join(self, places: int) -> None:
        """Reads the next prompts with their drafts; those that are not done become active."""
        pieces = []
        if self.state is not None and self.active:
            pieces.append((self.state, self._rows_of_active()))
        while places > 0 and self.queue:
            numbers = self._next(places)
            places -= len(numbers)
            state = self._read(numbers)
            going = [row for row, i in enumerate(numbers) if not self._is_done(i)]
            if going:
                pieces.append((state, torch.tensor(going, device=self.model.device)))
                self.active += [numbers[row] for row in going]
        if self.active:
            self.state, self.rows = self.way.pack(pieces), list(self.active)

    def _next(self, places: int) -> list[int]:
        """Takes prompts off the queue: a few that a processor's cache holds, as many as fit on an accelerator."""
        size = places
        if self.model.device.type == "cpu":
            longest = len(self.prompts[self.queue[0]]) + len(self.drafts[self.queue[0]])
            size = min(places, max(1, PREFIX_TOKENS // longest))
        numbers, self.queue = self.queue[:size], self.queue[size:]
        return numbers

    def _read(self, numbers: list[int]) -> Any:
        """Reads prompts with their drafts and takes over what the model would have written itself."""
        drafts = [self.drafts[i] for i in numbers]
        hidden_ND, state = self.way.prefill(
            self.model, [self.prompts[i] for i in numbers], drafts, self.pad_id
        )
        counts = [max(1, len(draft)) for draft in drafts]
        kept = []
        for first, last, logits_NV in self._in_chunks(hidden_ND, counts):
            best_N, logprob_N = _best(logits_NV)
            at = 0
            for row in range(first, last):
                draft, end = drafts[row], at + counts[row]
                kept.append(self._accept(numbers[row], draft, best_N[at:end], logprob_N[at:end]))
                at = end
            if self.on_read is not None:
                self.on_read(numbers[first:last], logits_NV)
        # The cache forgets the draft where the model writes something else.
        lost = [count - keep for count, keep in zip(counts, kept, strict=True)]
        state.length_B = state.length_B - torch.tensor(lost, device=self.model.device)
        return state

    def _rows_of_active(self) -> Tensor:
        """Where the active prompts stand in the state."""
        place = {i: row for row, i in enumerate(self.rows)}
        return torch.tensor([place[i] for i in self.active], device=self.model.device)

    def _in_chunks(self, hidden_ND: Tensor, counts: list[int]) -> Iterator[tuple[int, int, Tensor]]:
        """Rows first..last and their logits, a bounded number at a time."""
        limit = max(1, MAX_LOGITS // self.weight_VD.shape[0])
        first, at = 0, 0
        while first < len(counts):
            last, size = first + 1, counts[first]
            while last < len(counts) and size + counts[last] <= limit:
                size += counts[last]
                last += 1
            yield first, last, self._logits(hidden_ND[at : at + size])
            first, at = last, at + size

    def _logits(self, hidden_ND: Tensor) -> Tensor:
        return project(hidden_ND, self.weight_VD, self.scale, self.cap)

    def _accept(self, i: int, draft: NDArray[np.int32], best: list[int], logprob: list[float]) -> int:
        """Takes over what the model itself would have written; returns how many tokens that is."""
        keep = 1
        while (
            keep < min(len(draft), self.max_new_tokens)
            and best[keep - 1] == draft[keep - 1]
            and best[keep - 1] not in self.end_ids
        ):
            keep += 1
        self.ids[i], self.logprob[i] = best[:keep], logprob[:keep]
        return keep

    def _step(self) -> None:
        """One token for each active row."""
        tokens_B = torch.tensor([self.ids[i][-1] for i in self.rows], device=self.model.device)
        logits_BV = self._logits(self.way.step(self.model, self.state, tokens_B))
        if self.on_step is not None:
            self.on_step(self.active, logits_BV[self._rows_of_active()])
        best_B, logprob_B = _best(logits_BV)
        going = set(self.active)
        for i, token, logprob in zip(self.rows, best_B, logprob_B, strict=True):
            if i in going:
                self.ids[i].append(token)
                self.logprob[i].append(logprob)
        self.active = [i for i in self.active if not self._is_done(i)]
        # Leaving copies the cache, which costs about a step: a few dead rows are carried along.
        if self.active and len(self.active) <= LEAVE_BELOW * len(self.rows):
            self.state = self.way.pack([(self.state, self._rows_of_active())])
            self.rows = list(self.active)


def _best(logits_NV: Tensor) -> tuple[list[int], list[float]]:
    """The most probable token of each position and its log-probability."""
    top_N, best_N = logits_NV.max(1)
    logprob_N = top_N - logits_NV.logsumexp(1)
    return best_N.tolist(), logprob_N.tolist()
