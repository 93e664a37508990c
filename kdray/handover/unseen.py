"""The test suite, opened once: the students that a finished sweep shows are judged by cases that chose nothing.

Those are the front's, those that were trained again before one was chosen, and the control's (alpha 0, the best of
several): whoever reads the front asks of the others nothing more. What each reached is kept in its folder as
`test.json`; one that has it is not judged again. Sampler, halving, knee and export's choice never read it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kdray import results, storage
from kdray.config import Trial
from kdray.console import Advance
from kdray.handover import bench
from kdray.handover.choose import has_student, student_folder
from kdray.metamorphic.suite import Suite
from kdray.metamorphic.suite_metrics import Evaluation, evaluate
from kdray.report.front import Front, front
from kdray.report.paired.ties import control_of
from kdray.results import MADE_BY, TEST, Experiment, TrialRecord
from kdray.storage import fingerprint
from kdray.students.load import load_model
from kdray.teacher.cache import local_folder
from kdray.train.evaluate import add_runs, suite_runs
from kdray.train.trial_data import open_data

if TYPE_CHECKING:
    from kdray.execution.suite_runs import SuiteRuns


def shown(found: Front) -> list[TrialRecord]:
    """The front's trials, those that were trained again, and the control."""
    wanted = [*found.members, *(record for record in found.candidates if record.key in found.again)]
    wanted += [control] if (control := control_of(found)) else []
    return list({record.key: record for record in wanted}.values())


def judge_unseen(folder: str, advance: Advance = lambda done, total: None) -> int:
    """Judges those of an experiment's students that its report shows, by their test suite; how many were new.

    None where the sweep has one suite only, or where a student is gone. Raises what opening a suite raises.
    """
    experiment = results.experiment(folder)
    if experiment.sweep.trial.test_suite is None:
        return 0
    wanted = [
        record
        for record in shown(front(experiment.records, experiment.sweep.objectives))
        if not record.test and has_student(experiment, record.key)
    ]
    examined = []
    for done, record in enumerate(wanted, start=1):
        examined.append(on_test(experiment, record))
        advance(done, len(wanted))
    executed = _run(examined)
    for record, (trial, suite, evaluation) in zip(wanted, examined, strict=True):
        judged = evaluation.as_dict() | {"outcomes": evaluation.outcomes, MADE_BY: record.fingerprint}
        if runs := executed.get(_asks(trial)):
            add_runs(judged, evaluation, suite, runs)
        storage.write_json(storage.join(experiment.folder, "trials", record.key, TEST), judged)
    return len(wanted)


Examined = tuple[Trial, Suite, Evaluation]


def _run(examined: Sequence[Examined]) -> dict[str, SuiteRuns]:
    """Runs what several students say: all at once, for imports take longer than tests."""
    found: dict[str, SuiteRuns] = {}
    for trial in {_asks(trial): trial for trial, _, _ in examined}.values():
        if runs := suite_runs(trial):
            same = [said for other, _, said in examined if _asks(other) == _asks(trial)]
            runs.run([said.said | said.said_to_variants for said in same])
            found[_asks(trial)] = runs
    return found


def _asks(trial: Trial) -> str:
    """All that a trial's runs depend on but its answers."""
    execution = trial.evaluation.execution
    return fingerprint(str(trial.suite), str(trial.corpus), execution.model_dump_json() if execution else "")


def on_test(experiment: Experiment, record: TrialRecord) -> Examined:
    """A trial's student on all cases of the test suite."""
    trial = bench.test_trial(record)
    on = bench.Bench(trial, open_data(trial))
    model = load_model(local_folder(student_folder(experiment, record.key)))
    return trial, on.suite, evaluate(model, on.task, on.suite, on.trial.evaluation, cases=on.cases)
