"""Divergences between a truncated teacher and a student, per position.

Each is a function of K + 1 numbers on either side: the kept tokens and the tail as one. Plain autograd
differentiates them; `chunked` shares out what comes back for the tail to its tokens. None is ever the
un-normalised truncated sum, which goes negative.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

NOTHING = -1e4
"""Stands for ln 0: its exponential is exactly 0 and its products with 0 are 0, where -inf makes NaN."""

TAIL_FLOOR = math.log(1e-6)
"""Reverse KL and JSD give a teacher's tail at least this mass (ours), or they would be infinite."""

JSD_BETA = 0.5


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


def cosine(student: Coarse, teacher: Coarse, temperature: float) -> Tensor:
    """`bucketed` and 1 - cos(p_T, q_T): MORPH's loss (ICSE 2025), whose cross-entropy differs from the KL by the
    teacher's entropy, a constant. The cosine is divided by the T^2 that multiplies every divergence, for
    MORPH adds it as it is.
    """
    p, q = teacher.log_probs().exp(), student.log_probs().exp()
    angle = 1 - torch.cosine_similarity(p, q, dim=-1)
    return bucketed(student, teacher, temperature) + angle / temperature**2


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
    "bucketed": bucketed, "cosine": cosine, "decoupled": decoupled, "jsd": jsd, "reverse": reverse,
    "sampled": sampled, "spread": bucketed, "tvd": tvd,
}  # fmt: skip
"""By name. `spread` is `bucketed` and, in `chunked`, the KL within the tail."""
