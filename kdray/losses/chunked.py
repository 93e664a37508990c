"""The training loss in chunks of positions: cross-entropy on the ground truth, and a divergence from a
truncated teacher.

    loss = (1 - alpha) * weighted mean CE over N positions + alpha * T^2 * mean divergence over the targets

Hidden states are projected to the vocabulary in chunks of positions and the gradient is formed while a
chunk's logits are there, so that [N, V] is never held. A chunk needs little of its logits: with H the
teacher's kept tokens, every divergence here is a function of the K logits of H and of the log-sum-exp of the
others, the *tail* (never 1 - sum, which cancels). So the K + 1 numbers of a position go through plain
autograd, and what comes back for the tail is shared out to its tokens in proportion to their probability. Only
losses that see the student's tail at T != 1 pay a second exponential per logit.

The T^2 keeps the gradient's size when T changes (Hinton et al., arXiv 1503.02531); without it alpha and T are
confounded.

Loss `spread` also learns how the teacher spreads its tail, where the store says so: KL over all tokens, at
the price of one more exponential per logit. Not covered: second derivatives.

Shape suffixes: N positions that are predicted, C positions of a chunk, V vocabulary, K kept tokens, D width.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from kdray.config import Distil
from kdray.losses.divergences import DIVERGENCES, NOTHING
from kdray.losses.logit_split import Kept, Spread, Tail
from kdray.losses.tensors import SignalTensors

CHUNK_ELEMENTS = 1 << 21
"""Logits held at a time: a chunk has about this many, and at least `CHUNK_POSITIONS` positions."""

CHUNK_POSITIONS = 128
"""Fewer would write the gradient of the vocabulary head, [V, D], more often than it is worth."""


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


def loss(
    hidden_ND: Tensor,
    weight_VD: Tensor,
    scale: float,
    labels_N: Tensor,
    weights_N: Tensor,
    num_targets: int,
    signal: SignalTensors | None,
    distil: Distil,
    *,
    whole_weight: float | None = None,
    whole_targets: int | None = None,
    cap: float | None = None,
) -> LossParts:
    """The loss of N positions; logits are (hidden_ND * scale) @ weight_VD.T and are never held whole.

    Args:
        hidden_ND: last hidden states at the predicted positions, targets first.
        weight_VD: the vocabulary head, tied or not; float32 master weights also under bfloat16 autocast.
        scale: factor on the hidden states (T5: D ** -0.5).
        labels_N: int64 ground truth.
        weights_N: float weight of each position's cross-entropy.
        num_targets: how many of the N are targets; the teacher speaks on these.
        signal: on exactly the targets, at its temperature; not looked at when alpha is 0.
        distil: loss and alpha; the temperature is the signal's.
        whole_weight: sum of the weights of the batch that these positions are a piece of; None: of these alone.
            The losses of all pieces add up to that of the batch.
        whole_targets: the same for the number of targets.
        cap: logits x are cap * tanh(x / cap) (Gemma 2).

    Raises:
        ValueError: alpha > 0 without a signal, or a signal of another length or vocabulary, or one that lacks what
            the loss needs.
    """
    if distil.alpha == 0:
        signal = None
    else:
        signal, distil = _checked(signal, distil, num_targets, len(weight_VD))
    shares_N = weights_N / (weights_N.sum() if whole_weight is None else whole_weight)
    total, cross_entropy, divergence = _ChunkedLoss.apply(  # type: ignore[no-untyped-call]
        hidden_ND, weight_VD, scale, labels_N, shares_N, num_targets, whole_targets or num_targets, signal,
        distil, torch.is_grad_enabled(), cap,
    )  # fmt: skip
    return LossParts(total, cross_entropy.detach(), divergence.detach())


def _checked(
    signal: SignalTensors | None, distil: Distil, num_targets: int, vocab: int
) -> tuple[SignalTensors, Distil]:
    """Signal and loss in the form that is fastest. Raises `ValueError` where they do not fit."""
    if signal is None:
        raise ValueError(f"alpha {distil.alpha} needs the teacher's signal")
    if len(signal) != num_targets:
        raise ValueError(f"the signal has {len(signal)} positions, the batch {num_targets} targets")
    if signal.vocab > vocab:
        raise ValueError(f"the teacher speaks of {signal.vocab} tokens, the student has {vocab}")
    if distil.loss in ("bucketed", "decoupled", "spread") and signal.is_whole():
        return signal.dense(), distil.model_copy(update={"loss": "spread"})  # all three are the dense KL then
    if distil.loss == "spread" and signal.coefficients_NR is None and bool((signal.tail_N > NOTHING).any()):
        raise ValueError(
            "loss 'spread' needs shards that keep it: codec head with spread_bytes above 0, or full"
        )
    return signal, distil


class _ChunkedLoss(torch.autograd.Function):
    """Value and gradient of the loss in one sweep over chunks of positions."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden_ND: Tensor,
        weight_VD: Tensor,
        scale: float,
        labels_N: Tensor,
        shares_N: Tensor,
        num_targets: int,
        whole_targets: int,
        signal: SignalTensors | None,
        distil: Distil,
        with_grad: bool,
        cap: float | None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        sweep = _Sweep(hidden_ND, weight_VD, scale, distil, whole_targets, signal, with_grad, cap)
        with torch.autocast(hidden_ND.device.type, enabled=False):
            shares_N = shares_N.to(sweep.wide)
            for start, end in _chunks(len(hidden_ND), num_targets, len(weight_VD)):
                teacher = signal if start < num_targets else None
                sweep.chunk(start, end, labels_N[start:end], shares_N[start:end], teacher)
        ctx.save_for_backward(sweep.grad_hidden_ND, sweep.grad_weight_VD)
        kd = distil.alpha * sweep.temperature**2
        total = (1 - distil.alpha) * sweep.cross_entropy + kd * sweep.divergence
        ctx.mark_non_differentiable(sweep.cross_entropy, sweep.divergence)
        return total, sweep.cross_entropy, sweep.divergence

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        grad_hidden_ND, grad_weight_VD = ctx.saved_tensors
        return grad_hidden_ND * grad, grad_weight_VD * grad, *[None] * 9


