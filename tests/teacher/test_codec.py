"""One suite for every codec: what is promised of all of them, and then what each one says of itself."""

import json
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdray.errors import DataError
from kdray.teacher import fidelity
from kdray.teacher.codec import Codec, FitSample, Packed, State, starts
from kdray.teacher.codecs import make
from kdray.teacher.codecs.spread import _principal as principal
from kdray.teacher.signal import TeacherSignal

CODECS = [
    make("head"),
    make("head", spread_bytes=0, k_max=40, k_min=1, growth=0.0, step=0.125),
    make("full"),
    make("sampled"),
    make("minmax", bits=8),
    make("minmax", bits=4, d_model=64),
]
EVERY = pytest.mark.parametrize("codec", CODECS, ids=lambda codec: f"{codec.name}-{CODECS.index(codec)}")


class Sample:
    """Rows of a teacher with a low-dimensional tail, like a language model's."""

    def __init__(
        self, vocab: int = 97, counts: tuple[int, ...] = (3, 0, 17, 1, 40), seed: int = 0, scale: float = 1.0
    ):
        rng = np.random.default_rng(seed)
        self.vocab, self.counts_R = vocab, np.array(counts, np.int64)
        positions = int(self.counts_R.sum())
        directions = np.random.default_rng(99).standard_normal((5, vocab))
        logits_NV = rng.standard_normal((positions, 5)) @ directions + 0.3 * rng.standard_normal(
            (positions, vocab)
        )
        self.logits_NV = (scale * 2 * logits_NV).astype(np.float32)
        likely_N = np.array(
            [rng.choice(vocab, p=p) for p in np.exp(fidelity.log_softmax(self.logits_NV))], np.int32
        )
        self.labels_N = likely_N.reshape(-1)

    def fit(self, codec: Codec) -> State:
        other = Sample(self.vocab, (400,), seed=7)
        return codec.fit(FitSample([other.logits_NV], other.labels_N))

    def encode(self, codec: Codec, state: State) -> dict[str, Packed]:
        return codec.encode(self.logits_NV, self.labels_N, self.counts_R, state)

    def round_trip(self, codec: Codec) -> TeacherSignal:
        state = self.fit(codec)
        return codec.decode(self.encode(codec, state), self.labels_N, self.counts_R, self.vocab, state)


def _rows(packed: dict[str, Packed], rows: list[int]) -> dict[str, Packed]:
    def pick(field: Packed) -> Packed:
        parts = [field.data[field.offsets_R[r] : field.offsets_R[r + 1]] for r in rows]
        return Packed(np.concatenate(parts), starts(np.array([len(part) for part in parts])))

    return {name: pick(field) for name, field in packed.items()}


def _check_signal(signal: TeacherSignal, positions: int, vocab: int) -> None:
    kept_NK = np.isfinite(signal.logprobs_NK)
    assert len(signal) == positions == len(signal.ids_NK) == len(signal.tail_lse_NG)
    assert kept_NK.any(1).all()
    assert (signal.ids_NK[kept_NK] >= 0).all() and (signal.ids_NK[kept_NK] < vocab).all()
    assert not np.isnan(signal.tail_N).any() and not np.isnan(signal.tail_lse_NG).any()
    for n in range(positions):
        assert len(set(signal.ids_NK[n, kept_NK[n]].tolist())) == kept_NK[n].sum()
    total_N = np.exp(signal.logprobs_NK.astype(np.float64)).sum(1) + np.exp(signal.tail_N)
    np.testing.assert_allclose(total_N, 1, atol=0.02)


@EVERY
def test_every_target_gets_a_distribution(codec: Codec) -> None:
    sample = Sample()
    signal = sample.round_trip(codec)
    _check_signal(signal, len(sample.labels_N), sample.vocab)
    assert signal.grid == codec.grid and signal.vocab == sample.vocab


@EVERY
def test_rows_stand_alone(codec: Codec) -> None:
    sample = Sample()
    state = sample.fit(codec)
    packed = sample.encode(codec, state)
    whole = codec.decode(packed, sample.labels_N, sample.counts_R, sample.vocab, state)
    edges = starts(sample.counts_R)
    for rows in ([4], [2, 0], [1], [3, 4, 1, 2]):
        at = np.concatenate([np.arange(edges[r], edges[r + 1]) for r in rows]).astype(np.int64)
        counts_R = sample.counts_R[rows]
        part = codec.decode(_rows(packed, rows), sample.labels_N[at], counts_R, sample.vocab, state)
        expected = fidelity.select(whole, at)
        width = part.ids_NK.shape[1]
        kept_NK = np.isfinite(part.logprobs_NK)
        np.testing.assert_array_equal(part.logprobs_NK, expected.logprobs_NK[:, :width])
        np.testing.assert_array_equal(part.ids_NK[kept_NK], expected.ids_NK[:, :width][kept_NK])
        np.testing.assert_array_equal(part.tail_lse_NG, expected.tail_lse_NG)


