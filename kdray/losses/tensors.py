"""A teacher's signal on a device, at the temperature of a trial."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kdray.losses.divergences import NOTHING
from kdray.teacher.signal import TeacherSignal
from kdray.teacher.tail import tail_at


@dataclass(frozen=True)
class SignalTensors:
    """A `TeacherSignal` on a device, for one temperature.

    Attributes:
        ids_NK: int64; padded slots repeat the first token of the position.
        logprobs_NK: float32 at T = 1, `NOTHING` where padded.
        tail_N: float32 ln of the tail's mass at T = 1, `NOTHING` without a tail.
        tail_at_N: float32 ln R_a at a = 1 / temperature, `NOTHING` without a tail.
        temperature: the T of `tail_at_N`.
        vocab: V of the teacher.
        coefficients_NR: float32, with `basis_RV` how the tail is spread; None where that is not known. Without a
            basis these are the tail's log-probabilities themselves, [N, V].
        basis_RV: float16 or float32.
    """

    ids_NK: Tensor
    logprobs_NK: Tensor
    tail_N: Tensor
    tail_at_N: Tensor
    temperature: float
    vocab: int
    coefficients_NR: Tensor | None = None
    basis_RV: Tensor | None = None

    def __len__(self) -> int:
        return len(self.tail_N)

    def is_whole(self) -> bool:
        """Whether every token is kept at every position."""
        whole = self.ids_NK.shape[1] == self.vocab
        return whole and bool((self.tail_N <= NOTHING).all()) and bool((self.logprobs_NK > NOTHING).all())

    def dense(self) -> SignalTensors:
        """The same where every token is kept: the likeliest one kept, the others a tail whose spread is known.

        The same divergences, without work on K = V numbers per position and with autograd on two.
        """
        top_N, at_N = self.logprobs_NK.max(-1)
        id_N1 = self.ids_NK.gather(1, at_N[:, None])
        rest_NK = self.logprobs_NK.scatter(1, at_N[:, None], NOTHING)
        spread_NV = torch.full_like(rest_NK, NOTHING).scatter_(1, self.ids_NK, rest_NK)
        return replace(
            self,
            ids_NK=id_N1,
            logprobs_NK=top_N[:, None],
            tail_N=rest_NK.logsumexp(-1),
            tail_at_N=(rest_NK / self.temperature).logsumexp(-1),
            coefficients_NR=spread_NV,
            basis_RV=None,
        )


def to_tensors(
    signal: TeacherSignal, temperature: float, device: str | torch.device = "cpu"
) -> SignalTensors:
    """The signal as tensors, its tail brought to `temperature`."""
    kept_NK = np.isfinite(signal.logprobs_NK)
    if signal.ids_NK.strides[0] == 0 and kept_NK.all():  # one row of ids for all: not to be written out
        ids_NK = torch.from_numpy(signal.ids_NK[0].copy()).expand(signal.ids_NK.shape)
    else:
        ids_NK = torch.from_numpy(np.where(kept_NK, signal.ids_NK, signal.ids_NK[:, :1]))

    def tensor(values: Any) -> Tensor:
        return torch.from_numpy(np.maximum(values, NOTHING).astype(np.float32)).to(device)

    spread = signal.spread
    return SignalTensors(
        ids_NK=ids_NK.to(device),
        logprobs_NK=tensor(signal.logprobs_NK),
        tail_N=tensor(signal.tail_N),
        tail_at_N=tensor(tail_at(signal, temperature)),
        temperature=temperature,
        vocab=signal.vocab,
        coefficients_NR=None if spread is None else torch.from_numpy(spread.coefficients_NR).to(device),
        basis_RV=None if spread is None else torch.tensor(spread.basis_RV, device=device),
    )
