"""A finished sweep with real students, trained in this process: one kept, one deleted, one failed."""

from __future__ import annotations

import json

import pytest
import yaml

from kdray.config import as_data, merge
from kdray.pipeline.references import references
from kdray.train import TrialRun
from tests import world


def train_into(folder, trials):
    """Trains and exports each trial into an experiment folder."""
    for number, trial in enumerate(trials):
        run = TrialRun(trial)
        while not run.done:
            metrics = run.next_rung()
        where = folder / "trials" / f"t{number:04d}"
        run.export(where / "student")
        run.close()
        _write(where, as_data(trial), [metrics], "complete")


@pytest.fixture(scope="session")
def shipped_from(small_world, tmp_path_factory):
    """Its experiment folder: t0000 and t0001 complete (the second without its student), t0002 failed."""
    sweep = world.sweep(small_world, name="toy", storage=str(tmp_path_factory.mktemp("runs")))
    folder = world.Path(sweep.storage) / "toy"
    more = {"optim.lr": 5e-3, "budget.steps": 12, "budget.rungs": [12]}
    train_into(folder, [merge(sweep.trial, {"distil.alpha": a, **more}, "test") for a in (0.5, 0.9)])
    (folder / "trials" / "t0001" / "student" / "model.safetensors").unlink()
    _write(folder / "trials" / "t0002", as_data(sweep.trial), [], "failed")
    (folder / "sweep.yaml").write_text(yaml.safe_dump(as_data(sweep), sort_keys=False))
    references(sweep, str(folder))
    return folder


def _write(where, trial, rungs, state):
    where.mkdir(parents=True, exist_ok=True)
    (where / "trial.yaml").write_text(yaml.safe_dump(trial, sort_keys=False))
    (where / "results.jsonl").write_text("".join(json.dumps(rung) + "\n" for rung in rungs))
    (where / "state.json").write_text(json.dumps({"state": state, "reason": "", "seconds": 3.0}))


@pytest.fixture(scope="session")
def shipped(shipped_from, tmp_path_factory):
    """`t0000`, exported with everything."""
    pytest.importorskip("onnxruntime")
    from kdray.handover.export import export
    from kdray.handover.forms import Forms

    out = tmp_path_factory.mktemp("shipped") / "student"
    return export(str(shipped_from), out, trial="t0000", forms=Forms(int8=True))