def _chunks(num_positions: int, num_targets: int, vocab: int) -> list[tuple[int, int]]:
    """Ranges of positions; none holds both targets and context."""
    size = max(CHUNK_POSITIONS, CHUNK_ELEMENTS // vocab)
    edges = [*range(0, num_targets, size), *range(num_targets, num_positions, size), num_positions]
    return list(pairwise(edges))


class _Sweep:
    """Sums and gradients over the chunks of one call."""

    def __init__(
        self,
        hidden_ND: Tensor,
        weight_VD: Tensor,
        scale: float,
        distil: Distil,
        whole_targets: int,
        signal: SignalTensors | None,
        with_grad: bool,
        cap: float | None,
    ) -> None:
        device = hidden_ND.device.type
        autocast = torch.is_autocast_enabled(device)
        dtype = torch.get_autocast_dtype(device) if autocast else hidden_ND.dtype
        self.wide = torch.promote_types(dtype, torch.float32)
        self.scale, self.distil, self.whole_targets, self.with_grad = scale, distil, whole_targets, with_grad
        self.temperature = 1.0 if signal is None else signal.temperature
        self.cap = cap
        self.scaled_ND, self.weight_VD = (hidden_ND * scale).to(dtype), weight_VD.to(dtype)
        self.grad_hidden_ND = torch.zeros_like(hidden_ND)
        self.grad_weight_VD = torch.zeros_like(weight_VD)
        basis_RV = None if signal is None else signal.basis_RV
        self.basis_RV = None if basis_RV is None else basis_RV.to(dtype)
        self.cross_entropy = torch.zeros((), dtype=self.wide, device=hidden_ND.device)
        self.divergence = torch.zeros_like(self.cross_entropy)

    def chunk(
        self, start: int, end: int, labels_C: Tensor, shares_C: Tensor, signal: SignalTensors | None
    ) -> None:
        """Adds the loss and the gradient of positions [start, end); `signal` None leaves the teacher out."""
        temperature = self.temperature
        logits_CV = (self.scaled_ND[start:end] @ self.weight_VD.T).to(self.wide)
        slope_CV = None
        if self.cap is not None:
            logits_CV = self.cap * torch.tanh(logits_CV / self.cap)
            slope_CV = 1 - (logits_CV / self.cap) ** 2
        label_C = logits_CV.gather(1, labels_C[:, None])[:, 0]
        kept = None if signal is None else Kept.take(signal, start, end, logits_CV)
        spread = None
        if signal is not None and signal.coefficients_NR is not None and self.distil.loss == "spread":
            spread = Spread.of(signal, start, end, logits_CV, self.basis_RV)
        top_C1 = logits_CV.amax(-1, keepdim=True).clamp_(min=NOTHING)
        tempered = kept is not None and temperature != 1 and self.distil.loss != "decoupled"
        hot = Tail.of(logits_CV, top_C1, temperature, in_place=False) if tempered else None
        cold = Tail.of(logits_CV, top_C1, 1.0, in_place=True)
        with torch.enable_grad():
            objective = self._objective(label_C, shares_C, kept, cold, hot, spread)
        if not self.with_grad:
            return
        inputs = [cold.lse_C] + ([hot.lse_C] if hot else []) + ([kept.logits_CK] if kept else [])
        grads = list(torch.autograd.grad(objective, inputs))
        grad_CV = cold.gradient(grads.pop(0))
        if hot:
            grad_CV += hot.gradient(grads.pop(0))
        if kept:
            grad_CV.scatter_add_(1, kept.ids_CK, grads.pop(0))
        if kept and spread:
            tail_C = kept.teacher(temperature).log_probs()[:, -1].exp()
            spread.pull(grad_CV, tail_C * self._weight / temperature)
        grad_CV.scatter_add_(1, labels_C[:, None], (self.distil.alpha - 1) * shares_C[:, None])
        if slope_CV is not None:
            grad_CV *= slope_CV
        narrow_CV = grad_CV.to(self.weight_VD.dtype)
        self.grad_hidden_ND[start:end] = (narrow_CV @ self.weight_VD) * self.scale
        self.grad_weight_VD += narrow_CV.T @ self.scaled_ND[start:end]

    @property
    def _weight(self) -> float:
        """Of one position's divergence in the loss."""
        return self.distil.alpha * self.temperature**2 / self.whole_targets

    def _objective(
        self,
        label_C: Tensor,
        shares_C: Tensor,
        kept: Kept | None,
        cold: Tail,
        hot: Tail | None,
        spread: Spread | None,
    ) -> Tensor:
        """The chunk's share of the loss as a function of the K + 1 numbers of each position."""
        alpha, temperature = self.distil.alpha, self.temperature
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
        divergence_C = DIVERGENCES[self.distil.loss](student, teacher, temperature)
        if spread:
            divergence_C = divergence_C + teacher.log_probs()[:, -1].exp() * (spread.cross_C + student.tail_C)
        self.cross_entropy += cross_entropy.detach()
        self.divergence += divergence_C.detach().sum() / self.whole_targets
        return (1 - alpha) * cross_entropy + self._weight * divergence_C.sum()
