"""The unit of training: one encoded sequence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IGNORED = -100
"""Label of a position that is no target (the value that PyTorch's cross-entropy ignores)."""


@dataclass(frozen=True)
class Row:
    """One sequence.

    Decoder-only: `labels` is aligned with `input_ids` (same length); `labels[t] == input_ids[t]` where token
    t is a target, else `IGNORED`. One sequence may hold several assertions of one test, each predicted from
    all that stands before it. Encoder-decoder: `input_ids` is the encoder's input and `labels` the decoder's
    targets, of any length.

    Attributes:
        id: the id of the (first) example in it.
        input_ids: int32 [T].
        labels: int32 [T] or [L].
    """

    id: str
    input_ids: NDArray[np.int32]
    labels: NDArray[np.int32]

    @property
    def num_targets(self) -> int:
        """How many positions a teacher's signal has for this row."""
        return int((self.labels != IGNORED).sum())
