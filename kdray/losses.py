"""The training loss: cross-entropy on the ground truth, and a divergence from a truncated teacher.

    loss = (1 - alpha) * weighted mean CE over N positions + alpha * T^2 * mean divergence over the targets

Hidden states are projected to the vocabulary in chunks of positions and the gradient is formed while a
chunk's logits are there, so that [N, V] is never held. A chunk needs little of its logits: with H the
teacher's kept tokens, every divergence here is a function of the K logits of H and of the log-sum-exp of the
others, the *tail* (never 1 - sum, which cancels). So the K + 1 numbers of a position go through plain
autograd, and what comes back for the tail is spread over its tokens in proportion to their probability. Only
losses that see the student's tail at T != 1 pay a second exponential per logit.

The T^2 keeps the gradient's size when T changes (Hinton et al., arXiv 1503.02531); without it alpha and T are
confounded.

Not covered: a shape of the teacher's tail (its mass is learnt, not its spread), second derivatives.

Shape suffixes: N positions that are predicted, C positions of a chunk, V vocabulary, K kept tokens, D width.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kdray.config import Distil
from kdray.teacher.signal import TeacherSignal
from kdray.teacher.tail import tail_at

NOTHING = -1e4
"""Stands for ln 0: its exponential is exactly 0 and its products with 0 are 0, where -inf makes NaN."""

TAIL_FLOOR = math.log(1e-6)
"""Reverse KL and JSD give a teacher's tail at least this mass (ours), or they would be infinite."""

JSD_BETA = 0.5
CHUNK_ELEMENTS = 1 << 21
"""Logits held at a time: a chunk has about this many, and at least 16 positions."""


@dataclass(frozen=True)
class SignalTensors:
    """A `TeacherSignal` on a device, for one temperature.

    Attributes:
        ids_NK: int64; padded slots repeat the first token of the position.
        logprobs_NK: float32 at T = 1, `NOTHING` where padded.
        tail_N: float32 ln of the tail's mass at T = 1, `NOTHING` without a tail.
        tail_at_N: float32 ln R_a at a = 1 / temperature, `NOTHING` without a tail.
        temperature: the T of `tail_at_N`.
    """

    ids_NK: Tensor
    logprobs_NK: Tensor
    tail_N: Tensor
    tail_at_N: Tensor
    temperature: float

    def __len__(self) -> int:
        return len(self.tail_N)


@dataclass(frozen=True)
class LossParts:
    """A loss to call `backward` on, and what it is made of.

    Attributes:
        loss: scalar with a gradient.
        cross_entropy: scalar, detached: weighted mean over all positions, nats.
        divergence: scalar, detached: mean over the targets without T^2, nats; 0 without a teacher.
    """

    loss: Tensor
    cross_entropy: Tensor
    divergence: Tensor


def to_tensors(
    signal: TeacherSignal, temperature: float, device: str | torch.device = "cpu"
) -> SignalTensors:
    """The signal as tensors, its tail brought to `temperature`."""
    kept_NK = np.isfinite(signal.logprobs_NK)
    ids_NK = np.where(kept_NK, signal.ids_NK, signal.ids_NK[:, :1])

    def tensor(values: Any) -> Tensor:
        return torch.from_numpy(np.maximum(values, NOTHING).astype(np.float32)).to(device)

    return SignalTensors(
        ids_NK=torch.from_numpy(ids_NK).to(device),
        logprobs_NK=tensor(signal.logprobs_NK),
        tail_N=tensor(signal.tail_N),
        tail_at_N=tensor(tail_at(signal, temperature)),
        temperature=temperature,
    )


