"""A sweep: a base trial, the space around it, what to optimise and with what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from kdray.config.capture_settings import Capture
from kdray.config.metric_names import ALL_OF_RUNS, OF_MUTANTS, OF_VARIANTS, all_renamed
from kdray.config.passwords import holds_password
from kdray.config.read import Part
from kdray.config.search_settings import Search
from kdray.config.training import MOST, MOST_PARTS
from kdray.config.trial import Trial, accuracy_of

Direction = Literal["max", "min"]


def _both_objectives() -> dict[str, Direction]:
    return {"assertion_accuracy": "max", "metamorphic_discrepancy": "min"}


def _several(allowed: Any) -> Any:
    return allowed if isinstance(allowed, (list, tuple)) else (allowed,)


When = dict[str, Annotated[tuple[Any, ...], BeforeValidator(_several), Field(min_length=1)]]
"""Path -> the values with which another path is there; a file may write one value without brackets."""


NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
"""What a sweep may be called: its name is a folder's."""


class Choice(Part):
    """One of a few values."""

    choices: tuple[Any, ...] = Field(min_length=1)
    when: When = Field(default_factory=dict)


class Range(Part):
    """A closed range of the field's type."""

    range: tuple[float | int, float | int]
    log: bool = False
    step: float | int | None = None
    when: When = Field(default_factory=dict)

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        low, high = self.range
        if not low < high:
            raise ValueError(f"range {list(self.range)} must rise")
        if self.log and low <= 0:
            raise ValueError(f"a log range begins above 0, not at {low}")
        if self.step is not None and (self.log or self.step <= 0):
            raise ValueError(f"a step is above 0, and of a range that is not log; not {self.step}")
        return self

    @property
    def is_int(self) -> bool:
        """Whether every value of the range is a whole number."""
        return all(isinstance(end, int) for end in self.range)


def _kind(data: Any) -> str:
    is_range = "range" in data if isinstance(data, Mapping) else isinstance(data, Range)
    return "Range" if is_range else "Choice"


Spec = Annotated[Annotated[Choice, Tag("Choice")] | Annotated[Range, Tag("Range")], Discriminator(_kind)]
"""What a path of the space may be."""


OWN_VARIABLES = ("KDRAY_*",)
"""Variables of the environment that a sweep file of one's own may name, as patterns; what an experiment brings
along may name none unasked."""

ACCELERATOR = "accelerator_type:"
"""Ray's resource that says what kind of accelerator a machine has begins so."""


class Resources(Part):
    """What one trial takes, and how many run at a time."""

    workers: int = Field(1, ge=1, le=MOST_PARTS)
    cpus_per_worker: float = Field(1, gt=0, le=MOST_PARTS)
    gpus_per_worker: float = Field(0, ge=0, le=MOST_PARTS)
    accelerator_type: str | None = Field(
        None, min_length=1, description="train on machines with this one only, such as A10G (Ray's name)"
    )
    max_concurrent: int = Field(2, ge=1, le=MOST_PARTS)
    nodes: int = Field(1, ge=1, le=MOST_PARTS, description="machines to ask Slurm or Kubernetes for")
    drivers: int = Field(
        1,
        ge=1,
        le=MOST_PARTS,
        description="processes that may run the sweep at a time, `max_concurrent` trials each",
    )
    max_failures: int = Field(2, ge=0)

    def bundle(self) -> dict[str, float]:
        """What a worker takes of a machine, in Ray's words."""
        taken = {"CPU": self.cpus_per_worker, "GPU": self.gpus_per_worker}
        if self.accelerator_type is None:
            return taken
        # A machine has 1 of its kind: a little of it says which kind is meant and leaves the rest to others.
        return taken | {f"{ACCELERATOR}{self.accelerator_type}": 0.001}


class Tracking(Part):
    """Where a sweep is followed besides its folder and TensorBoard (`workers.trackers`)."""

    mlflow: str | None = Field(None, min_length=1, description="a folder, or the URI of an MLflow server")
    wandb: str | None = Field(None, min_length=1, description="a Weights & Biases project")


