"""What the statement says of a trial beside its metrics: sweep, training, size, signal and data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kdray import storage
from kdray.corpus.store import corpus_manifest
from kdray.handover import bench
from kdray.handover.bench import Bench
from kdray.handover.choose import WEIGHTS
from kdray.report.confirmed import said
from kdray.report.front import front
from kdray.results import Experiment, TrialRecord


def of_sweep(experiment: Experiment, best: str | None = None, where: Sequence[str] = ()) -> dict[str, Any]:
    """Name, objectives, trials by state, candidates, those on the front, on what a choice among them was made, and
    what all of them took.

    Args:
        experiment: the folder as read.
        best: the metric that the choice was made by, None for the knee.
        where: the filters that its candidates keep.
    """
    records = experiment.records
    judged = front(records, experiment.sweep.objectives, where=where)
    steps = [int(record.metrics.get("step", 0)) for record in records]
    return {
        "name": experiment.sweep.name,
        "objectives": dict(experiment.sweep.objectives),
        "trials": dict(Counter(str(record.state) for record in records)),
        "candidates": len(judged.candidates),
        "front": len(judged.members),
        "confirmed": said(judged, best),
        "steps": sum(steps),
        "seconds": sum(record.seconds for record in records),
    }


def of_trial(record: TrialRecord, chosen: str) -> dict[str, Any]:
    """How it was trained, and how it was `chosen`, in words."""
    return {
        "key": record.key,
        "task": record.trial.get("task", "assertion"),
        "chosen": chosen,
        "steps": record.metrics.get("step", 0),
        "seed": record.trial.get("seed", 0),
        "distil": {"loss": "decoupled", "alpha": 0.5, "temperature": 1.0, **record.trial.get("distil", {})},
        "student": record.trial["student"],
        "overrides": record.overrides,
    }


def of_size(work: Path, model: Any, on: Bench | None) -> dict[str, Any]:
    """Parameters, and bytes of the weights in `work`; parameters of the teacher where they are known."""
    teacher = None if on is None else on.suite.manifest.teacher_params
    return {
        "params": sum(parameter.numel() for parameter in model.parameters()),
        "bytes": (work / WEIGHTS).stat().st_size,
        "format": "safetensors, bfloat16",
        "teacher_params": teacher,
    }


def of_signal(on: Bench) -> dict[str, Any]:
    """Codec, extent and fidelity of what the student learned from."""
    manifest = on.signal.manifest
    return {
        "codec": manifest.codec_name,
        "parameters": dict(manifest.codec_params),
        "bytes_per_token": manifest.signal_bytes / max(manifest.tokens, 1),
        "rows": manifest.rows,
        "tokens": manifest.tokens,
        "teacher": manifest.teacher,
        "fidelity": bench.fidelity(on),
    }


def of_data(record: TrialRecord, on: Bench | None) -> dict[str, Any]:
    """Fingerprint, sources and splits of the corpus, as far as its files are there."""
    data: dict[str, Any] = {"corpus": None if on is None else on.suite.manifest.corpus}
    corpus = record.trial.get("corpus")
    if corpus and storage.exists(storage.join(corpus, "corpus.json")):
        manifest = corpus_manifest(corpus)
        names = [Path(source).name for source in manifest["sources"]]
        data |= {"sources": names, "splits": manifest["splits"]}
    return data
