"""Whether a folder of shards is sound, whether it says what its teacher says, and what a record looks like.

`verify` without a teacher checks sizes, SHA-256, row and token counts and decodes everything; with one it
recomputes a sample of rows and gives the divergence between what the teacher says and what is stored, at
several temperatures. A store can be sound and useless: one whose distributions are one-hot at every
temperature (logits that were scaled up, or squeezed into too few levels) teaches nothing beyond the labels,
and is warned of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kdray.corpus.sample import evenly
from kdray.errors import DataError
from kdray.tasks.row import IGNORED, Row
from kdray.teacher import fidelity
from kdray.teacher.capture import Forward
from kdray.teacher.fidelity import TEMPERATURES
from kdray.teacher.manifest import Manifest
from kdray.teacher.shards import ShardSource
from kdray.teacher.signal import TeacherSignal

ONE_HOT = 0.1
"""Nats; mean entropy below this at every temperature is one-hot (ours; the poster's store has 0.02)."""

DIFFERENT = 0.5
"""Nats; mean bucketed KL above this at T = 1 tells of another teacher or other rows (ours)."""

FLAT = 0.5
"""Nats; mean full KL above this at T = 1 is about what a tail costs whose spread is not described at all (ours;
.73 for the even tail of a teacher of 6 M parameters, `codecs.spread`)."""

_ROWS = 256


@dataclass(frozen=True)
class Fidelity:
    """Teacher against store on a sample, by temperature: mean and 99th percentile in nats."""

    bucketed_mean: dict[float, float]
    bucketed_p99: dict[float, float]
    full_mean: dict[float, float]
    full_p99: dict[float, float]


@dataclass(frozen=True)
class Verification:
    """What was found.

    Attributes:
        manifest: of the folder.
        kept: mean number of kept tokens.
        entropy: mean entropy of the stored teacher by temperature, nats.
        label_agreement: share of targets where the teacher's first token is the label.
        fidelity: against the teacher itself, where one was given.
        warnings: what is sound but wrong.
    """

    manifest: Manifest
    kept: float
    entropy: dict[float, float]
    label_agreement: float
    fidelity: Fidelity | None = None
    warnings: tuple[str, ...] = field(default=())


def verify(
    folder: str,
    forward: Forward | None = None,
    *,
    sample_rows: int = 64,
    progress: Callable[[int, int], None] | None = None,
) -> Verification:
    """Checks everything that can be checked.

    Args:
        folder: path or URI.
        forward: the teacher, to recompute a sample.
        sample_rows: rows of that sample, evenly from all.
        progress: called with (rows done, rows in all).

    Raises:
        DataError: the folder is damaged, does not decode or is misaligned; one line.
    """
    source = ShardSource.open(folder)
    positions, kept, agreeing = 0, 0, 0
    entropy = dict.fromkeys(TEMPERATURES, 0.0)
    for start in range(0, len(source), _ROWS):
        numbers = range(start, min(start + _ROWS, len(source)))
        rows, signal = source.take(numbers)
        _check(folder, rows, signal, start)
        labels_N = np.concatenate([row.labels[row.labels != IGNORED] for row in rows])
        positions += len(signal)
        kept += int(np.isfinite(signal.logprobs_NK).sum())
        agreeing += int((signal.ids_NK[:, 0] == labels_N).sum())
        for temperature in TEMPERATURES:
            entropy[temperature] += float(fidelity.entropy(signal, temperature).sum())
        if progress:
            progress(numbers.stop, len(source))
    if positions != source.manifest.tokens:
        raise DataError(
            f"{folder}: {positions:,} target positions, the manifest says {source.manifest.tokens:,}"
        )
    if not positions:
        raise DataError(f"{folder}: no target position in any row")
    means = {temperature: total / positions for temperature, total in entropy.items()}
    against = None if forward is None else against_teacher(source, forward, sample_rows)
    return Verification(
        manifest=source.manifest,
        kept=kept / positions,
        entropy=means,
        label_agreement=agreeing / positions,
        fidelity=against,
        warnings=tuple(_warnings(means, against)),
    )


def _check(folder: str, rows: Sequence[Row], signal: TeacherSignal, start: int) -> None:
    """Raises `DataError` for a signal that cannot be one of these rows."""
    where = f"{folder}: rows {start} to {start + len(rows) - 1}"
    wanted = sum(row.num_targets for row in rows)
    if len(signal) != wanted:
        raise DataError(f"{where}: signal on {len(signal)} positions, the rows have {wanted} targets")
    kept_NK = np.isfinite(signal.logprobs_NK)
    ids = signal.ids_NK[kept_NK]
    if not kept_NK.any(1).all() or (ids < 0).any() or (ids >= signal.vocab).any():
        raise DataError(f"{where}: a position without tokens, or with one outside of the vocabulary")
    if (
        np.isnan(signal.logprobs_NK).any()
        or np.isnan(signal.tail_N).any()
        or np.isnan(signal.tail_lse_NG).any()
    ):
        raise DataError(f"{where}: not a number among the log-probabilities")
    sorted_NK = np.sort(np.where(kept_NK, signal.ids_NK, -1 - np.arange(kept_NK.shape[1])), 1)
    if (np.diff(sorted_NK, axis=1) == 0).any():
        raise DataError(f"{where}: a position keeps a token twice")


def against_teacher(source: ShardSource, forward: Forward, sample_rows: int) -> Fidelity:
    """The divergence between a teacher and its store on rows taken evenly."""
    rows, signal = source.take(evenly(len(source), sample_rows))
    logits_NV = np.concatenate([logits for row in rows for logits in forward([row])])
    if logits_NV.shape[1] != source.manifest.vocab:
        raise DataError(
            f"{source.folder}: made with a vocabulary of {source.manifest.vocab}, "
            f"this teacher has {logits_NV.shape[1]}"
        )
    bucketed = {t: fidelity.bucketed_kl(logits_NV, signal, t) for t in TEMPERATURES}
    full = {t: fidelity.full_kl(logits_NV, signal, t) for t in TEMPERATURES}
    return Fidelity(*(_by_temperature(values, of) for values in (bucketed, full) for of in (np.mean, _p99)))


def _p99(values: NDArray[np.float64]) -> float:
    return float(np.percentile(values, 99))


def _by_temperature(
    values: dict[float, NDArray[np.float64]], of: Callable[[NDArray[np.float64]], float]
) -> dict[float, float]:
    return {temperature: float(of(per_position)) for temperature, per_position in values.items()}


def _warnings(entropy: dict[float, float], against: Fidelity | None) -> list[str]:
    warnings = []
    if max(entropy.values()) < ONE_HOT:
        warnings.append(
            f"one-hot at every temperature (entropy at most {max(entropy.values()):.3f} nats): it teaches "
            "nothing but the labels; were its logits scaled (T5: d_model ** -0.5) or squeezed into a few levels?"
        )
    if against and against.bucketed_mean[1.0] > DIFFERENT:
        warnings.append(
            "not this teacher's word on these rows: "
            f"mean bucketed KL {against.bucketed_mean[1.0]:.2f} nats at T = 1"
        )
    elif against and FLAT < against.full_mean[1.0] < float(
        "inf"
    ):  # without end where nothing is said of the tail
        warnings.append(
            f"how the tail is spread is lost: mean full KL {against.full_mean[1.0]:.2f} nats at T = 1 (bucketed"
            f" {against.bucketed_mean[1.0]:.2g}), as of logits near no plane of few dimensions (soft caps):"
            " only distil.loss spread learns it; take another, or capture.codec full"
        )
    return warnings


def show(
    folder: str, number: int, decode: Callable[[Sequence[int]], str], *, alternatives: int = 5
) -> list[str]:
    """A record as a person would read it: the input, then a line per target.

    Args:
        folder: path or URI.
        number: of the row.
        decode: token ids -> text.
        alternatives: tokens shown per target.

    Raises:
        DataError: no such row, or a damaged folder.
    """
    source = ShardSource.open(folder)
    if not 0 <= number < len(source):
        raise DataError(f"{folder}: no row {number}: it has rows 0 to {len(source) - 1}")
    (row,), signal = source.take([number])
    lines = [f"row {number} ({row.id}): {len(row.input_ids)} input tokens, {row.num_targets} targets"]
    lines += [f"input: {decode(row.input_ids.tolist())}", "target | teacher at T = 1 | tail mass"]
    for n, label in enumerate(row.labels[row.labels != IGNORED].tolist()):
        kept = int(np.isfinite(signal.logprobs_NK[n]).sum())
        tokens = zip(
            signal.ids_NK[n, :kept].tolist(), np.exp(signal.logprobs_NK[n, :kept]).tolist(), strict=True
        )
        shown = "  ".join(f"{decode([token])!r} {p:.3f}" for token, p in list(tokens)[:alternatives])
        more = f"  (+{kept - alternatives})" if kept > alternatives else ""
        lines.append(f"{decode([label])!r} | {shown}{more} | {float(np.exp(signal.tail_N[n])):.3f}")
    return lines