class Sweep(Part):
    """A base trial, the space around it, and what to optimise."""

    name: str = Field(pattern=NAME, max_length=128)
    storage: str = "runs"
    trial: Trial
    capture: Capture = Capture()
    space: dict[str, Spec]
    objectives: dict[str, Direction] = Field(default_factory=_both_objectives, min_length=1)
    constraints: dict[str, str] = Field(default_factory=dict)
    search: Search = Search()
    resources: Resources = Resources()
    tracking: Tracking = Tracking()
    keep: int = Field(
        20,
        ge=1,
        le=MOST,
        description="students of the front whose checkpoints stay; of more, the most crowded go",
    )

    @model_validator(mode="after")
    def _objectives_are_measured(self) -> Sweep:
        for task in ("assertion", "clone"):
            name = accuracy_of(task)
            if name in self.objectives and name != self.trial.accuracy:
                raise ValueError(
                    f"objectives.{name} is not measured for task {self.trial.task}: name {self.trial.accuracy}"
                )
        return self

    @model_validator(mode="after")
    def _speed_is_measured(self) -> Sweep:
        for name in ("latency_ms", "peak_memory_mb"):
            if name in self.objectives and not self.trial.evaluation.speed:
                raise ValueError(f"objectives.{name} is measured with trial.evaluation.speed true only")
        return self

    @model_validator(mode="after")
    def _runs_are_made(self) -> Sweep:
        execution = self.trial.evaluation.execution
        for name in (name for name in ALL_OF_RUNS if name in self.objectives):
            if execution is None:
                raise ValueError(f"objectives.{name} is measured with trial.evaluation.execution true only")
            if execution.suites == "test":
                raise ValueError(
                    f"objectives.{name} is measured in trials: set trial.evaluation.execution.suites both"
                )
            if name in (*OF_MUTANTS, OF_VARIANTS[1]) and not execution.mutants:
                raise ValueError(
                    f"objectives.{name} is measured with trial.evaluation.execution.mutants only"
                )
            if name in OF_VARIANTS and not execution.variants:
                raise ValueError(
                    f"objectives.{name} is measured with trial.evaluation.execution.variants true only"
                )
        if execution is not None and self.trial.task != "assertion":
            raise ValueError(
                f"trial.evaluation.execution: task {self.trial.task} writes no assertions: leave it out"
            )
        return self

    @model_validator(mode="after")
    def _batches_are_shared_evenly(self) -> Sweep:
        if uneven := self.trial.optim.uneven(self.resources.workers):
            raise ValueError(f"trial.{uneven}")
        return self

    @model_validator(mode="after")
    def _the_test_suite_is_one(self) -> Sweep:
        if "test_suite" in self.space:
            raise ValueError(
                "space.test_suite: what no choice looks at cannot be searched over: leave it out"
            )
        if self.trial.test_suite is None and self.capture.test_cases is not None:
            raise ValueError("capture.test_cases has no effect without trial.test_suite")
        return self

    @model_validator(mode="after")
    def _seeds_are_the_confirmations(self) -> Sweep:
        if self.search.confirm is not None and "seed" in self.space:
            raise ValueError(
                "search.confirm trains further seeds itself: leave space.seed out, or set search.confirm false"
            )
        return self

    @model_validator(mode="after")
    def _answers_are_captured(self) -> Sweep:
        if self.trial.distil.loss == "sequence" and self.capture.targets != "greedy":
            raise ValueError(
                "trial.distil.loss sequence learns the teacher's own answers: set capture.targets greedy"
            )
        return self

    @model_validator(mode="after")
    def _database_is_shared_and_keeps_its_secret(self) -> Sweep:
        # Here and not at the field, whose value an error would show.
        if holds_password(self.search.storage or ""):
            raise ValueError(
                "search.storage: a password would stand in the experiment folder: write ${VARIABLE} for it"
            )
        if holds_password(self.tracking.mlflow or ""):
            raise ValueError(
                "tracking.mlflow: a password would stand in the experiment folder: MLflow takes it from"
                " MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD of the environment"
            )
        try:
            urlsplit(self.search.storage or "")
        except ValueError as error:
            raise ValueError(f"search.storage: no URL: {error}") from None
        if self.resources.drivers > 1 and self.search.storage is None:
            raise ValueError(
                f"resources.drivers: {self.resources.drivers} share a study in a database: "
                "search.storage must name it"
            )
        return self

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, data: Any) -> Any:
        """`task` at the top belongs to the trial, a bare list is a choice, and old metrics have new names."""
        if not isinstance(data, Mapping):
            return data
        data = dict(data)
        if "task" in data and isinstance(data.get("trial"), Mapping):
            data["trial"] = {"task": data.pop("task"), **data["trial"]}
        if isinstance(data.get("space"), Mapping):
            data["space"] = {
                path: {"choices": spec} if isinstance(spec, list) else spec
                for path, spec in data["space"].items()
            }
        if isinstance(data.get("objectives"), Mapping):
            data["objectives"] = all_renamed(data["objectives"])
        return data

    @model_validator(mode="before")
    @classmethod
    def _two_suites_are_worth_a_confirmation(cls, data: Any) -> Any:
        """Whoever has a test suite wants to be told the truth: on unless the file says something else."""
        if not isinstance(data, Mapping):
            return data
        trial, search, space = (data.get(name) for name in ("trial", "search", "space"))
        test_suite = (
            trial.get("test_suite") if isinstance(trial, Mapping) else getattr(trial, "test_suite", None)
        )
        plain = search is None or (isinstance(search, Mapping) and "confirm" not in search)
        if not (plain and test_suite) or "seed" in (space or ()):
            return data
        return {**data, "search": {**(search or {}), "confirm": {}}}
