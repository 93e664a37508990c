"""What a chunk's logits are taken apart into: kept tokens, their tail, and how the teacher spreads it.

Shape suffixes: C positions of a chunk, K kept tokens, V vocabulary, R directions of the tail's spread.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from kdray.losses.divergences import NOTHING, Coarse
from kdray.losses.tensors import SignalTensors

TAKEN = -1e30
"""A logit that was taken out of the tail; finite, because 0 times it is wanted."""


@dataclass(frozen=True)
class Kept:
    """The teacher's kept tokens in one chunk, taken out of its logits."""

    ids_CK: Tensor
    logits_CK: Tensor
    logprobs_CK: Tensor
    tail_C: Tensor
    tail_at_C: Tensor

    @classmethod
    def take(cls, signal: SignalTensors, start: int, end: int, logits_CV: Tensor) -> Kept:
        """Copies the logits of the kept tokens and leaves `TAKEN` in their place: the rest is the tail."""
        wide, ids_CK = logits_CV.dtype, signal.ids_NK[start:end]
        logits_CK = logits_CV.gather(1, ids_CK)
        logits_CV.scatter_(1, ids_CK, TAKEN)
        parts = (signal.logprobs_NK, signal.tail_N, signal.tail_at_N)
        return cls(ids_CK, logits_CK, *(part[start:end].to(wide) for part in parts))

    def student(self, tail_C: Tensor, temperature: float) -> Coarse:
        """The student's side, padded slots without mass."""
        real_CK = self.logprobs_CK > NOTHING
        return Coarse(torch.where(real_CK, self.logits_CK / temperature, NOTHING), tail_C)

    def teacher(self, temperature: float) -> Coarse:
        """The teacher's side; `temperature` is 1 or that of the signal."""
        scaled_CK = (self.logprobs_CK / temperature).clamp(min=NOTHING)
        head_CK = torch.where(self.logprobs_CK > NOTHING, scaled_CK, NOTHING)
        return Coarse(head_CK, self.tail_C if temperature == 1 else self.tail_at_C)


@dataclass(frozen=True)
class Tail:
    """exp((logit - top) / T) of the tokens that are left in a chunk's logits, and their log-sum-exp at T."""

    exp_CV: Tensor
    sum_C: Tensor
    lse_C: Tensor
    temperature: float

    @classmethod
    def of(cls, logits_CV: Tensor, top_C1: Tensor, temperature: float, in_place: bool) -> Tail:
        """`in_place` overwrites the logits."""
        exp_CV, sum_C = _exp(logits_CV, top_C1, temperature, logits_CV if in_place else None)
        lse_C = (top_C1[:, 0] / temperature + sum_C.log()).clamp_(min=NOTHING)
        return cls(exp_CV, sum_C, lse_C.requires_grad_(), temperature)

    def gradient(self, grad_C: Tensor) -> Tensor:
        """The gradient of the log-sum-exp, given to its tokens by their share of it; overwrites `exp_CV`."""
        return self.exp_CV.mul_((grad_C / self.temperature / self.sum_C)[:, None])


@dataclass(frozen=True)
class Spread:
    """The teacher's distribution within its tail at T, against the student's logits there.

    Attributes:
        exp_CV: the teacher's probability of each token within its tail, times `sum_C`; 0 on kept tokens.
        sum_C: of `exp_CV`.
        cross_C: sum over the tail of share * (ln share - logit / T): with the student's log-sum-exp of the
            tail added, the KL within the tail.
    """

    exp_CV: Tensor
    sum_C: Tensor
    cross_C: Tensor

    @classmethod
    def of(
        cls, signal: SignalTensors, start: int, end: int, logits_CV: Tensor, basis_RV: Tensor | None
    ) -> Spread:
        """From logits whose kept tokens were taken out; `basis_RV` is in the type to multiply in."""
        assert signal.coefficients_NR is not None  # noqa: S101 - `loss` saw to it
        coefficients_CR = signal.coefficients_NR[start:end] / signal.temperature
        if basis_RV is not None:
            coefficients_CR = coefficients_CR.to(basis_RV.dtype) @ basis_RV
        teacher_CV = coefficients_CR.to(logits_CV.dtype)
        if missing := logits_CV.shape[1] - teacher_CV.shape[1]:  # tokens that the teacher does not know
            teacher_CV = torch.nn.functional.pad(teacher_CV, (0, missing), value=TAKEN)
        teacher_CV.scatter_(1, signal.ids_NK[start:end], TAKEN)
        top_C1 = teacher_CV.amax(-1, keepdim=True).clamp_(min=NOTHING)
        exp_CV, sum_C = _exp(teacher_CV, top_C1, 1.0, None)
        mean_C = teacher_CV.sub_(logits_CV, alpha=1 / signal.temperature).mul_(exp_CV).sum(-1) / sum_C
        return cls(exp_CV, sum_C, mean_C - top_C1[:, 0] - sum_C.log())

    def pull(self, grad_CV: Tensor, weight_C: Tensor) -> None:
        """Takes `weight_C` times the teacher's shares from a gradient."""
        grad_CV.addcmul_(self.exp_CV, (weight_C / self.sum_C)[:, None], value=-1)


def _exp(logits_CV: Tensor, top_C1: Tensor, temperature: float, out: Tensor | None) -> tuple[Tensor, Tensor]:
    """exp((logits - top) / temperature), and its sum per position, never 0."""
    # exp2 is four times as fast as exp on a CPU, and the factor comes free with the subtraction.
    factor = math.log2(math.e) / temperature
    exp_CV = torch.add(top_C1 * -factor, logits_CV, alpha=factor, out=out).exp2_()
    return exp_CV, exp_CV.sum(-1).clamp_(min=1e-30)
