"""What a teacher says about each target token, after truncation.

Shape suffixes: N target positions (all targets of a batch of rows, flat), K kept tokens, G nodes of the
temperature grid, V vocabulary. With a = 1/T, head H the kept tokens and R_a = sum over the tail of p_j^a:

    p_T(i) = exp(a * logprob_i) / (sum over H of exp(a * logprob_h) + R_a)        for i in H

so the one unknown at T != 1 is R_a, which is stored (its logarithm) at a few a. R_1 is the tail mass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class TailSpread:
    """How the tail is spread over its tokens: ln p_j = constant + coefficients @ basis[:, j], tempered like a
    logit.

    Attributes:
        coefficients_NR: float32.
        basis_RV: float16 or float32, shared by all positions.
    """

    coefficients_NR: NDArray[np.float32]
    basis_RV: NDArray[np.floating[Any]]


@dataclass(frozen=True)
class TeacherSignal:
    """Truncated teacher distributions at N positions.

    Attributes:
        ids_NK: int64 token ids of the head; 0 where padded.
        logprobs_NK: float32 log-probabilities at T = 1, not renormalised; -inf where padded.
        tail_N: float32 ln of the tail's mass at T = 1; -inf where the head is the whole vocabulary.
        tail_lse_NG: float32 ln R_a at each node of `grid`; -inf where there is no tail.
        grid: the nodes a = 1/T, ascending, without 1 (R_1 is `tail_N`) and 0 (R_0 = V - K).
        vocab: V.
        spread: how the tail is spread; None where that is not known.
    """

    ids_NK: NDArray[np.int64]
    logprobs_NK: NDArray[np.float32]
    tail_N: NDArray[np.float32]
    tail_lse_NG: NDArray[np.float32]
    grid: tuple[float, ...]
    vocab: int
    spread: TailSpread | None = None

    def __len__(self) -> int:
        return len(self.tail_N)
