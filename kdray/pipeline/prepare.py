"""Makes what a sweep's trials read: the teacher's signal and the metamorphic suite, once per teacher and
corpus.

What is complete and belongs to this teacher, tokenizer and corpus is used again; what was interrupted goes
on; what belongs to another is refused. The teacher's weights are copied beside the shards, so that no trial
needs the teacher's folder or a hub.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from kdray.config import Student, Sweep, Trial, as_data, satisfies
from kdray.console import Advance, Stage, near, say
from kdray.corpus.store import corpus_fingerprint
from kdray.errors import ConfigError, nearest
from kdray.storage import exists, join
from kdray.students.checkpoint import check_checkpoints
from kdray.students.cost import costs
from kdray.students.cuts import Checkpoint, check_cut, likeness, within
from kdray.students.derive import is_plain
from kdray.students.load import kept_config, kept_teacher
from kdray.students.vocabulary import embedding_rows
from kdray.tasks import task_class
from kdray.teacher.manifest import FILE, Manifest
from kdray.teacher.manifest import read as read_manifest
from kdray.teacher.shards import ShardSource


@dataclass(frozen=True)
class Prepared:
    """What the search must know before it trains.

    Attributes:
        signal: manifest of the shards.
        suite: manifest of the metamorphic suite.
        test_suite: manifest of the one that no choice looks at, None without one.
        vocab: rows of the students' embedding.
        teacher: its architecture, None for one that no student of a named family is cut from.
        config: its configuration, where students' costs depend on more than their own fields.
        checkpoints: configurations of the pretrained models among the students, by name.
        cases: how many the suite has.
    """

    signal: Manifest
    suite: Manifest
    vocab: int
    teacher: Student | None
    test_suite: Manifest | None = None
    config: Any = None
    checkpoints: Mapping[str, Checkpoint] = field(default_factory=dict)
    cases: int | None = None

    @property
    def context(self) -> dict[str, Any]:
        """What can be said about a trial with it: the quantities that constraints speak of, and the teacher."""
        params = self.signal.teacher_params
        known: dict[str, Any] = {"vocab": self.vocab, "teacher_params": params, "teacher_bytes": 4 * params}
        known["checkpoints"] = dict(self.checkpoints)
        if self.cases is not None:
            known["cases"] = self.cases
        if self.config is not None:
            known["teacher_config"] = self.config.to_dict()
        return known if self.teacher is None else {**known, "teacher": as_data(self.teacher)}


def _no_stage(name: str) -> AbstractContextManager[Advance]:
    return nullcontext(lambda done, total: None)


def prepare(
    sweep: Sweep, stage: Stage = _no_stage, cluster: AbstractContextManager[None] | None = None
) -> Prepared:
    """Captures signal and suite where they are missing.

    Args:
        sweep: what the trials will read.
        stage: shows how far it is.
        cluster: a Ray that is there while it is entered: captures run on all of it; None: in this process.

    Raises:
        ConfigError: the sweep names no shards or no suite, or nothing to make them from; or its base trial's
            student cannot be cut from the teacher.
        DataError: something is damaged or belongs to another teacher or corpus.
    """
    stores, suites, missing = _folders(sweep)
    trial = sweep.trial
    assert trial.shards  # noqa: S101 - _folders saw to it
    checkpoints = check_checkpoints(sweep, asks_hub=True)
    _tell_otherwise(sweep, stores, suites, missing)
    if missing:
        from kdray.pipeline.capturing import Capturing

        wanted, judging = ([folder for folder in kind if folder in missing] for kind in (stores, suites))
        Capturing(sweep, stage, cluster).run(wanted, judging)
    if trial.evaluation.execution is not None:
        from kdray.pipeline.running import run_suites

        run_suites(sweep, suites, stage)
    signal = read_manifest(trial.shards)
    vocab = embedding_rows(trial.shards, signal)
    if task_class(trial.task).writes:
        checkpoints = within(checkpoints, vocab)
    known = [read_manifest(folder) for folder in suites]
    teacher, config = kept_teacher(trial.shards), None
    if trial.student.family == "teacher" or trial.student.init != "random" or _searches_family(sweep):
        config = kept_config(trial.shards)
        check_cut(teacher, trial.student, config)
        config = None if trial.student.family != "teacher" and is_plain(config) else config
    test_suite = known[1] if known[1:] else None
    cases = len(set(ShardSource.open(suites[0]).column("case"))) if sweep.search.confirm else None
    prepared = Prepared(signal, known[0], vocab, teacher, test_suite, config, checkpoints, cases)
    check_made(sweep)
    if suites[1:]:
        _check_apart(*suites)
    return prepared


def _folders(sweep: Sweep) -> tuple[list[str], list[str], list[str]]:
    """Folders of shards, of suites, and those of both that are not there. Raises `ConfigError` where these cannot
    be made.
    """
    trial = sweep.trial
    if trial.shards is None or trial.suite is None:
        raise ConfigError(f"sweep '{sweep.name}': trial.shards and trial.suite must name folders")
    stores = _stores(sweep, trial.shards)
    suites = [folder for folder in (trial.suite, trial.test_suite) if folder]
    missing = [folder for folder in (*stores, *suites) if not exists(join(folder, FILE))]
    if missing and (trial.teacher is None or trial.corpus is None):
        raise ConfigError(
            f"{join(missing[0], FILE)} is missing and cannot be made: name trial.teacher and trial.corpus"
        )
    return stores, suites, missing


def check_made(sweep: Sweep) -> None:
    """Raises `KdrayError` where signal and suites that are there are of different teachers, tokenizers or corpora,
    or what is not there cannot be made.
    """
    stores, suites, missing = _folders(sweep)
    there = {folder: read_manifest(folder) for folder in (*stores, *suites) if folder not in missing}
    for folder in (folder for folder in stores if folder in there):
        for suite in (suite for suite in suites if suite in there):
            _check_same_teacher(folder, there[folder], suite, there[suite], sweep)


def _tell_otherwise(
    sweep: Sweep, stores: Sequence[str], suites: Sequence[str], missing: Sequence[str]
) -> None:
    """Says which of what is there was captured otherwise than what is missing would be: it is used."""
    plan = sweep.capture
    described = {sweep.trial.shards: plan} | plan.stores
    for folder in (folder for folder in (*stores, *suites) if folder not in missing):
        manifest = read_manifest(folder)
        wanted: dict[str, str] = {"dtype": plan.dtype}
        wanted |= {"targets": plan.targets} if folder in stores else {}
        wanted |= {"codec": described[folder].codec} if folder in described else {}
        found = {
            "dtype": manifest.header.dtype, "targets": manifest.header.targets, "codec": manifest.codec_name
        }  # fmt: skip
        for name, asked in wanted.items():
            if asked not in ("auto", found[name]):
                say(
                    f"warning: {near(folder)} was captured in {found[name]}, capture.{name} is {asked}: it is used"
                    " as it is"
                )


def _searches_family(sweep: Sweep) -> bool:
    """Whether a trial may begin with the teacher's weights although the base trial does not."""
    return "student.init" in sweep.space