def loss(
    hidden_ND: Tensor,
    weight_VD: Tensor,
    scale: float,
    labels_N: Tensor,
    weights_N: Tensor,
    num_targets: int,
    signal: SignalTensors | None,
    distil: Distil,
) -> LossParts:
    """The loss of N positions; logits are (hidden_ND * scale) @ weight_VD.T and are never held whole.

    Args:
        hidden_ND: last hidden states at the predicted positions, targets first.
        weight_VD: the vocabulary head, tied or not; float32 master weights also under bfloat16 autocast.
        scale: factor on the hidden states (T5: D ** -0.5).
        labels_N: int64 ground truth.
        weights_N: float weight of each position's cross-entropy.
        num_targets: how many of the N are targets; the teacher speaks on these.
        signal: on exactly the targets, at `distil.temperature`; not looked at when alpha is 0.
        distil: loss, alpha, temperature.

    Raises:
        ValueError: alpha > 0 without a signal, or a signal of another length or temperature.
    """
    if distil.alpha > 0:
        if signal is None:
            raise ValueError(f"alpha {distil.alpha} needs the teacher's signal")
        if len(signal) != num_targets:
            raise ValueError(f"the signal has {len(signal)} positions, the batch {num_targets} targets")
        if signal.temperature != distil.temperature:
            raise ValueError(
                f"the signal is at temperature {signal.temperature}, the loss at {distil.temperature}"
            )
    else:
        signal = None
    total, cross_entropy, divergence = _ChunkedLoss.apply(  # type: ignore[no-untyped-call]
        hidden_ND, weight_VD, scale, labels_N, weights_N, num_targets, signal, distil, torch.is_grad_enabled()
    )
    return LossParts(total, cross_entropy.detach(), divergence.detach())


@dataclass(frozen=True)
class Coarse:
    """K kept tokens and the tail as one: unnormalised log-probabilities, `NOTHING` where there is none."""

    head_CK: Tensor
    tail_C: Tensor

    def log_normaliser(self) -> Tensor:
        """[C], the log of the sum of all."""
        return torch.logaddexp(self.head_CK.logsumexp(-1), self.tail_C)

    def log_probs(self) -> Tensor:
        """[C, K + 1], the tail last."""
        return torch.log_softmax(torch.cat([self.head_CK, self.tail_C[:, None]], -1), -1).clamp(min=NOTHING)

    def floored(self, student: Coarse) -> Coarse:
        """With at least `TAIL_FLOOR` in the tail wherever the student has one."""
        floor_C = self.head_CK.logsumexp(-1) + TAIL_FLOOR
        return Coarse(
            self.head_CK, torch.where(student.tail_C > NOTHING, self.tail_C.maximum(floor_C), self.tail_C)
        )


def bucketed(student: Coarse, teacher: Coarse, temperature: float) -> Tensor:
    """KL(p_T || q_T) over the kept tokens and one bucket for the tail, per position.

    The exact divergence of the coarse distributions: >= 0, below the dense one, equal to it when K = V.
    """
    logp, logq = teacher.log_probs(), student.log_probs()
    return (logp.exp() * (logp - logq)).sum(-1)


def sampled(student: Coarse, teacher: Coarse, temperature: float) -> Tensor:
    """KL from the stored tokens, renormalised; on counts of draws random-sampling KD (arXiv 2503.16870).

    Unbiased for the dense gradient at T = 1; at other T counts are tempered like probabilities (ours,
    biased).
    """
    logp, logq = torch.log_softmax(teacher.head_CK, -1), student.log_probs()[:, :-1]
    return (logp.exp() * (logp - logq)).sum(-1)


def reverse(student: Coarse, teacher: Coarse, temperature: float) -> Tensor:
    """KL(q_T || p_T) on the buckets of `bucketed`, the teacher's tail floored."""
    logp, logq = teacher.floored(student).log_probs(), student.log_probs()
    return (logq.exp() * (logq - logp)).sum(-1)


def jsd(student: Coarse, teacher: Coarse, temperature: float, beta: float = JSD_BETA) -> Tensor:
    """beta KL(p || m) + (1 - beta) KL(q || m), m = beta p + (1 - beta) q, on the buckets of `bucketed`."""
    logp, logq = teacher.floored(student).log_probs(), student.log_probs()
    logm = torch.logaddexp(logp + math.log(beta), logq + math.log(1 - beta))
    return beta * (logp.exp() * (logp - logm)).sum(-1) + (1 - beta) * (logq.exp() * (logq - logm)).sum(-1)


def tvd(student: Coarse, teacher: Coarse, temperature: float) -> Tensor:
    """Total variation distance, half of sum |p - q|, on the buckets of `bucketed`."""
    return 0.5 * (teacher.log_probs().exp() - student.log_probs().exp()).abs().sum(-1)