@EVERY
def test_the_same_rows_give_the_same_bytes_however_they_are_grouped(codec: Codec) -> None:
    sample = Sample()
    state = sample.fit(codec)
    whole, edges = sample.encode(codec, state), starts(sample.counts_R)
    pieces = []
    for first, last in ((0, 2), (2, 4), (4, 5)):
        at = slice(edges[first], edges[last])
        counts_R = sample.counts_R[first:last]
        pieces.append(codec.encode(sample.logits_NV[at], sample.labels_N[at], counts_R, state))
    for name, field in whole.items():
        joined = Packed.join([piece[name] for piece in pieces])
        np.testing.assert_array_equal(joined.data, field.data)
        np.testing.assert_array_equal(joined.offsets_R, field.offsets_R)


@EVERY
def test_what_is_added_to_a_position_means_nothing(codec: Codec) -> None:
    sample = Sample()
    before = sample.round_trip(codec)
    sample.logits_NV += np.float32(4.0)
    after = sample.round_trip(codec)
    if codec.name != "sampled":  # draws come from the row's bytes
        error_NV = fidelity.dense(before, 1.0) - fidelity.dense(after, 1.0)
        assert np.abs(error_NV).mean() < 0.02


@EVERY
def test_it_says_its_size_before_writing(codec: Codec) -> None:
    sample = Sample()
    packed = sample.encode(codec, sample.fit(codec))
    actual = 8 * sum(field.data.size for field in packed.values()) / len(sample.labels_N)
    assert 0.5 < codec.bits_per_token(sample.vocab) / actual < 2.5


@EVERY
def test_parameters_survive_json(codec: Codec) -> None:
    assert make(codec.name, **json.loads(json.dumps(codec.params()))) == codec


@EVERY
def test_a_field_cut_short_is_refused(codec: Codec) -> None:
    sample = Sample()
    state = sample.fit(codec)
    packed = sample.encode(codec, state)
    for name, field in packed.items():
        if field.data.size:
            offsets_R = np.minimum(field.offsets_R, len(field.data) - 1)
            broken = packed | {name: Packed(field.data[:-1], offsets_R)}
            with pytest.raises((DataError, ValueError)):
                codec.decode(broken, sample.labels_N, sample.counts_R, sample.vocab, state)


@EVERY
@settings(max_examples=25, deadline=None)
@given(
    vocab=st.sampled_from([2, 3, 9, 40, 300]),
    counts=st.lists(st.integers(0, 6), min_size=1, max_size=5).filter(lambda counts: sum(counts) > 0),
    seed=st.integers(0, 2**16),
    scale=st.sampled_from([0.0, 1e-3, 1.0, 30.0, 1e4]),
)
def test_any_logits_survive_the_round_trip(
    codec: Codec, vocab: int, counts: list[int], seed: int, scale: float
) -> None:
    sample = Sample(vocab, tuple(counts), seed, scale)
    signal = sample.round_trip(codec)
    _check_signal(signal, len(sample.labels_N), vocab)
    if codec.name in ("head", "full"):
        for temperature in (0.5, 1.0, 8.0):
            assert fidelity.bucketed_kl(sample.logits_NV, signal, temperature).max() < 0.05


@pytest.mark.parametrize("temperature", [0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0])
def test_the_head_codec_is_right_at_every_temperature(temperature: float) -> None:
    sample = Sample(vocab=500, counts=(300,))
    signal = sample.round_trip(make("head"))
    assert fidelity.bucketed_kl(sample.logits_NV, signal, temperature).mean() < 2e-3


def test_the_head_keeps_the_fewest_tokens_that_hold_the_mass() -> None:
    sample = Sample(vocab=500, counts=(300,))
    signal = sample.round_trip(make("head", mass=0.8, k_min=2, k_max=20))
    exact_NV = np.exp(-np.sort(-fidelity.log_softmax(sample.logits_NV), axis=1))
    wanted_N = np.clip(1 + (np.cumsum(exact_NV[:, :20], 1) < 0.8).sum(1), 2, 20)
    np.testing.assert_array_equal(np.isfinite(signal.logprobs_NK).sum(1), wanted_N)


