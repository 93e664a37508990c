"""Makes a teacher: the trial's own loop, checkpointed at every rung and every few minutes between, resumable;
ended early where it is told how patient to be.
"""

from __future__ import annotations

import hashlib
import math
import shutil
import time
from pathlib import Path
from typing import Any

from kdray.config import CheckpointStudent, TeacherRecipe, as_data, parse
from kdray.corpus.store import corpus_fingerprint
from kdray.errors import ConfigError, TrialFailed
from kdray.storage import exists, read_json, write_json
from kdray.teacher.cache import local_folder
from kdray.train.trial_run import Progress, Report, TrialRun

CURVE = "curve.json"
KEPT_EVERY_S = 180.0
"""How much of a training is done again, at most, where it is killed."""


def train_teacher(
    recipe: TeacherRecipe,
    out: str | Path,
    report: Report = lambda metrics: None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Trains a teacher into `out`; killed and called again, it goes on from its last checkpoint, minutes old.

    Args:
        recipe: architecture, corpus, budget, seed. out: the folder of the result: model, tokenizer,
            `training.json` with recipe, learning curve and seconds. report: gets the metrics of every rung.
            progress: called after each step.

    Raises:
        ConfigError: `out` holds the work of another recipe.
        TrialFailed: a loss that is no number, also the held-out one.
    """
    folder = Path(out)
    work = folder / "unfinished"
    plan = {"recipe": as_data(recipe), "corpus": corpus_fingerprint(recipe.corpus)}
    if isinstance(recipe.student, CheckpointStudent):
        plan["checkpoint"] = _content(Path(local_folder(recipe.student.checkpoint)))
    if (folder / "training.json").exists():
        done: dict[str, Any] = read_json(folder / "training.json")
        _same(plan, done, folder)
        return done
    if exists(work / "plan.json"):
        _same(plan, read_json(work / "plan.json"), folder)
    write_json(work / "plan.json", plan)
    curve: list[dict[str, Any]] = []
    due = time.monotonic() + KEPT_EVERY_S

    def after_step(step: int, loss: float) -> None:
        nonlocal due
        if progress:
            progress(step, loss)
        # At a rung it is kept with what is measured there: what is loaded at a rung's step goes on behind it.
        if time.monotonic() >= due and step not in recipe.budget.reports:
            due = _keep(work, run, curve)

    run = TrialRun(recipe, progress=after_step)
    if (newest := _newest(work)) is not None:
        curve = read_json(newest / CURVE)
        run.load(newest)
    while not run.done and not _is_over(curve, recipe.patience):
        curve.append(run.next_rung())
        if not math.isfinite(curve[-1]["held_out_loss"]):
            raise TrialFailed(
                f"held-out loss is {curve[-1]['held_out_loss']} at step {run.step}: lower optim.lr"
            )
        if recipe.patience is not None and _best(curve) == len(curve) - 1:
            run.export(work / "best")
        due = _keep(work, run, curve)
        report(curve[-1])
    if recipe.patience is None:
        run.export(folder)
    else:
        shutil.copytree(work / "best", folder, dirs_exist_ok=True)
    result = {
        **plan,
        "learning_curve": curve,
        "seconds": curve[-1]["seconds"],
        "params": curve[-1]["student_params"],
    }
    run.close()
    write_json(folder / "training.json", result)
    shutil.rmtree(work)
    return result


def _keep(work: Path, run: TrialRun, curve: list[dict[str, Any]]) -> float:
    """Checkpoint and curve of the rungs so far, both or neither; then the older one goes.

    Returns:
        When the next one is due, by the monotonic clock: they take a twentieth of the time at most.
    """
    begun = time.monotonic()
    part = work / f"step-{run.step}.part"
    shutil.rmtree(part, ignore_errors=True)
    run.save(part)
    write_json(part / CURVE, curve)
    before = _newest(work)
    part.rename(work / f"step-{run.step}")
    if before is not None:
        shutil.rmtree(before)
    now = time.monotonic()
    return now + max(KEPT_EVERY_S, 20 * (now - begun))


def _newest(work: Path) -> Path | None:
    """The last whole checkpoint."""
    found = [path for path in work.glob("step-*") if path.suffix != ".part"]
    return max(found, key=lambda path: int(path.name.removeprefix("step-")), default=None)


def _content(folder: Path) -> str:
    """Changes with the weights and the tokenizer of a model's folder; the same for all names on a hub."""
    digest = hashlib.sha256()
    for path in sorted([*folder.glob("*.safetensors"), *folder.glob("tokenizer.json")]):
        with path.open("rb") as file:
            digest.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def _best(curve: list[dict[str, Any]]) -> int:
    """Which rung has the lowest held-out loss, the first of equals."""
    return min(range(len(curve)), key=lambda number: curve[number]["held_out_loss"])


def _is_over(curve: list[dict[str, Any]], patience: int | None) -> bool:
    return patience is not None and bool(curve) and len(curve) - 1 - _best(curve) >= patience


def _same(plan: dict[str, Any], recorded: dict[str, Any], folder: Path) -> None:
    # What was recorded before a field existed has its default.
    recipe = as_data(parse(TeacherRecipe, recorded["recipe"], str(folder)))
    for key, value in plan.items():
        if {**recorded, "recipe": recipe}.get(key) != value:
            raise ConfigError(
                f"{folder} holds a teacher of another {key}: choose another --out, or remove it"
            )
