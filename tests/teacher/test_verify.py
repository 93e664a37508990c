"""Verification finds what is damaged, misaligned or useless; `show` prints what a person can read."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kdray.errors import DataError
from kdray.tasks.row import Row
from kdray.teacher.capture import capture
from kdray.teacher.codecs import make
from kdray.teacher.shards import ShardSource
from kdray.teacher.verify import show, verify
from tests.teacher.conftest import HEADER, VOCAB, make_rows


def teacher(rows: list[Row], scale: float = 3.0, shift: int = 0) -> list[np.ndarray]:
    """Logits that are a function of the row's id."""
    seeds = [int(row.id, 16) + shift for row in rows]
    return [
        (scale * np.random.default_rng(seed).standard_normal((row.num_targets, VOCAB))).astype(np.float32)
        for seed, row in zip(seeds, rows, strict=True)
    ]


@pytest.fixture
def folder(tmp_path: Path) -> str:
    capture(make_rows(20), {str(tmp_path / "s"): make("head")}, HEADER, teacher, rows_per_shard=8)
    return str(tmp_path / "s")


def test_a_sound_store_is_near_its_teacher_at_every_temperature(folder: str) -> None:
    found = verify(folder, teacher)
    assert found.warnings == ()
    assert found.fidelity is not None
    assert max(found.fidelity.bucketed_mean.values()) < 1e-2
    assert all(found.fidelity.full_mean[t] >= found.fidelity.bucketed_mean[t] - 1e-9 for t in found.entropy)
    assert list(found.entropy.values()) == sorted(found.entropy.values())
    assert 4 <= found.kept <= 12
    assert 0 <= found.label_agreement <= 1


def test_another_teacher_is_told_from_the_one_that_was_captured(folder: str) -> None:
    (warning,) = verify(folder, lambda rows: teacher(rows, shift=1)).warnings
    assert "not this teacher's word" in warning


def test_a_store_that_is_one_hot_at_every_temperature_is_warned_of(tmp_path: Path) -> None:
    poster = lambda rows: teacher(rows, scale=800.0)  # noqa: E731 - logits without d_model ** -0.5
    capture(make_rows(20), {str(tmp_path / "s"): make("head")}, HEADER, poster)
    (warning,) = verify(str(tmp_path / "s")).warnings
    assert "one-hot at every temperature" in warning


def test_a_tail_whose_spread_is_lost_is_warned_of(tmp_path: Path) -> None:
    def capped(rows: list[Row]) -> list[np.ndarray]:
        """Of 64 dimensions, which a soft cap bends."""
        plane = np.random.default_rng(0).standard_normal((64, 600))
        rng = [np.random.default_rng(int(row.id, 16)) for row in rows]
        hidden = [r.standard_normal((row.num_targets, 64)) for r, row in zip(rng, rows, strict=True)]
        return [(5 * np.tanh(one @ plane)).astype(np.float32) for one in hidden]

    capture(make_rows(60), {str(tmp_path / "s"): make("head")}, replace(HEADER, vocab=600), capped)
    (warning,) = verify(str(tmp_path / "s"), capped).warnings
    assert "how the tail is spread is lost: mean full KL" in warning and "capture.codec full" in warning


def test_a_flipped_byte_is_reported(folder: str) -> None:
    file = Path(folder) / "shard-00001.arrow"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(DataError, match=r"shard-00001.arrow: changed since it was written"):
        verify(folder)


def test_a_teacher_of_another_vocabulary_is_refused(folder: str) -> None:
    with pytest.raises(DataError, match=f"vocabulary of {VOCAB}, this teacher has {VOCAB - 1}"):
        verify(folder, lambda rows: [logits[:, :-1] for logits in teacher(rows)])


def test_a_record_is_shown_with_its_tokens_alternatives_and_tail(folder: str) -> None:
    source = ShardSource.open(folder)
    (row,), signal = source.take([3])
    lines = show(folder, 3, lambda ids: " ".join(f"t{i}" for i in ids), alternatives=2)
    assert lines[0].startswith(f"row 3 ({row.id}): {len(row.input_ids)} input tokens")
    assert len(lines) == 3 + row.num_targets
    assert f"'t{signal.ids_NK[0, 0]}' {np.exp(signal.logprobs_NK[0, 0]):.3f}" in lines[3]
    assert lines[3].endswith(f"{np.exp(signal.tail_N[0]):.3f}")
    with pytest.raises(DataError, match="no row 20: it has rows 0 to 19"):
        show(folder, 20, str)