def decoupled(student: Coarse, teacher: Coarse, temperature: float) -> Tensor:
    """Binary KL of head against tail at T = 1, and the head's own KL at T; needs no R_a, exact at every T.

    KL_binary(M || Q) / T^2 + (1 - M) * KL(p_{H,T} || q_{H,T}), both renormalised on H. The binary term is
    divided by the T^2 that multiplies every divergence, because it is not tempered. Student and teacher come
    at T = 1.
    """
    # The tail's mass is stored: the head's is what is left, whatever its quantised log-probabilities sum to.
    tail_C = teacher.tail_C.clamp(max=-1e-6)
    head_C = torch.log(-torch.expm1(tail_C))
    normaliser_C = student.log_normaliser()
    binary = tail_C.exp() * (tail_C - (student.tail_C - normaliser_C))
    binary = binary + head_C.exp() * (head_C - (student.head_CK.logsumexp(-1) - normaliser_C))
    logp = torch.log_softmax(teacher.head_CK / temperature, -1)
    logq = torch.log_softmax(student.head_CK / temperature, -1)
    return binary / temperature**2 + head_C.exp() * (logp.exp() * (logp - logq)).sum(-1)


Divergence = Callable[[Coarse, Coarse, float], Tensor]
DIVERGENCES: dict[str, Divergence] = {
    "bucketed": bucketed, "decoupled": decoupled, "jsd": jsd,
    "reverse": reverse, "sampled": sampled, "tvd": tvd,
}  # fmt: skip


class _ChunkedLoss(torch.autograd.Function):
    """Value and gradient of the loss in one sweep over chunks of positions."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden_ND: Tensor,
        weight_VD: Tensor,
        scale: float,
        labels_N: Tensor,
        weights_N: Tensor,
        num_targets: int,
        signal: SignalTensors | None,
        distil: Distil,
        with_grad: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        sweep = _Sweep(hidden_ND, weight_VD, scale, distil, num_targets, with_grad)
        with torch.autocast(hidden_ND.device.type, enabled=False):
            shares_N = weights_N.to(sweep.wide) / weights_N.sum()
            for start, end in _chunks(len(hidden_ND), num_targets, len(weight_VD)):
                teacher = signal if start < num_targets else None
                sweep.chunk(start, end, labels_N[start:end], shares_N[start:end], teacher)
        ctx.save_for_backward(sweep.grad_hidden_ND, sweep.grad_weight_VD)
        kd = distil.alpha * distil.temperature**2
        total = (1 - distil.alpha) * sweep.cross_entropy + kd * sweep.divergence
        ctx.mark_non_differentiable(sweep.cross_entropy, sweep.divergence)
        return total, sweep.cross_entropy, sweep.divergence

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        grad_hidden_ND, grad_weight_VD = ctx.saved_tensors
        return grad_hidden_ND * grad, grad_weight_VD * grad, None, None, None, None, None, None, None


def _chunks(num_positions: int, num_targets: int, vocab: int) -> list[tuple[int, int]]:
    """Ranges of positions; none holds both targets and context."""
    size = max(16, CHUNK_ELEMENTS // vocab)
    edges = [*range(0, num_targets, size), *range(num_targets, num_positions, size), num_positions]
    return list(pairwise(edges))


@dataclass(frozen=True)
class _Kept:
    """The teacher's kept tokens in one chunk, taken out of its logits."""

    ids_CK: Tensor
    logits_CK: Tensor
    logprobs_CK: Tensor
    tail_C: Tensor
    tail_at_C: Tensor

    @classmethod
    def take(cls, signal: SignalTensors, start: int, end: int, logits_CV: Tensor) -> _Kept:
        """Copies the student's logits of the kept tokens and leaves -inf there: what is left is the tail."""
        wide, ids_CK = logits_CV.dtype, signal.ids_NK[start:end]
        logits_CK = logits_CV.gather(1, ids_CK)
        logits_CV.scatter_(1, ids_CK, -math.inf)
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
class _Tail:
    """exp((logit - top) / T) of the tokens that are left in a chunk's logits, and their log-sum-exp at T."""

    exp_CV: Tensor
    sum_C: Tensor
    lse_C: Tensor
    temperature: float

    @classmethod
    def of(cls, logits_CV: Tensor, top_C1: Tensor, temperature: float, in_place: bool) -> _Tail:
        """`in_place` overwrites the logits."""
        exp_CV = logits_CV.sub_(top_C1) if in_place else logits_CV - top_C1
        if temperature != 1:
            exp_CV.div_(temperature)
        sum_C = exp_CV.exp_().sum(-1).clamp_(min=1e-30)
        lse_C = (top_C1[:, 0] / temperature + sum_C.log()).clamp_(min=NOTHING)
        return cls(exp_CV, sum_C, lse_C.requires_grad_(), temperature)

    def spread(self, grad_C: Tensor) -> Tensor:
        """The gradient of the log-sum-exp, given to its tokens by their share of it; overwrites `exp_CV`."""
        return self.exp_CV.mul_((grad_C / self.temperature / self.sum_C)[:, None])


