"""What is measured of a student when it is handed over, on the very files that are handed over.

Accuracy and relations on the trial's cases, the time of one assertion beside its teacher's, and how near the
stored signal is to the teacher. What cannot be measured (its files are gone) is None, and the statement says
so.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from kdray.config import Trial, parse
from kdray.console import say
from kdray.errors import DataError, KdrayError
from kdray.evaluation.answering import Output, answering
from kdray.evaluation.speed import one_answer
from kdray.metamorphic.suite import Suite
from kdray.metamorphic.suite_inputs import IDENTITY
from kdray.results import TrialRecord
from kdray.students.load import load_model
from kdray.students.logits import TargetLogits
from kdray.tasks import Task
from kdray.teacher.shards import ShardSource
from kdray.teacher.verify import against_teacher
from kdray.train.evaluate import suite_metrics
from kdray.train.trial_data import TrialData, open_data

LATENCY_CASES = 15
FIDELITY_ROWS = 32


def test_trial(record: TrialRecord) -> Trial:
    """The trial with its test suite where it has one, as what it is judged by."""
    trial = parse(Trial, dict(record.trial), record.key)
    return trial if trial.test_suite is None else trial.model_copy(update={"suite": trial.test_suite})


@dataclass(frozen=True)
class Bench:
    """What a student is measured with: the trial and the files it was trained on."""

    trial: Trial
    data: TrialData

    @property
    def task(self) -> Task:
        """Encodes and decodes for the student."""
        return self.data.task

    @property
    def suite(self) -> Suite:
        """With the teacher's word."""
        assert self.data.suite is not None  # noqa: S101 - `bench` saw to it
        return self.data.suite

    @property
    def signal(self) -> ShardSource:
        """The shards it learned from."""
        assert self.data.shards is not None  # noqa: S101 - what has a suite reads shards
        return self.data.shards

    @property
    def numbers(self) -> list[int]:
        """Rows of the suite that the student is judged by: all of a test suite's."""
        return self.suite.first(self.cases)

    @property
    def cases(self) -> int:
        """Clean inputs among them, at most."""
        unseen = self.trial.test_suite is not None
        return len(self.suite.cases) if unseen else self.trial.evaluation.cases

    @property
    def clean(self) -> list[int]:
        """Of these, the clean inputs."""
        return [number for number in self.numbers if self.suite.transforms[number] == IDENTITY]


def bench(record: TrialRecord) -> Bench | None:
    """The trial's files, with its test suite where it has one; None where they are not there any more."""
    trial = test_trial(record)
    try:
        data = open_data(trial)
    except DataError:
        return None
    return Bench(trial, data) if data.suite is not None else None


def metrics(model: Any, on: Bench) -> dict[str, Any]:
    """The student's metrics, as a trial reports them, on the test suite where the trial has one.

    What it writes is run, where the trial asks for it, confined or not at all.
    """
    try:
        return suite_metrics(model, on.data.task, on.suite, on.trial, on.cases)[0]
    except KdrayError as error:
        if not on.trial.runs(on.trial.suite):
            raise
        say(f"warning: its assertions are not run: {error}")
        return suite_metrics(model, on.data.task, on.suite, on.trial, on.cases, runs=False)[0]


def answers(model: Any, on: Bench, numbers: list[int]) -> Sequence[Output]:
    """The student's answers, the greedy ones, to rows of the suite."""
    prompts, outputs, _ = on.suite.read(numbers)
    drafts = outputs if on.suite.reread is None else None  # only a guess, and in the teacher's tokens
    return answering(on.task).outputs(model, on.task, prompts, on.trial.evaluation.batch_size, drafts)


def latency(model: Any, on: Bench) -> dict[str, Any]:
    """Median milliseconds of one answer, one input at a time, beside the teacher's in turn: an assertion by
    `generate`, or a classifier's class.
    """
    cases = on.clean[:LATENCY_CASES]
    inputs = {"student_ms": on.suite.read(cases)[0], "teacher_ms": on.suite.told(cases)[0]}
    tasks = {"student_ms": on.data.task, "teacher_ms": on.data.teacher_task}
    teacher = load_model(on.data.teacher) if on.data.teacher is not None else None
    models = {"student_ms": model, "teacher_ms": teacher}
    times: dict[str, list[float]] = {name: [] for name, side in models.items() if side is not None}
    for number in [0, *range(len(cases))]:  # the first warms up
        for name in times:
            ids = torch.from_numpy(inputs[name][number].astype("int64"))[None]
            started = time.perf_counter()
            one_answer(models[name], ids, tasks[name])
            times[name].append(1000 * (time.perf_counter() - started))
    medians: dict[str, Any] = {name: statistics.median(values[1:]) for name, values in times.items()}
    device = f"CPU, {torch.get_num_threads()} thread(s)"
    return {"teacher_ms": None, **medians, "inputs": len(cases), "device": device}


def fidelity(on: Bench) -> dict[str, dict[float, float]] | None:
    """KL(teacher || stored) by temperature on a sample of rows; None without the teacher beside its signal."""
    if on.data.teacher is None:
        return None
    forward = TargetLogits(load_model(on.data.teacher), on.data.teacher_task.pad_id)
    return asdict(against_teacher(on.signal, forward, FIDELITY_ROWS))
