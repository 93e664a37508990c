"""What is measured of a student when it is handed over, on the very files that are handed over.

Accuracy and relations on the trial's cases, the time of one assertion beside its teacher's, and how near the
stored signal is to the teacher. What cannot be measured (its files are gone) is None, and the statement says
so.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import asdict, dataclass
from typing import Any

import torch

from kdray.config import Trial, parse
from kdray.errors import DataError
from kdray.evaluation.generate import Generation, greedy
from kdray.metamorphic.evaluate import evaluate
from kdray.metamorphic.inputs import IDENTITY
from kdray.metamorphic.suite import Suite
from kdray.results import TrialRecord
from kdray.students.load import load_model
from kdray.students.logits import TargetLogits
from kdray.tasks import AnyTask
from kdray.tasks.assertion import AssertionTask
from kdray.teacher.shards import ShardSource
from kdray.teacher.verify import against_teacher
from kdray.train.data import TrialData, open_data

LATENCY_CASES = 15
FIDELITY_ROWS = 32


@dataclass(frozen=True)
class Bench:
    """What a student is measured with: the trial and the files it was trained on."""

    trial: Trial
    data: TrialData

    @property
    def task(self) -> AssertionTask:
        """Encodes and decodes, where the student writes; a classifier has none of this."""
        assert isinstance(self.data.task, AssertionTask)  # noqa: S101 - the caller knows
        return self.data.task

    @property
    def suite(self) -> Suite:
        """With the teacher's word."""
        assert self.data.suite is not None  # noqa: S101 - `bench` saw to it
        return self.data.suite

    @property
    def signal(self) -> ShardSource:
        """The shards it learned from."""
        assert isinstance(self.data.source, ShardSource)  # noqa: S101 - what has a suite reads shards
        return self.data.source

    @property
    def numbers(self) -> list[int]:
        """Rows of the suite that the trial was judged by."""
        return self.suite.first(self.trial.evaluation.cases)

    @property
    def clean(self) -> list[int]:
        """Of these, the clean inputs."""
        return [number for number in self.numbers if self.suite.transforms[number] == IDENTITY]


def bench(record: TrialRecord) -> Bench | None:
    """The trial's files; None where they are not there any more."""
    trial = parse(Trial, dict(record.trial), record.key)
    try:
        data = open_data(trial)
    except DataError:
        return None
    return Bench(trial, data) if data.suite is not None else None


def marks(model: Any, on: Bench) -> dict[str, Any]:
    """The student's metrics on the trial's cases, as a trial reports them."""
    return evaluate(model, on.data.task, on.suite, on.trial.evaluation).as_dict()


def answers(model: Any, on: Bench, numbers: list[int]) -> list[Generation]:
    """The student's greedy answers to rows of the suite."""
    prompts, drafts, _ = on.suite.read(numbers)
    return greedy(
        model,
        prompts,
        end_id=on.task.end_id,
        pad_id=on.task.pad_id,
        max_new_tokens=on.task.max_target,
        batch_size=on.trial.evaluation.batch_size,
        drafts=drafts,
    )


def latency(model: Any, on: Bench) -> dict[str, Any]:
    """Median milliseconds of one answer, one input at a time, beside the teacher's in turn: an assertion by
    `generate`, or a classifier's class.
    """
    prompts, _, _ = on.suite.read(on.clean[:LATENCY_CASES])
    teacher = load_model(on.data.teacher) if on.data.teacher is not None else None
    models = {"student_ms": model, "teacher_ms": teacher}
    times: dict[str, list[float]] = {name: [] for name, one in models.items() if one is not None}
    for prompt in [prompts[0], *prompts]:  # the first warms up
        ids = torch.from_numpy(prompt.astype("int64"))[None]
        for name in times:
            started = time.perf_counter()
            _answer(models[name], ids, on.data.task)
            times[name].append(1000 * (time.perf_counter() - started))
    found: dict[str, Any] = {name: statistics.median(values[1:]) for name, values in times.items()}
    device = f"CPU, {torch.get_num_threads()} thread(s)"
    return {"teacher_ms": None, **found, "inputs": len(prompts), "device": device}


@torch.inference_mode()
def _answer(model: Any, ids: torch.Tensor, task: AnyTask) -> None:
    if not isinstance(task, AssertionTask):
        model(ids)
        return
    model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=task.max_target,
        do_sample=False,
        eos_token_id=task.end_id,
        pad_token_id=task.pad_id,
    )


def fidelity(on: Bench) -> dict[str, dict[float, float]] | None:
    """KL(teacher || stored) by temperature on a sample of rows; None without the teacher beside its signal."""
    if on.data.teacher is None:
        return None
    forward = TargetLogits(load_model(on.data.teacher), on.data.task.pad_id)
    return asdict(against_teacher(on.signal, forward, FIDELITY_ROWS))