def _stores(sweep: Sweep, base: str) -> list[str]:
    """Every folder of shards that a trial may read. Raises `ConfigError` for one that nothing describes."""
    described = [base, *sweep.capture.stores]
    spec = sweep.space.get("shards")
    for folder in getattr(spec, "choices", ()):
        if folder not in described and not exists(join(folder, FILE)):
            raise ConfigError(
                f"space.shards: {folder} is not there, and capture.stores does not say how to make it"
                + nearest(folder, described)
            )
        described += [folder] if folder not in described else []
    return described


def check_constraints(sweep: Sweep, trial: Trial, prepared: Prepared) -> None:
    """Raises `ConfigError` where a trial's student breaks one of the sweep's constraints."""
    sizes = costs(trial, prepared.vocab, likeness(trial, prepared.config, prepared.checkpoints))
    for metric, rule in sweep.constraints.items():
        if not satisfies(rule, sizes[metric], prepared.context):
            teacher = prepared.signal.teacher_params
            raise ConfigError(
                f"{metric} {sizes[metric]:,} breaks the constraint '{rule}' "
                f"(the teacher has {teacher:,} parameters): make the student smaller"
            )


def _check_apart(suite: str, test_suite: str) -> None:
    """Raises `ConfigError` where a case of the test suite is one that students are chosen by."""
    cases, unseen = (set(ShardSource.open(folder).column("case")) for folder in (suite, test_suite))
    if both := len(cases & unseen):
        raise ConfigError(
            f"{suite} and {test_suite} share {both} cases: the first was made before there was a second:"
            " name another folder for trial.suite"
        )


def _check_same_teacher(folder: str, signal: Manifest, suite: str, judging: Manifest, sweep: Sweep) -> None:
    for part in ("teacher", "tokenizer", "corpus"):
        mine, judged = getattr(signal, part), getattr(judging, part)
        if mine != judged:
            raise ConfigError(f"{suite} was made with {part} {judged}, {folder} with {mine}")
    corpus = sweep.trial.corpus
    if (
        corpus is not None
        and exists(join(corpus, "corpus.json"))
        and corpus_fingerprint(corpus) != signal.corpus
    ):
        raise ConfigError(
            f"{folder} was captured from another corpus than {corpus} holds now: "
            "name other folders for shards and suite"
        )
