"""The whole job on real tests, in minutes on two cores: corpus -> teacher -> signal and suite -> sweep ->
front.

Every stage leaves its result in a folder and is skipped when it is there; a stage that was interrupted goes
on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from kdray.config import Sweep, read_yaml, sweep_from
from kdray.console import Advance, say, stage
from kdray.corpus.left_out import LeftOut
from kdray.corpus.mine import DEMO_PACKAGES, Options, mine
from kdray.corpus.store import corpus_manifest, write_corpus
from kdray.packaged import packaged
from kdray.pipeline.launching import Launched, launch
from kdray.pipeline.references import references
from kdray.storage import exists, join

FILES = 400
"""Test files, of some two thousand, that are plenty for the packaged teacher's signal."""


@dataclass
class Demo:
    """A demo that ran to its end."""

    launched: Launched
    marks: dict[str, dict[str, Any]]


def demo_sweep(runs: str, *, train_teacher: bool) -> Sweep:
    """The embedded sweep with its folders below `runs`."""
    data = read_yaml(packaged("demo/sweep.yaml"))
    work = join(runs, "demo-data")
    folders = {name: join(work, name) for name in ("corpus", "signal", "valid", "test")}
    teacher = join(work, "teacher") if train_teacher else "kdray:python"
    if train_teacher:
        data["name"] += "-own-teacher"
        folders = {name: f"{folder}-own-teacher" for name, folder in folders.items()}
    data["storage"] = runs
    data["trial"] |= {
        "corpus": folders["corpus"],
        "teacher": teacher,
        "shards": folders["signal"],
        "suite": folders["valid"],
        "test_suite": folders["test"],
    }
    return sweep_from(data, "the demo's sweep.yaml")


def run_demo(runs: str = "runs", *, train_teacher: bool = False) -> Demo:
    """Runs what is missing of the demo. Progress goes to stderr. Raises `KdrayError`."""
    seconds: dict[str, float] = {}
    timed = partial(stage, seconds=seconds)
    sweep = demo_sweep(runs, train_teacher=train_teacher)
    assert sweep.trial.corpus and sweep.trial.teacher  # noqa: S101 - demo_sweep sets both
    with timed("corpus") as advance:
        _corpus(sweep.trial.corpus, None if train_teacher else FILES, advance)
    counts = corpus_manifest(sweep.trial.corpus)
    say(
        f"corpus    {sum(counts['splits'].values()):,} assertions of {counts['groups']:,} test files: "
        + ", ".join(f"{count:,} {split}" for split, count in counts["splits"].items())
    )
    with timed("teacher") as advance:
        if train_teacher:
            _teacher(sweep.trial.corpus, sweep.trial.teacher, advance)
    launched = launch(sweep, resume=True, seconds=seconds, after_prepare=partial(_teacher_line, timed=timed))
    return Demo(launched, references(sweep, launched.folder))


def _teacher_line(sweep: Sweep, folder: str, timed: Any) -> None:
    with timed("teacher") as advance:
        marks = references(sweep, folder, advance)
    shown = "  ".join(
        f"{name} {metrics['assertion_accuracy']:.1%}"
        for name, metrics in marks.items()
        if "assertion_accuracy" in metrics  # some are told on the test suite alone
    )
    say(f"accuracy  {shown}   (strict exact match, {marks['teacher']['cases']} assertions of unseen files)")


def _corpus(folder: str, files: int | None, advance: Advance) -> None:
    if not exists(join(folder, "corpus.json")):
        left_out = LeftOut()
        examples = mine(DEMO_PACKAGES, progress=advance, left_out=left_out, options=Options(files=files))
        write_corpus(folder, examples, DEMO_PACKAGES, left_out)


def _teacher(corpus: str, out: str, advance: Advance) -> None:
    """A smaller teacher, trained on the spot: minutes instead of hours, and worth as much less."""
    from kdray.config import load_recipe
    from kdray.train.teacher import train_teacher

    recipe = load_recipe(packaged("demo/small-teacher.yaml")).model_copy(update={"corpus": corpus})
    train_teacher(recipe, out, progress=lambda step, loss: advance(step, recipe.budget.steps))
