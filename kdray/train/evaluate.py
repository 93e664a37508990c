"""A student's metrics at a rung."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from kdray.config import Distil, Trial
from kdray.evaluation.speed import INPUTS, speed
from kdray.metamorphic.suite import Suite
from kdray.metamorphic.suite_inputs import IDENTITY
from kdray.metamorphic.suite_metrics import Evaluation, evaluate
from kdray.stream import RowSource, collate
from kdray.students.forward import start_of
from kdray.tasks import Task
from kdray.train.learner import Learner
from kdray.train.trial_data import TrialData

if TYPE_CHECKING:
    from kdray.execution.suite_runs import SuiteRuns

LOSS_BATCH = 64


def judge(
    model: Any, data: TrialData, trial: Trial, last: bool, *, runs: bool = True
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The metrics of a rung, the suite's for a student, the held-out loss for a teacher under training; and the
    worst cases of a student. Assertions are run, where the trial asks for it, if `runs` holds.
    """
    if data.held_out is not None:
        return {"held_out_loss": held_out_loss(model, data, data.held_out, trial)}, []
    assert data.suite is not None  # noqa: S101 - a trial without a suite is not opened
    config = trial.evaluation
    cases = config.cases if last else config.rung_cases
    metrics, outcomes, worst = suite_metrics(model, data.task, data.suite, trial, cases, runs=runs)
    if last:
        metrics |= {"outcomes": outcomes}
    if config.speed:
        clean = [n for n in data.suite.first(cases) if data.suite.transforms[n] == IDENTITY][:INPUTS]
        metrics |= speed(model, data.task, data.suite.read(clean)[0])
    return metrics, worst


def suite_metrics(
    model: Any, task: Task, suite: Suite, trial: Trial, cases: int, *, runs: bool = True
) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]:
    """A student's metrics on the first cases of its suite, with those of running its answers where the trial asks
    for these and `runs` holds; what it did on each case, and its worst ones.
    """
    evaluation = evaluate(model, task, suite, trial.evaluation, cases=cases)
    metrics = evaluation.as_dict()
    if runs and (executed := suite_runs(trial, torch.get_num_threads())):
        add_runs(metrics, evaluation, suite, executed)
    return metrics, evaluation.outcomes, evaluation.worst


def suite_runs(trial: Trial, processes: int | None = None) -> SuiteRuns | None:
    """The tests that answers to a trial's suite are run in, so many at a time; None where it asks for none."""
    if not trial.runs(trial.suite):
        return None
    from kdray.execution.suite_runs import SuiteRuns, how_of

    assert trial.suite and trial.evaluation.execution  # noqa: S101 - it is opened, and run
    how = how_of(trial.evaluation.execution, trial.corpus, processes)
    return SuiteRuns(trial.suite, trial.evaluation.execution, how)


def add_runs(metrics: dict[str, Any], evaluation: Evaluation, suite: Suite, executed: SuiteRuns) -> None:
    """Adds what running a student's answers says of it."""
    told = {suite.name(row): text for row, text in enumerate(suite.teacher_texts)}
    for said, judged in (
        (evaluation.said, executed.judge),
        (evaluation.said_to_variants, executed.judge_variants),
    ):
        found = judged(list(said), list(said.values()), [told[name] for name in said])
        for part in ("intervals", "counts"):
            metrics[part] |= found.pop(part)
        metrics |= found


@torch.inference_mode()
def held_out_loss(model: Any, data: TrialData, rows: RowSource, trial: Trial) -> float:
    """Mean cross-entropy in nats per target token."""
    learner = Learner(model, trial.student, Distil(alpha=0.0), trial.optim.precision)
    total = targets = 0.0
    count = len(rows.lengths())
    for start in range(0, count, LOSS_BATCH):
        taken, _ = rows.take(range(start, min(count, start + LOSS_BATCH)))
        batch = collate(
            taken,
            None,
            pad_id=data.task.pad_id,
            encoder_decoder=data.task.encoder_decoder,
            start_id=start_of(model, data.task.pad_id),
        )
        total += float(learner(batch, None)) * batch.num_targets
        targets += batch.num_targets
    return total / targets
