"""The stages that `tests/faults.py` disturbs, each as small as it can be."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from kdray import results
from kdray.config import Sweep, sweep_from
from kdray.corpus.mine import mine
from kdray.corpus.store import write_corpus
from kdray.experiment.job import Job
from kdray.experiment.trial_fingerprint import trial_fingerprint
from kdray.handover.export import export
from kdray.pipeline.prepare import prepare
from kdray.report.show import report
from kdray.storage import read_json
from kdray.train import TrialRun
from kdray.workers.attempt import Attempt
from tests import world
from tests.faults import Stage
from tests.report.simulated import simulate
from tests.sweeping.check import check_whole
from tests.sweeping.drive import drive
from tests.sweeping.fixtures import STUDENT

TIMED = ("seconds", "wall_s", "latency_ms", "peak_memory_mb")


def stages(small: Path, shipped: Path) -> list[Stage]:
    """All of them.

    Args:
        small: the small world (`tests/world.py`).
        shipped: an experiment with a student to export.
    """
    return [_sweep(), _corpus(), _capture(small), _suite(small), _trial(small), _report(), _export(shipped)]


def files(folder: Path) -> dict[str, str]:
    """Every file that is no leftover of a write that was cut short -> what is in it."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix not in (".tmp", ".part", ".lock")
    }


def _sweep() -> Stage:
    data = {
        "name": "small",
        "trial": {
            "shards": "a",
            "suite": "b",
            "student": STUDENT,
            "budget": {"steps": 9, "rungs": [1, 3, 9]},
        },
        "space": {"distil.alpha": {"range": [0, 1]}, "student.hidden": [32, 64, 96]},
        "search": {
            "trials": 6,
            "start": [{"distil.alpha": 0.5}, {"distil.alpha": 0.0}],
            "eta": 2,
            "trust": -1,
        },
    }
    sweep = sweep_from({**data, "search": {**data["search"], "sampler": "random"}}, "test")

    def found(folder: Path) -> Any:
        check_whole(sweep, folder / "x")
        for record in results.read(folder / "x"):
            _check_own(folder / "x" / "trials" / record.key, record)
        return len(results.read(folder / "x"))

    return Stage("sweep", lambda folder: None, lambda folder: drive(sweep, folder / "x") and None, found)


def _check_own(folder: Path, record: results.TrialRecord) -> None:
    """What lies in a trial's folder is of that trial, by fingerprint and by what its formula gives."""
    said = {
        json.loads(line).get(results.MADE_BY) for line in (folder / "results.jsonl").read_text().splitlines()
    }
    said.add(read_json(folder / "state.json").get(results.MADE_BY))
    if (folder / "student").exists():
        said.add(read_json(folder / "student" / "kdray.json").get(results.MADE_BY))
    assert len(said) == 1, f"{record.key}: of several trials: {said}"
    share = record.metrics["step"] / 9
    expected = share * (1 - (record.trial["distil"]["alpha"] - 0.5) ** 2)
    assert abs(record.metrics["assertion_accuracy"] - expected) < 1e-9, f"{record.key}: another's result"


def _corpus() -> Stage:
    def run(folder: Path) -> None:
        write_corpus(folder / "corpus", mine([str(folder / "shop")], processes=1), ["shop"])

    return Stage(
        "corpus",
        lambda folder: world.write_tests(folder / "shop", 8) and None,
        run,
        lambda folder: files(folder / "corpus"),
    )


def _at(small: Path, folder: Path, **capture: Any) -> Sweep:
    """The small world's sweep, with its signal and suite in another folder."""
    data = world.sweep_data(small)
    data["trial"] |= {name: str(folder / name) for name in ("shards", "suite")}
    data["capture"] |= capture
    return sweep_from(data, "test")


def _capture(small: Path) -> Stage:
    def plan(folder: Path) -> Sweep:
        stores = {str(folder / "full"): {"codec": "full"}, str(folder / "eight"): {"codec": "minmax"}}
        return _at(small, folder, rows=24, rows_per_shard=8, cases=2, stores=stores)

    return Stage(
        "capture, three stores", lambda folder: None, lambda folder: prepare(plan(folder)) and None, files
    )


def _suite(small: Path) -> Stage:
    def plan(folder: Path) -> Sweep:
        data = world.sweep_data(small)
        data["trial"] |= {"suite": str(folder / "suite"), "test_suite": str(folder / "test")}
        data["capture"] |= {"cases": 3}
        return sweep_from(data, "test")

    return Stage("both suites", lambda folder: None, lambda folder: prepare(plan(folder)) and None, files)


def _trial(small: Path) -> Stage:
    """One real trial by DeepSpeed's engine, with its checkpoints and its student."""
    trial = world.sweep(small).trial
    job = Job("t0000", trial, decided=0, fingerprint=trial_fingerprint(trial))

    def run(folder: Path) -> None:
        attempt = Attempt(replace(job), str(folder), ["assertion_accuracy"], TrialRun)
        try:
            while not attempt.done:
                attempt.next_rung()
        finally:
            attempt.close()

    def found(folder: Path) -> Any:
        trial_folder = folder / "trials" / "t0000"
        rungs = [json.loads(line) for line in (trial_folder / "results.jsonl").read_text().splitlines()]
        weights = hashlib.sha256((trial_folder / "student" / "model.safetensors").read_bytes()).hexdigest()
        told = [{name: value for name, value in rung.items() if name not in TIMED} for rung in rungs]
        return {"weights": weights, "rungs": told}

    return Stage("one trial, trained", lambda folder: None, run, found)


def _report() -> Stage:
    def run(folder: Path) -> None:
        kinds = {kind: str(folder / f"out.{kind}") for kind in ("html", "csv", "latex", "markdown", "svg")}
        report([str(folder / "x")], objectives=None, where=(), files=kinds, as_json=False)

    return Stage("report", lambda folder: simulate(folder / "x", 6, cases=2) and None, run, files)


def _export(shipped: Path) -> Stage:
    def found(folder: Path) -> Any:
        there = {name: content for name, content in files(folder).items() if not name.startswith(".out.")}
        del there["out/statement.json"], there["out/README.md"]  # they say how long an answer took
        return there

    return Stage(
        "export",
        lambda folder: None,
        lambda folder: (
            None
            if (folder / "out").exists()
            else export(str(shipped), folder / "out", trial="t0000") and None
        ),
        found,
    )
