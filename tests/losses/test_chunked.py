"""The loss against dense float64, closed forms and numerical gradients."""

import math
from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest
import torch
from torch import Tensor

from kdray.config import Distil
from kdray.losses import DIVERGENCES, LossParts, SignalTensors, chunked, loss, to_tensors
from kdray.losses.divergences import NOTHING
from kdray.teacher.signal import TeacherSignal

N, V, D, TARGETS, SCALE = 37, 23, 8, 29, 0.7
ALL = sorted(DIVERGENCES)


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunked, "CHUNK_ELEMENTS", 16 * V)
    monkeypatch.setattr(chunked, "CHUNK_POSITIONS", 1)


class Case:
    """A student, labels and a dense teacher, in float64."""

    def __init__(self, seed: int = 0, teacher_scale: float = 3.0) -> None:
        rng = torch.Generator().manual_seed(seed)
        self.hidden_ND = torch.randn(N, D, generator=rng, dtype=torch.float64).requires_grad_()
        self.weight_VD = torch.randn(V, D, generator=rng, dtype=torch.float64).requires_grad_()
        self.labels_N = torch.randint(0, V, (N,), generator=rng)
        self.weights_N = torch.rand(N, generator=rng, dtype=torch.float64)
        self.teacher_NV = torch.log_softmax(
            teacher_scale * torch.randn(TARGETS, V, generator=rng, dtype=torch.float64), -1
        )

    def signal(self, kept: int, temperature: float) -> SignalTensors:
        order_NV = self.teacher_NV.argsort(-1, descending=True)
        ids_NK, tail_NR = order_NV[:, :kept], self.teacher_NV.gather(1, order_NV)[:, kept:]
        none = torch.full((TARGETS,), NOTHING, dtype=torch.float64)
        # The teacher's own log-probabilities, as coefficients of an arbitrary basis of the whole space.
        basis_RV = torch.randn(V, V, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        return SignalTensors(
            ids_NK=ids_NK,
            logprobs_NK=self.teacher_NV.gather(1, ids_NK),
            tail_N=tail_NR.logsumexp(-1) if kept < V else none,
            tail_at_N=(tail_NR / temperature).logsumexp(-1) if kept < V else none,
            temperature=temperature,
            vocab=V,
            coefficients_NR=torch.linalg.solve(basis_RV, self.teacher_NV, left=False),
            basis_RV=basis_RV,
        )

    def loss(self, signal: SignalTensors | None, distil: Distil, targets: int = TARGETS) -> LossParts:
        inputs = (self.hidden_ND, self.weight_VD, SCALE, self.labels_N, self.weights_N)
        return loss(*inputs, targets, signal, distil)

    def logits_NV(self) -> Tensor:
        return self.hidden_ND * SCALE @ self.weight_VD.T

    def dense(self, distil: Distil) -> Tensor:
        """The same with every logit, by autograd."""
        temperature, logits_NV = distil.temperature, self.logits_NV()
        logp = torch.log_softmax(self.teacher_NV / temperature, -1)
        logq = torch.log_softmax(logits_NV[:TARGETS] / temperature, -1)
        p, q = logp.exp(), logq.exp()
        m = (p + q) / 2
        angle_C1 = 1 - torch.cosine_similarity(p, q, dim=-1)[:, None]
        divergence = {
            "reverse": q * (logq - logp),
            "jsd": (p * (logp - m.log()) + q * (logq - m.log())) / 2,
            "tvd": (p - q).abs() / 2,
            "cosine": p * (logp - logq) + angle_C1 / V / temperature**2,
        }.get(distil.loss, p * (logp - logq))
        nll = torch.nn.functional.cross_entropy(logits_NV, self.labels_N, reduction="none")
        cross_entropy = (self.weights_N * nll).sum() / self.weights_N.sum()
        return (1 - distil.alpha) * cross_entropy + distil.alpha * temperature**2 * divergence.sum(-1).mean()

    def grads(self, value: Tensor) -> tuple[Tensor, ...]:
        return torch.autograd.grad(value, [self.hidden_ND, self.weight_VD])


@pytest.mark.parametrize(("name", "temperature"), [*product(ALL, [0.5, 1.0, 3.0]), ("decoupled", 0.1)])
def test_with_the_whole_vocabulary_kept_value_and_gradient_are_those_of_the_dense_loss(
    name: str, temperature: float
) -> None:
    case, distil = Case(), Distil(loss=name, alpha=0.3, temperature=temperature)
    ours, dense = case.loss(case.signal(V, temperature), distil).loss, case.dense(distil)
    torch.testing.assert_close(ours, dense, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(case.grads(ours), case.grads(dense), rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
@pytest.mark.parametrize("name", ALL)
def test_gradients_agree_with_differences(name: str, temperature: float) -> None:
    case, distil = Case(1), Distil(loss=name, alpha=0.6, temperature=temperature)
    signal = case.signal(5, temperature)

    def value(hidden_ND: Tensor, weight_VD: Tensor) -> Tensor:
        return loss(hidden_ND, weight_VD, SCALE, case.labels_N, case.weights_N, TARGETS, signal, distil).loss

    inputs = (case.hidden_ND, case.weight_VD)
    assert torch.autograd.gradcheck(value, inputs, eps=1e-6, atol=1e-6, fast_mode=True)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("kept", [1, 5, V - 1])
def test_no_divergence_is_negative_and_a_student_equal_to_its_teacher_has_none(
    name: str, temperature: float, kept: int
) -> None:
    case, distil = Case(2), Distil(loss=name, alpha=1.0, temperature=temperature)
    assert float(case.loss(case.signal(kept, temperature), distil).divergence) >= 0
    case.teacher_NV = torch.log_softmax(case.logits_NV().detach()[:TARGETS], -1)
    parts = case.loss(case.signal(kept, temperature), distil)
    if name == "sampled":  # the tail is no part of its target: it asks the student for all mass in the head
        return
    assert abs(float(parts.divergence)) < 1e-6
    if name != "tvd":  # has a kink there
        assert float(case.grads(parts.loss)[0].abs().max()) < 1e-5


def test_the_bucketed_divergence_is_the_closed_form_of_two_buckets() -> None:
    case, temperature = Case(3), 2.0
    signal = case.signal(1, temperature)
    top = signal.ids_NK
    p = torch.softmax(case.teacher_NV / temperature, -1).gather(1, top)
    q = torch.softmax(case.logits_NV()[:TARGETS] / temperature, -1).gather(1, top)
    expected = (p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()).mean()
    ours = case.loss(signal, Distil(loss="bucketed", alpha=1.0, temperature=temperature))
    torch.testing.assert_close(ours.divergence, expected, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(ours.loss, temperature**2 * expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("temperature", [0.1, 3.0, 10.0])
def test_the_decoupled_divergence_is_a_binary_one_and_one_of_the_head_and_needs_no_tail_at_its_temperature(
    temperature: float,
) -> None:
    case, kept = Case(4), 6
    signal = replace(case.signal(kept, temperature), tail_at_N=torch.full((TARGETS,), math.nan))
    logits_NV = case.logits_NV()[:TARGETS]
    inside = torch.softmax(logits_NV, -1).gather(1, signal.ids_NK).sum(-1)
    tail = signal.tail_N.exp()
    binary = tail * (tail / (1 - inside)).log() + (1 - tail) * ((1 - tail) / inside).log()
    logp = torch.log_softmax(signal.logprobs_NK / temperature, -1)
    logq = torch.log_softmax(logits_NV.gather(1, signal.ids_NK) / temperature, -1)
    head = (logp.exp() * (logp - logq)).sum(-1)
    expected = (binary + temperature**2 * (1 - tail) * head).mean()
    ours = case.loss(signal, Distil(loss="decoupled", alpha=1.0, temperature=temperature)).loss
    torch.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-12)


def test_the_bucketed_divergence_is_below_the_dense_one() -> None:
    case, distil = Case(5), Distil(loss="bucketed", alpha=1.0, temperature=2.0)
    values = [case.loss(case.signal(kept, 2.0), distil).loss.item() for kept in (1, 4, 12, V)]
    assert values == sorted(values)
    assert values[-1] == pytest.approx(case.dense(distil).item())


@pytest.mark.parametrize("kept", [1, 5, V])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_with_a_spread_tail_value_and_gradient_are_those_of_the_dense_kl(
    kept: int, temperature: float
) -> None:
    case, distil = Case(14), Distil(loss="spread", alpha=0.4, temperature=temperature)
    ours, dense = case.loss(case.signal(kept, temperature), distil).loss, case.dense(distil)
    torch.testing.assert_close(ours, dense, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(case.grads(ours), case.grads(dense), rtol=1e-5, atol=1e-9)


def test_a_spread_tail_says_nothing_of_tokens_that_the_teacher_does_not_know() -> None:
    case, distil = Case(15), Distil(loss="spread", alpha=1.0, temperature=2.0)
    signal = case.signal(4, 2.0)
    small = case.loss(signal, distil)
    more_VD = torch.cat([case.weight_VD, torch.zeros(3, D, dtype=torch.float64)]).detach().requires_grad_()
    inputs = (case.labels_N, case.weights_N, TARGETS, signal, distil)
    large = loss(case.hidden_ND, more_VD, SCALE, *inputs)
    assert float(large.divergence) > float(small.divergence)  # the student wastes mass on them
    (grad_VD,) = torch.autograd.grad(large.loss, more_VD)
    assert bool((grad_VD[V:].abs() > 0).any())


def test_a_tail_of_almost_no_student_mass_is_measured_by_its_logarithm() -> None:
    case, distil = Case(6), Distil(loss="bucketed", alpha=1.0, temperature=1.0)
    signal = case.signal(3, 1.0)
    hidden_ND = torch.zeros(N, V, dtype=torch.float32)
    hidden_ND[:TARGETS].scatter_(1, signal.ids_NK, 60.0)  # the student's tail has mass of about e^-60
    parts = loss(hidden_ND, torch.eye(V), 1.0, case.labels_N, case.weights_N, TARGETS, signal, distil)
    logq = torch.tensor([[-math.log(3)] * 3 + [math.log(20) - 60 - math.log(3)]], dtype=torch.float64)
    logp = torch.cat([signal.logprobs_NK, signal.tail_N[:, None]], -1)
    assert float(parts.divergence) == pytest.approx(
        float((logp.exp() * (logp - logq)).sum(-1).mean()), rel=1e-5
    )


def test_the_cross_entropy_is_the_weighted_mean_over_targets_and_context() -> None:
    case = Case(7)
    parts = case.loss(None, Distil(alpha=0.0))
    nll = torch.nn.functional.cross_entropy(case.logits_NV(), case.labels_N, reduction="none")
    expected = (nll * case.weights_N).sum() / case.weights_N.sum()
    torch.testing.assert_close(parts.cross_entropy, expected.detach())
    torch.testing.assert_close(case.grads(parts.loss), case.grads(expected))
    assert float(parts.divergence) == 0


def test_positions_beyond_the_targets_do_not_change_the_divergence() -> None:
    case, distil = Case(8), Distil(loss="bucketed", alpha=0.5, temperature=2.0)
    whole = case.loss(case.signal(4, 2.0), distil)
    fewer = loss(
        case.hidden_ND[:TARGETS], case.weight_VD, SCALE, case.labels_N[:TARGETS], case.weights_N[:TARGETS],
        TARGETS, case.signal(4, 2.0), distil,
    )  # fmt: skip
    torch.testing.assert_close(whole.divergence, fewer.divergence)


@pytest.mark.parametrize("name", ALL)
def test_the_size_of_the_chunks_does_not_matter(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case, distil = Case(9), Distil(loss=name, alpha=0.5, temperature=2.0)
    small = case.loss(case.signal(4, 2.0), distil).loss
    monkeypatch.setattr(chunked, "CHUNK_ELEMENTS", 10**6)
    large = case.loss(case.signal(4, 2.0), distil).loss
    torch.testing.assert_close(small, large)
    torch.testing.assert_close(case.grads(small), case.grads(large))


def test_without_a_gradient_the_value_is_the_same() -> None:
    case, distil = Case(10), Distil(alpha=0.5, temperature=2.0)
    with torch.no_grad():
        value = case.loss(case.signal(4, 2.0), distil).loss
    assert not value.requires_grad
    assert torch.equal(value, case.loss(case.signal(4, 2.0), distil).loss)


def test_alpha_zero_neither_needs_nor_looks_at_a_signal() -> None:
    case = Case(11)
    nonsense = SignalTensors(*(torch.empty(0),) * 4, temperature=7.0, vocab=V)
    assert torch.equal(case.loss(nonsense, Distil(alpha=0.0)).loss, case.loss(None, Distil(alpha=0.0)).loss)


@pytest.mark.parametrize("name", ALL)
def test_tied_embeddings_get_both_gradients_under_bfloat16_autocast(name: str) -> None:
    case, distil = Case(12), Distil(loss=name, alpha=0.5, temperature=2.0)
    embedding = torch.nn.Embedding(V, D, _weight=case.weight_VD.detach().float())
    ids_N = torch.arange(N) % V
    signal = case.signal(5, 2.0)

    def gradient(autocast: bool) -> Tensor:
        embedding.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            hidden_ND = torch.tanh(embedding(ids_N))
            parts = loss(
                hidden_ND,
                embedding.weight,
                SCALE,
                case.labels_N,
                case.weights_N.float(),
                TARGETS,
                signal,
                distil,
            )
        parts.loss.backward()
        assert embedding.weight.grad is not None and embedding.weight.grad.dtype == torch.float32
        return embedding.weight.grad.clone()

    exact, rough = gradient(False), gradient(True)
    assert torch.nn.functional.cosine_similarity(exact.ravel(), rough.ravel(), 0) > 0.999


def test_padded_slots_of_a_signal_take_nothing_from_the_tail() -> None:
    case, distil = Case(13), Distil(loss="bucketed", alpha=1.0, temperature=1.0)
    exact = case.signal(3, 1.0)
    signal = TeacherSignal(
        ids_NK=np.pad(exact.ids_NK.numpy(), ((0, 0), (0, 2))),
        logprobs_NK=np.pad(
            exact.logprobs_NK.numpy().astype(np.float32), ((0, 0), (0, 2)), constant_values=-np.inf
        ),
        tail_N=exact.tail_N.numpy().astype(np.float32),
        tail_lse_NG=np.empty((TARGETS, 0), np.float32),
        grid=(),
        vocab=V,
    )
    padded = case.loss(to_tensors(signal, 1.0), distil)
    reference = case.loss(exact, distil)
    torch.testing.assert_close(padded.loss, reference.loss, rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(case.grads(padded.loss), case.grads(reference.loss), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("signal", "message"),
    [
        (None, "needs the teacher's signal"),
        ("short", "targets"),
        ("even", "'spread' needs shards that keep it"),
        ("large", "speaks of 24 tokens, the student has 23"),
    ],
)
def test_a_signal_that_does_not_fit_is_refused(signal: str | None, message: str) -> None:
    case, distil = Case(), Distil(loss="spread", alpha=0.5, temperature=1.0)
    given = None if signal is None else case.signal(3, 1.0)
    if given is not None and signal == "even":
        given = replace(given, basis_RV=None, coefficients_NR=None)
    if given is not None and signal == "large":
        given = replace(given, vocab=V + 1)
    with pytest.raises(ValueError, match=message):
        case.loss(given, distil, targets=TARGETS - (signal == "short"))


def test_the_temperature_is_the_signals() -> None:
    case, signal = Case(), Case().signal(4, 2.0)
    said = [Distil(loss="bucketed", alpha=0.4, temperature=temperature) for temperature in (1.0, 2.0)]
    assert torch.equal(*(case.loss(signal, distil).loss for distil in said))


@pytest.mark.parametrize("name", ALL)
def test_pieces_of_other_lengths_add_up_to_the_whole(name: str) -> None:
    case, distil = Case(13), Distil(loss=name, alpha=0.4, temperature=2.0)
    signal, edges = case.signal(4, 2.0), (0, 3, 4, 20, TARGETS)
    whole = case.loss(signal, distil)
    parts = []
    for start, end in pairwise(edges):
        context = range(TARGETS, N) if end == TARGETS else range(0)
        at = torch.tensor([*range(start, end), *context])
        told = replace(
            signal,
            **{key: getattr(signal, key)[start:end] for key in ("ids_NK", "logprobs_NK", "tail_N", "tail_at_N")},
            coefficients_NR=signal.coefficients_NR[start:end],
        )  # fmt: skip
        parts.append(
            loss(
                case.hidden_ND[at], case.weight_VD, SCALE, case.labels_N[at], case.weights_N[at], end - start,
                told, distil, whole_weight=float(case.weights_N.sum()), whole_targets=TARGETS,
            )
        )  # fmt: skip
    total = sum(part.loss for part in parts)
    torch.testing.assert_close(total, whole.loss)
    torch.testing.assert_close(case.grads(total), case.grads(whole.loss))
    torch.testing.assert_close(sum(part.divergence for part in parts), whole.divergence)


class Bounded(Case):
    """A student whose logits are squeezed into a bound."""

    def loss(self, signal: SignalTensors | None, distil: Distil, targets: int = TARGETS) -> LossParts:
        inputs = (self.hidden_ND, self.weight_VD, SCALE, self.labels_N, self.weights_N)
        return loss(*inputs, targets, signal, distil, cap=1.5)

    def logits_NV(self) -> Tensor:
        return 1.5 * torch.tanh(super().logits_NV() / 1.5)


@pytest.mark.parametrize(("name", "temperature"), [("spread", 2.0), ("spread", 1.0), ("reverse", 1.0)])
def test_the_loss_of_bounded_logits_is_the_dense_one_with_its_gradient(name: str, temperature: float) -> None:
    distil = Distil(loss=name, alpha=0.4, temperature=temperature)
    found, exact = Bounded(), Bounded()
    kept = 6 if name == "spread" else V
    value, dense = found.loss(found.signal(kept, temperature), distil).loss, exact.dense(distil)
    torch.testing.assert_close(value, dense)
    value.backward()
    dense.backward()
    torch.testing.assert_close(found.hidden_ND.grad, exact.hidden_ND.grad)
    torch.testing.assert_close(found.weight_VD.grad, exact.weight_VD.grad)
