"""What the students are held against: the teacher on the suite, and the baselines that need no learning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from kdray.config import Sweep, Trial
from kdray.console import Advance
from kdray.corpus.example import Example
from kdray.storage import exists, join, read_json, write_json
from kdray.tasks import task_class
from kdray.teacher.manifest import read as read_manifest

if TYPE_CHECKING:
    from kdray.metamorphic.suite import Suite


def references(
    sweep: Sweep, folder: str, advance: Advance = lambda done, total: None
) -> dict[str, dict[str, Any]]:
    """Name -> metrics of the teacher, of retrieval and of repeating the last assertion, on the suite's clean
    inputs; under `test` the same on the test suite's, where there is one.

    Kept in the experiment folder: asked again, it answers at once.
    """
    path = join(folder, "references.json")
    if exists(path):
        return dict(read_json(path))
    trial = sweep.trial
    assert trial.suite and trial.shards  # noqa: S101 - prepare saw to it
    found = _on(sweep, trial.suite, advance)
    if trial.test_suite:
        unseen = _on(sweep, trial.test_suite, advance)
        found = {name: found.get(name, {}) | {"test": metrics} for name, metrics in unseen.items()}
    found["teacher"]["student_params"] = read_manifest(trial.shards).teacher_params
    write_json(path, found)
    return found


def _on(sweep: Sweep, location: str, advance: Advance) -> dict[str, dict[str, Any]]:
    """The same on one suite."""
    from kdray.corpus.store import read_corpus
    from kdray.evaluation.answering import answering
    from kdray.evaluation.shares import text_metrics
    from kdray.metamorphic.suite import Suite
    from kdray.metamorphic.suite_inputs import IDENTITY
    from kdray.pipeline.capturing import cases_of

    trial, suite = sweep.trial, Suite.open(location)
    clean = [number for number, transform in enumerate(suite.transforms) if transform == IDENTITY]
    said, truth = ([texts[n] for n in clean] for texts in (suite.teacher_texts, suite.references))
    teacher = {"metamorphic_discrepancy": 0.0, "agreement": 1.0}
    marks: dict[str, dict[str, Any]] = {"teacher": text_metrics(said, truth, trial.accuracy) | teacher}
    known = trial.corpus is not None and exists(join(trial.corpus, "corpus.json"))

    def data() -> tuple[Sequence[Example], Sequence[Example]]:
        assert trial.corpus is not None  # noqa: S101 - it is known
        return read_corpus(trial.corpus, "train"), cases_of(sweep, location)

    marks |= answering(task_class(trial.task)).baselines(truth, data if known else None, advance)
    if trial.runs(location):
        _run(trial, suite, location, [suite.cases[n] for n in clean], said, data if known else None, marks)
    return marks


def _run(
    trial: Trial,
    suite: Suite,
    location: str,
    ids: Sequence[str],
    said: Sequence[str],
    data: Callable[[], tuple[Sequence[Example], Sequence[Example]]] | None,
    marks: dict[str, dict[str, Any]],
) -> None:
    """Adds what running them says of the teacher, of the baselines, of the tests' own assertions and of none."""
    from kdray.evaluation.baselines import Retrieval, last_assertion
    from kdray.evaluation.shares import text_metrics
    from kdray.execution.judged import NOTHING, ORIGINAL
    from kdray.execution.suite_runs import SuiteRuns, how_of

    assert trial.evaluation.execution is not None  # noqa: S101 - the caller saw to it
    runs = SuiteRuns(location, trial.evaluation.execution, how_of(trial.evaluation.execution, trial.corpus))
    clean = {case: suite.references[suite.clean_row[row]] for row, case in enumerate(suite.cases)}
    written: dict[str, Sequence[str]] = {"teacher": said, ORIGINAL: [clean[case] for case in ids]}
    written[NOTHING] = [""] * len(ids)
    if data is not None:
        train, examples = data()
        retrieval, by_id = Retrieval(train), {example.id: example for example in examples}
        written["retrieval"] = [retrieval.predict(by_id[case]) for case in ids]
        written["repeat_last"] = [last_assertion(by_id[case]) for case in ids]
    for name, texts in written.items():
        found = runs.judge(ids, texts, empty=name == NOTHING)
        if len(found) == 2:  # no case of this suite can be run here
            continue
        mark = marks.setdefault(name, text_metrics(texts, [clean[case] for case in ids], trial.accuracy))
        mark["intervals"] |= found.pop("intervals")
        mark |= found