class _Sweep:
    """Sums and gradients over the chunks of one call."""

    def __init__(
        self,
        hidden_ND: Tensor,
        weight_VD: Tensor,
        scale: float,
        distil: Distil,
        num_targets: int,
        with_grad: bool,
    ) -> None:
        device = hidden_ND.device.type
        autocast = torch.is_autocast_enabled(device)
        dtype = torch.get_autocast_dtype(device) if autocast else hidden_ND.dtype
        self.wide = torch.promote_types(dtype, torch.float32)
        self.scale, self.distil, self.num_targets, self.with_grad = scale, distil, num_targets, with_grad
        self.scaled_ND, self.weight_VD = (hidden_ND * scale).to(dtype), weight_VD.to(dtype)
        self.grad_hidden_ND = torch.zeros_like(hidden_ND)
        self.grad_weight_VD = torch.zeros_like(weight_VD)
        self.cross_entropy = torch.zeros((), dtype=self.wide, device=hidden_ND.device)
        self.divergence = torch.zeros_like(self.cross_entropy)

    def chunk(
        self, start: int, end: int, labels_C: Tensor, shares_C: Tensor, signal: SignalTensors | None
    ) -> None:
        """Adds the loss and the gradient of positions [start, end); `signal` None leaves the teacher out."""
        temperature = self.distil.temperature
        logits_CV = (self.scaled_ND[start:end] @ self.weight_VD.T).to(self.wide)
        label_C = logits_CV.gather(1, labels_C[:, None])[:, 0]
        kept = None if signal is None else _Kept.take(signal, start, end, logits_CV)
        top_C1 = logits_CV.amax(-1, keepdim=True).clamp_(min=NOTHING)
        tempered = kept is not None and temperature != 1 and self.distil.loss != "decoupled"
        hot = _Tail.of(logits_CV, top_C1, temperature, in_place=False) if tempered else None
        cold = _Tail.of(logits_CV, top_C1, 1.0, in_place=True)
        with torch.enable_grad():
            objective = self._objective(label_C, shares_C, kept, cold, hot)
        if not self.with_grad:
            return
        inputs = [cold.lse_C] + ([hot.lse_C] if hot else []) + ([kept.logits_CK] if kept else [])
        grads = list(torch.autograd.grad(objective, inputs))
        grad_CV = cold.spread(grads.pop(0))
        if hot:
            grad_CV += hot.spread(grads.pop(0))
        if kept:
            grad_CV.scatter_add_(1, kept.ids_CK, grads.pop(0))
        grad_CV.scatter_add_(1, labels_C[:, None], (self.distil.alpha - 1) * shares_C[:, None])
        narrow_CV = grad_CV.to(self.weight_VD.dtype)
        self.grad_hidden_ND[start:end] = (narrow_CV @ self.weight_VD) * self.scale
        self.grad_weight_VD += narrow_CV.T @ self.scaled_ND[start:end]

    def _objective(
        self, label_C: Tensor, shares_C: Tensor, kept: _Kept | None, cold: _Tail, hot: _Tail | None
    ) -> Tensor:
        """The chunk's share of the loss as a function of the K + 1 numbers of each position."""
        alpha, temperature = self.distil.alpha, self.distil.temperature
        if kept is None:
            cross_entropy = (shares_C * (cold.lse_C - label_C)).sum()
            self.cross_entropy += cross_entropy.detach()
            return (1 - alpha) * cross_entropy
        kept.logits_CK.requires_grad_()
        student = kept.student(cold.lse_C, 1.0)
        cross_entropy = (shares_C * (student.log_normaliser() - label_C)).sum()
        if hot:
            student = kept.student(hot.lse_C, temperature)
        teacher = kept.teacher(1.0 if self.distil.loss == "decoupled" else temperature)
        divergence = DIVERGENCES[self.distil.loss](student, teacher, temperature).sum() / self.num_targets
        self.cross_entropy += cross_entropy.detach()
        self.divergence += divergence.detach()
        return (1 - alpha) * cross_entropy + alpha * temperature**2 * divergence
