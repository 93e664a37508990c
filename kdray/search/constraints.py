"""What can be said about a point before it is trained: whether its trial is valid, and whether it keeps the
sweep's constraints.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import TypeAdapter

from kdray.config import CheckpointStudent, Student, Sweep, Trial, merge, satisfies
from kdray.errors import ConfigError
from kdray.search.space import Point

Sizes = Callable[[Trial], Mapping[str, float]]
"""What `cost.costs` knows of a trial before it is trained."""


def sizes(context: Mapping[str, Any]) -> Sizes:
    """The exact sizes of the student that a trial would build, for the vocabulary `context["vocab"]`."""
    from kdray.students import cost
    from kdray.students.cuts import likeness

    vocab, config = int(context["vocab"]), known_config(context)

    def of(trial: Trial) -> Mapping[str, float]:
        like = likeness(trial, config, context.get("checkpoints", {}))
        return {name: float(value) for name, value in cost.costs(trial, vocab, like).items()}

    return of


def cuttable(context: Mapping[str, Any]) -> Callable[[Trial], None]:
    """What raises `ConfigError` for a trial whose student cannot be cut out of `context["teacher"]`, or as one of
    `context["checkpoints"]` not read its signal.
    """
    from kdray.students.cuts import check_cut, check_reads_no_signal

    teacher = TypeAdapter(Student).validate_python(context["teacher"]) if "teacher" in context else None
    config, checkpoints = known_config(context), context.get("checkpoints", {})

    def check(trial: Trial) -> None:
        check_cut(teacher, trial.student, config)
        if isinstance(trial.student, CheckpointStudent) and checkpoints[trial.student.checkpoint].foreign:
            check_reads_no_signal(trial)

    return check


def known_config(context: Mapping[str, Any]) -> Any:
    """The teacher's configuration, where what is known holds it."""
    from kdray.students.derive import config_of

    return config_of(context["teacher_config"]) if "teacher_config" in context else None


class Gate:
    """Says why a point may not be trained.

    Args:
        sweep: the base trial and the constraints.
        sizes: what is constrained; only asked where there are constraints.
        teacher: `teacher_params` and `teacher_bytes`, for the constraints that are relative to them.
        fits: raises `ConfigError` for a trial that the teacher does not allow.

    Raises:
        ConfigError: a constraint relative to a teacher that nothing is known about.
    """

    def __init__(
        self,
        sweep: Sweep,
        sizes: Sizes | None = None,
        teacher: Mapping[str, float] | None = None,
        fits: Callable[[Trial], None] = lambda trial: None,
    ) -> None:
        self._sweep = sweep
        self._sizes = sizes
        self._teacher = dict(teacher or {})
        self._fits = fits
        if sweep.constraints and sizes is None:
            raise ConfigError(
                f"{sweep.name}: constraints need the vocabulary of the teacher: capture its shards first"
            )
        for metric, rule in sweep.constraints.items():
            for unit in ("teacher_params", "teacher_bytes"):
                if unit in rule and unit not in self._teacher:
                    raise ConfigError(
                        f"{sweep.name}: constraints.{metric}: '{rule}' but the teacher's {unit} is not known"
                    )

    def trial(self, point: Point) -> Trial:
        """The whole trial of a point. Raises `ConfigError` where it is not valid."""
        return merge(self._sweep.trial, point, f"{self._sweep.name}: {point}")

    def measures(self, trial: Trial) -> dict[str, float]:
        """What is known about a trial before it is trained; empty without sizes."""
        return dict(self._sizes(trial)) if self._sizes else {}

    def refusal(self, point: Point) -> str:
        """Why this point is not to be trained, "" where it may be."""
        try:
            trial = self.trial(point)
            self._fits(trial)
        except ConfigError as error:
            return str(error)
        measures = self.measures(trial) if self._sweep.constraints else {}
        for metric, rule in self._sweep.constraints.items():
            if metric not in measures:
                return f"{metric} is not known of a student of family {trial.student.family}"
            if not satisfies(rule, measures[metric], self._teacher):
                return f"{metric} {measures[metric]:,.6g} breaks '{rule}'"
        return ""


def gate_of(sweep: Sweep, context: Mapping[str, Any]) -> Gate:
    """The gate of a sweep whose teacher is known.

    Args:
        sweep: the base trial and the constraints.
        context: `vocab`, `teacher`, `teacher_params` and `teacher_bytes`, each where it is known.

    Raises:
        ConfigError: see `Gate`.
    """
    known = {name: float(context[name]) for name in ("teacher_params", "teacher_bytes") if name in context}
    return Gate(sweep, sizes(context) if "vocab" in context else None, known, cuttable(context))
