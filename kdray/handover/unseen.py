"""The test suite, opened once: the students that a finished sweep shows are judged by cases that chose nothing.

Those are the front's, those that were trained again before one was chosen, and the control's (alpha 0, the best of
several): whoever reads the front asks of the others nothing more. What each reached is kept in its folder as
`test.json`; one that has it is not judged again. Sampler, halving, knee and export's choice never read it.
"""

from __future__ import annotations

from kdray import results, storage
from kdray.console import Advance
from kdray.handover import bench
from kdray.handover.choose import has_student, student_folder
from kdray.metamorphic.suite import Suite
from kdray.metamorphic.suite_metrics import Evaluation, evaluate
from kdray.report.front import Front, front
from kdray.report.paired.ties import control_of
from kdray.results import MADE_BY, TEST, Experiment, TrialRecord
from kdray.students.load import load_model
from kdray.teacher.cache import local_folder
from kdray.train.evaluate import add_runs, suite_runs
from kdray.train.trial_data import open_data


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
    executed = suite_runs(bench.test_trial(wanted[0])) if wanted else None
    if executed:  # all at once: imports take longer than tests
        executed.run([evaluation.said for _, evaluation in examined])
    for record, (suite, evaluation) in zip(wanted, examined, strict=True):
        judged = evaluation.as_dict() | {"outcomes": evaluation.outcomes, MADE_BY: record.fingerprint}
        if executed:
            add_runs(judged, evaluation, suite, executed)
        storage.write_json(storage.join(experiment.folder, "trials", record.key, TEST), judged)
    return len(wanted)


def on_test(experiment: Experiment, record: TrialRecord) -> tuple[Suite, Evaluation]:
    """A trial's student on all cases of the test suite."""
    trial = bench.test_trial(record)
    on = bench.Bench(trial, open_data(trial))
    model = load_model(local_folder(student_folder(experiment, record.key)))
    return on.suite, evaluate(model, on.task, on.suite, on.trial.evaluation, cases=on.cases)
