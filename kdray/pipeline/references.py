"""What the students are held against: the teacher on the suite, and the baselines that need no learning."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kdray.config import Sweep, Trial
from kdray.console import Advance
from kdray.corpus.example import Example
from kdray.errors import DataError
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
    found = _on(trial, trial.suite, advance)
    if trial.test_suite:
        unseen = _on(trial, trial.test_suite, advance)
        found = {name: found.get(name, {}) | {"test": metrics} for name, metrics in unseen.items()}
    found["teacher"]["student_params"] = read_manifest(trial.shards).teacher_params
    write_json(path, found)
    return found


def _on(trial: Trial, location: str, advance: Advance) -> dict[str, dict[str, Any]]:
    """The same on one suite."""
    from kdray.corpus.store import Examples, examples_of
    from kdray.evaluation.answering import answering
    from kdray.evaluation.shares import text_metrics
    from kdray.metamorphic.suite import Suite
    from kdray.metamorphic.suite_inputs import IDENTITY

    suite = Suite.open(location)
    clean = [number for number, transform in enumerate(suite.transforms) if transform == IDENTITY]
    ids = [suite.cases[number] for number in clean]
    said, truth = ([texts[n] for n in clean] for texts in (suite.teacher_texts, suite.references))
    known = trial.corpus is not None and exists(join(trial.corpus, "corpus.json"))

    def data() -> tuple[Iterable[Example], Sequence[Example]]:
        assert trial.corpus is not None  # noqa: S101 - it is known
        by_id = examples_of(trial.corpus, ids)
        if gone := [name for name in ids if name not in by_id]:
            raise DataError(f"{location}: case {gone[0]} is not in {trial.corpus}: it is of another corpus")
        return Examples(trial.corpus, "train"), [by_id[name] for name in ids]

    how = answering(task_class(trial.task))
    written: dict[str, Sequence[str]] = {"teacher": said}
    written |= how.baselines(truth, data if known else None, advance)
    marks = {name: text_metrics(texts, truth, trial.accuracy) for name, texts in written.items()}
    marks["teacher"] |= {"metamorphic_discrepancy": 0.0, "agreement": 1.0}
    if trial.runs(location):
        _run(trial, suite, ids, truth, written, marks)
    return marks


def _run(
    trial: Trial,
    suite: Suite,
    ids: Sequence[str],
    truth: Sequence[str],
    written: Mapping[str, Sequence[str]],
    marks: dict[str, dict[str, Any]],
) -> None:
    """Adds what running them says of the teacher, of the baselines, of the tests' own assertions and of none."""
    from kdray.evaluation.shares import text_metrics
    from kdray.execution.judged import NOTHING, ORIGINAL
    from kdray.execution.suite_runs import SuiteRuns, how_of
    from kdray.metamorphic.suite_inputs import IDENTITY

    assert trial.evaluation.execution is not None  # noqa: S101 - the caller saw to it
    location = suite.source.folder
    runs = SuiteRuns(location, trial.evaluation.execution, how_of(trial.evaluation.execution, trial.corpus))
    runs.run([dict(zip(ids, texts, strict=True)) for texts in written.values()])
    for name, texts in {**written, ORIGINAL: truth, NOTHING: [""] * len(ids)}.items():
        found = runs.judge(ids, texts, empty=name == NOTHING)
        if len(found) == 2:  # no case of this suite can be run here
            continue
        mark = marks.setdefault(name, text_metrics(texts, truth, trial.accuracy))
        mark["intervals"] |= found.pop("intervals")
        mark |= found
    if trial.evaluation.execution.variants:
        rows = [row for row, transform in enumerate(suite.transforms) if transform != IDENTITY]
        found = runs.judge_variants(
            [suite.name(row) for row in rows], [suite.teacher_texts[row] for row in rows]
        )
        marks["teacher"]["intervals"] |= found.pop("intervals")
        marks["teacher"]["counts"] = marks["teacher"].get("counts", {}) | found.pop("counts")
        marks["teacher"] |= found