def test_the_spread_of_the_tail_is_far_nearer_than_an_even_one() -> None:
    sample = Sample(vocab=500, counts=(300,))
    signal, even = sample.round_trip(make("head")), sample.round_trip(make("head", spread_bytes=0))
    for temperature in (0.5, 1.0, 2.0, 4.0):
        shaped = fidelity.full_kl(sample.logits_NV, signal, temperature).mean()
        assert shaped < 0.5 * fidelity.full_kl(sample.logits_NV, even, temperature).mean()


def test_full_is_exact_to_half_precision() -> None:
    sample = Sample()
    signal = sample.round_trip(make("full"))
    np.testing.assert_allclose(
        signal.logprobs_NK, fidelity.log_softmax(sample.logits_NV), rtol=1e-3, atol=1e-3
    )


def test_draws_are_unbiased() -> None:
    sample = Sample(vocab=20, counts=(1,) * 400)
    sample.logits_NV[:] = sample.logits_NV[:1]
    sample.labels_N[:] = np.arange(400)  # another row, other draws
    signal = sample.round_trip(make("sampled"))
    drawn_V = (
        np.bincount(signal.ids_NK.ravel(), weights=np.exp(signal.logprobs_NK).ravel(), minlength=20) / 400
    )
    exact_V = np.exp(fidelity.log_softmax(sample.logits_NV[:1]))[0]
    np.testing.assert_allclose(drawn_V, exact_V, atol=4 * np.sqrt(0.25 / 20000))


def test_a_record_of_the_older_study_is_one_hot_at_every_temperature_when_the_scale_is_left_out() -> None:
    sample = Sample(vocab=500, counts=(40,))
    forgotten, right = (sample.round_trip(make("minmax", d_model=d)) for d in (768, 0))
    for temperature in (0.5, 1.0):
        assert fidelity.entropy(forgotten, temperature).mean() < 0.2
    assert fidelity.entropy(right, 1.0).mean() > 0.5


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("heads", {}, "unknown 'heads', did you mean 'head'"),
        ("head", {"kmax": 3}, "unknown parameter 'kmax', did you mean 'k_max'"),
        ("head", {"k_min": 9}, "k_min <= k_max"),
        ("head", {"step": 0.0}, "step"),
        ("minmax", {"bits": 5}, "4 or 8"),
        ("sampled", {"draws": 0}, "1 to 255"),
    ],
)
def test_impossible_codecs_are_refused_in_words(name: str, params: dict[str, float], message: str) -> None:
    with pytest.raises(DataError, match=message):
        make(name, **params)


class _Passing:
    """Logits that are made anew each time they are read, some positions at a time."""

    def __init__(self, logits_NV: np.ndarray, size: int) -> None:
        self.logits_NV, self.size, self.read = logits_NV, size, 0

    def __iter__(self) -> Iterator[np.ndarray]:
        self.read += 1
        for start in range(0, len(self.logits_NV), self.size):
            yield self.logits_NV[start : start + self.size].copy()


@pytest.mark.parametrize("size", [1, 7, 400])
def test_a_sample_that_passes_by_fits_as_one_that_is_held(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums over other groups differ by rounding, after which k-means may end elsewhere."""
    monkeypatch.setattr("kdray.teacher.codec.GROUP_BYTES", 5000)
    monkeypatch.setattr("kdray.teacher.codecs.parts.ELEMENTS", 1000)
    fitted, told, codec = Sample(97, (400,), seed=7), Sample(), make("head")
    passing = _Passing(fitted.logits_NV, size)
    errors, bases = [], []
    for logits in ([fitted.logits_NV], passing):
        state = codec.fit(FitSample(logits, fitted.labels_N))
        packed = codec.encode(told.logits_NV, told.labels_N, told.counts_R, state)
        signal = codec.decode(packed, told.labels_N, told.counts_R, told.vocab, state)
        errors.append(fidelity.full_kl(told.logits_NV, signal, 1.0).mean())
        bases.append(state["spread.basis"].astype(np.float32))
    np.testing.assert_allclose(*bases, atol=1e-2)
    assert errors[1] == pytest.approx(errors[0], rel=0.2)
    assert passing.read == 2


def test_the_directions_of_a_large_vocabulary_are_found_in_a_part_of_the_sample(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kdray.teacher.codecs.head.BASIS_ELEMENTS", 97 * 100)
    sample, seen = Sample(97, (400,), seed=7), []
    monkeypatch.setattr(
        "kdray.teacher.codecs.spread._principal",
        lambda some_NV, count: (seen.append(len(some_NV)), principal(some_NV, count))[1],
    )
    make("head").fit(FitSample(np.array_split(sample.logits_NV, 9), sample.labels_N))
    assert seen == [100]
