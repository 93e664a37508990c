"""Sweep files and trials: what a user may write, read strictly.

A `Trial` is one complete training run as plain data; a `Sweep` is a base trial and a space whose dotted paths override it.
Unknown keys are refused with the nearest known one, and `load_sweep` puts both ends of every range and every choice into
the base trial and validates the *whole* trial, so that nothing impossible is found out in the middle of a search.
No torch, no Ray in here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from kdray.errors import ConfigError, nearest


PartT = TypeVar("PartT", bound="Part")


class Part(BaseModel):
    """A frozen piece of a file; a key that it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class T5Student(Part):
    """Encoder-decoder of the T5 family."""

    family: Literal["t5"]
    encoder_layers: int = Field(ge=1)
    decoder_layers: int = Field(ge=1)
    hidden: int = Field(ge=8)
    heads: int = Field(ge=1)
    head_dim: int = Field(32, ge=4)
    feed_forward: int = Field(ge=8)
    init: Literal["random", "layers", "sliced"] = "sliced"


class LlamaStudent(Part):
    """Decoder-only, Llama family: RMS norm, rotary positions, gated feed-forward, tied embeddings."""

    family: Literal["llama"]
    layers: int = Field(ge=1)
    hidden: int = Field(ge=8)
    heads: int = Field(ge=1)
    head_dim: int = Field(32, ge=4)
    feed_forward: int = Field(ge=8)
    init: Literal["random", "layers", "sliced"] = "sliced"

    @model_validator(mode="after")
    def _heads_divide_hidden(self) -> LlamaStudent:
        # transformers refuses the model otherwise, although heads * head_dim is free to differ from hidden.
        if self.hidden % self.heads:
            raise ValueError(f"heads {self.heads} must divide hidden {self.hidden}")
        return self


Student = Annotated[T5Student | LlamaStudent, Field(discriminator="family")]


class Distil(Part):
    """Loss = (1 - alpha) * cross-entropy(ground truth) + alpha * T^2 * divergence(teacher, student at T)."""

    loss: Literal["decoupled", "bucketed", "reverse", "jsd", "tvd", "sampled"] = "decoupled"
    alpha: float = Field(0.5, ge=0, le=1)
    temperature: float = Field(1.0, ge=0.5, le=8)


class Optim(Part):
    """AdamW with a warm-up and a decay to `final_lr_ratio`."""

    lr: float = Field(1e-3, gt=0)
    warmup_steps: int = Field(20, ge=0)
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    final_lr_ratio: float = Field(0.1, ge=0, le=1)
    weight_decay: float = Field(0.01, ge=0)
    clip_norm: float = Field(1.0, gt=0)
    batch_size: int = Field(32, ge=1, description="sequences per step over all workers")
    context_weight: float = Field(
        0.0,
        ge=0,
        le=1,
        description="weight of the context tokens' cross-entropy beside 1 for the targets (decoder-only)",
    )
    slice_share: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of steps that train a random slice of the model, so that slices start warm",
    )
    precision: Literal["float32", "bfloat16"] = "bfloat16"


class Budget(Part):
    """How long a trial trains (optimizer steps) and where it reports."""

    steps: int = Field(ge=1)
    rungs: tuple[int, ...] = ()

    @model_validator(mode="after")
    def _rungs_end_at_steps(self) -> Budget:
        if self.rungs and (list(self.rungs) != sorted(set(self.rungs)) or self.rungs[0] < 1):
            raise ValueError(f"rungs {list(self.rungs)} must rise and begin at 1 or later")
        if self.rungs and self.rungs[-1] != self.steps:
            raise ValueError(f"the last rung {self.rungs[-1]} must equal steps {self.steps}")
        return self

    @property
    def reports(self) -> tuple[int, ...]:
        """The steps at which a trial is evaluated; the last one is always `steps`."""
        return self.rungs or (self.steps,)


class EvaluationConfig(Part):
    """How a student is judged."""

    cases: int = Field(
        400, ge=1, description="clean inputs of the suite that are used at the last rung, with their variants"
    )
    rung_cases: int = Field(200, ge=1, description="the same at earlier rungs")
    batch_size: int = Field(64, ge=1)
    similarity_bits: float = Field(0.1, gt=0, lt=1)
    confidence: float = Field(0.9, gt=0, lt=1)
    calibration: float = Field(0.1, gt=0, lt=1)


class Encoding(Part):
    """How many tokens of an example a model sees. Part of the signal's identity: shards remember it."""

    max_input: int = Field(192, ge=16)
    max_target: int = Field(64, ge=4)
    max_row: int = Field(256, ge=32, description="tokens of a packed training row (decoder-only)")


OWNED_BY_KDRAY = (
    "train_batch_size",
    "train_micro_batch_size_per_gpu",
    "gradient_accumulation_steps",
    "optimizer",
    "scheduler",
    "gradient_clipping",
    "torch_autocast",
)


class Trial(Part):
    """One training run, complete. `train(trial)` needs nothing else but the files it names."""

    task: Literal["assertion"] = "assertion"
    corpus: str | None = None
    teacher: str | None = None
    shards: str | None = None
    suite: str | None = None
    encoding: Encoding = Encoding()
    student: Student
    distil: Distil = Distil()
    optim: Optim = Optim()
    budget: Budget
    evaluation: EvaluationConfig = EvaluationConfig()
    deepspeed: dict[str, Any] = Field(default_factory=lambda: {"zero_optimization": {"stage": 0}})
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _settings_have_an_effect(self) -> Trial:
        for key in OWNED_BY_KDRAY:
            if key in self.deepspeed:
                raise ValueError(f"deepspeed.{key} is set by kdray from optim and resources: leave it out")
        if self.shards is None and self.distil.alpha > 0:
            raise ValueError(
                f"distil.alpha {self.distil.alpha} has no effect without shards: name shards, or set alpha 0"
            )
        if self.shards is None and self.corpus is None:
            raise ValueError("a trial learns from shards or from a corpus: name one of them")
        if self.optim.context_weight > 0 and self.student.family == "t5":
            raise ValueError("optim.context_weight has no effect on an encoder-decoder (family t5)")
        return self


class TeacherRecipe(Trial):
    """How a teacher is made: the same loop with alpha 0, from a corpus, with a tokenizer of its own."""

    corpus: str
    vocab: int = Field(4096, ge=300)
    distil: Distil = Distil(alpha=0.0)


class Choice(Part):
    """One of a few values."""

    choices: tuple[Any, ...] = Field(min_length=1)
    when: dict[str, Any] = Field(default_factory=dict)


class Range(Part):
    """A closed range of the field's type."""

    range: tuple[float | int, float | int]
    log: bool = False
    step: float | int | None = None
    when: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        low, high = self.range
        if not low < high:
            raise ValueError(f"range {list(self.range)} must rise")
        if self.log and low <= 0:
            raise ValueError(f"a log range begins above 0, not at {low}")
        return self

    @property
    def is_int(self) -> bool:
        """Whether every value of the range is a whole number."""
        return all(isinstance(end, int) for end in self.range)


class Search(Part):
    """How points are asked for and trials are stopped."""

    sampler: str = "tpe"
    trials: int = Field(16, ge=1)
    start: tuple[dict[str, Any], ...] = ()
    seed: int = Field(0, ge=0)
    halving: bool = True
    eta: int = Field(3, ge=2)
    storage: str | None = Field(
        None, description="an Optuna storage URL; None keeps a journal file in the experiment folder"
    )


class Resources(Part):
    """What one trial takes, and how many run at a time."""

    workers: int = Field(1, ge=1)
    cpus_per_worker: float = Field(1, gt=0)
    gpus_per_worker: float = Field(0, ge=0)
    max_concurrent: int = Field(2, ge=1)
    max_failures: int = Field(2, ge=0)


class Capture(Part):
    """What is stored of the teacher, once, before the sweep."""

    rows: int | None = Field(
        None, ge=1, description="training rows whose signal is stored; None for the whole corpus"
    )
    codec: str = "head"
    codec_params: dict[str, Any] = Field(default_factory=dict)
    batch_size: int = Field(32, ge=1, description="rows of a teacher batch")
    rows_per_shard: int = Field(512, ge=1)
    cases: int = Field(400, ge=1, description="held-out examples of the metamorphic suite")
    variants_per_case: int = Field(1, ge=1)
    transforms: tuple[str, ...] = Field((), description="names of the transformations; none named means all")
    seed: int = Field(0, ge=0)


class Sweep(Part):
    """A base trial, the space around it, and what to optimise."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    storage: str = "runs"
    trial: Trial
    capture: Capture = Capture()
    space: dict[str, Choice | Range]
    objectives: dict[str, Literal["max", "min"]] = Field(
        default_factory=lambda: {"assertion_accuracy": "max", "metamorphic_discrepancy": "min"}, min_length=1
    )
    constraints: dict[str, str] = Field(default_factory=dict)
    search: Search = Search()
    resources: Resources = Resources()

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, data: Any) -> Any:
        """`task` at the top belongs to the trial, and a bare list in `space` is a choice."""
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
        return data


CONSTRAINT = re.compile(
    r"^\s*(<=|>=)\s*([0-9.]+(?:[eE][+-]?\d+)?)\s*(?:\*\s*(teacher_params|teacher_bytes))?\s*$"
)
CONSTRAINED = ("student_params", "student_bytes")


class _Loader(yaml.SafeLoader):
    """YAML 1.2 floats: plain PyYAML reads `1e-4` as a string."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+$"),
    list("-+0123456789."),
)


def read_yaml(path: str | Path) -> dict[str, Any]:
    """The mapping in a YAML file. Raises `ConfigError` for a missing file, bad syntax or another shape."""
    try:
        data = yaml.load(Path(path).read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - derives from SafeLoader
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: expected a mapping of keys, found {type(data).__name__}")
    return data


def parse(model: type[PartT], data: Any, source: str) -> PartT:
    """`data` as a `model`, or a `ConfigError` of one line that names the field."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise ConfigError(f"{source}: {_explain(model, error)}") from None


def _explain(model: type[BaseModel], error: ValidationError) -> str:
    """The first problem in words: dotted field, value, what is allowed, the nearest known key."""
    first = error.errors()[0]
    # pydantic puts the tag of a union (`student.llama.hidden`) into the location; nobody wrote that.
    location = [str(part) for part in first["loc"] if part not in ("t5", "llama", "Choice", "Range")]
    field = ".".join(location)
    if first["type"] == "extra_forbidden":
        known = _keys_at(model, location[:-1], error)
        return f"unknown key '{field}'{nearest(location[-1], known)}"
    message = first["msg"].removeprefix("Value error, ")
    shown = "" if isinstance(first["input"], Mapping) else f" (found {first['input']!r})"
    return f"{field}: {message}{shown}" if field else f"{message}{shown}"


def _keys_at(model: type[BaseModel], path: list[str], error: ValidationError) -> list[str]:
    """The keys allowed at a dotted path below `model`."""
    candidates: list[type[BaseModel]] = [model]
    for part in path:
        annotations = [m.model_fields[part].annotation for m in candidates if part in m.model_fields]
        candidates = [found for a in annotations for found in _models_in(a)]
    tags = {str(part) for part in error.errors()[0]["loc"]} & {"t5", "llama"}
    by_tag = [m for m in candidates if "family" in m.model_fields and tags & set(_literal(m))]
    return [key for m in (by_tag or candidates) for key in m.model_fields]


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for argument in get_args(annotation) for found in _models_in(argument)]


def _literal(model: type[BaseModel]) -> tuple[Any, ...]:
    return get_args(model.model_fields["family"].annotation)


def as_data(part: Part) -> dict[str, Any]:
    """`part` as plain data that `parse` reads back to an equal part."""
    return part.model_dump(mode="json")


def merge(base: Trial, overrides: Mapping[str, Any], source: str = "trial") -> Trial:
    """`base` with each dotted path replaced; the whole result is validated again.

    Raises:
        ConfigError: a path that does not exist (with the nearest one that does), or a trial that is not valid.
    """
    data = as_data(base)
    for path, value in overrides.items():
        *parents, leaf = path.split(".")
        node: Any = data
        for parent in parents:
            node = node.get(parent) if isinstance(node, dict) else None
        if not isinstance(node, dict) or (leaf not in node and parents[:1] != ["deepspeed"]):
            raise ConfigError(f"{source}: unknown path '{path}'{nearest(path, _paths(data))}")
        node[leaf] = value
    return parse(Trial, data, source)


def parse_overrides(texts: Sequence[str]) -> dict[str, Any]:
    """`a.b=c` texts as dotted path -> value, the value read as YAML. Raises `ConfigError`."""
    found = {}
    for text in texts:
        path, sign, value = text.partition("=")
        if not sign or not path:
            raise ConfigError(f"--set '{text}': expected a.b=c")
        found[path] = yaml.load(value, Loader=_Loader)  # noqa: S506 - derives from SafeLoader
    return found


def _paths(data: Mapping[str, Any], prefix: str = "") -> list[str]:
    found = []
    for key, value in data.items():
        found += _paths(value, f"{prefix}{key}.") if isinstance(value, Mapping) else [prefix + key]
    return found


def corners(space: Mapping[str, Choice | Range]) -> Iterator[tuple[str, Any]]:
    """Every choice and both ends of every range, with the path each belongs to."""
    for path, spec in space.items():
        for value in spec.choices if isinstance(spec, Choice) else spec.range:
            yield path, value


def check_space(sweep: Sweep, source: str) -> None:
    """Validates the whole trial at each corner of the space and at each start point.

    A corner is tried alone and, where it does not fit the base trial by itself, beside each choice of the paths that its
    `when` names. Raises `ConfigError` naming the path and the value.
    """
    for path, value in corners(sweep.space):
        when = sweep.space[path].when
        for other in when:
            if other not in sweep.space:
                raise ConfigError(f"{source}: space.{path}.when names '{other}'{nearest(other, sweep.space)}")
        condition = {
            other: allowed[0] if isinstance(allowed, list) else allowed for other, allowed in when.items()
        }
        merge(sweep.trial, {**condition, path: value}, f"{source}: space.{path} = {value!r}")
    for number, point in enumerate(sweep.search.start):
        for path, value in point.items():
            if path not in sweep.space:
                raise ConfigError(
                    f"{source}: search.start[{number}] names '{path}'{nearest(path, sweep.space)}"
                )
            if not contains(sweep.space[path], value):
                raise ConfigError(
                    f"{source}: search.start[{number}].{path} = {value!r} lies outside the space"
                )
        merge(sweep.trial, point, f"{source}: search.start[{number}]")
    for metric, rule in sweep.constraints.items():
        if metric not in CONSTRAINED:
            raise ConfigError(f"{source}: constraints names '{metric}'{nearest(metric, CONSTRAINED)}")
        if not CONSTRAINT.match(rule):
            raise ConfigError(
                f"{source}: constraints.{metric}: '{rule}' is not like '<= 0.25 * teacher_params' or '<= 2e6'"
            )


def contains(spec: Choice | Range, value: Any) -> bool:
    """Whether `value` is a point of `spec`."""
    if isinstance(spec, Choice):
        return value in spec.choices
    low, high = spec.range
    return isinstance(value, (int, float)) and low <= value <= high


def load_sweep(path: str | Path) -> Sweep:
    """The sweep in a YAML file, every corner of its space validated. Raises `ConfigError`."""
    return sweep_from(read_yaml(path), str(path))


def sweep_from(data: Mapping[str, Any], source: str) -> Sweep:
    """The sweep in `data`, every corner of its space validated. Raises `ConfigError`."""
    sweep = parse(Sweep, data, source)
    check_space(sweep, source)
    return sweep


def load_recipe(path: str | Path) -> TeacherRecipe:
    """The recipe of a teacher in a YAML file. Raises `ConfigError`."""
    return parse(TeacherRecipe, read_yaml(path), str(path))


def satisfies(rule: str, value: float, teacher: Mapping[str, float]) -> bool:
    """Whether `value` keeps a rule such as `<= 0.25 * teacher_params`; `teacher` gives the named quantities."""
    match = CONSTRAINT.match(rule)
    if match is None:
        raise ConfigError(f"constraint '{rule}' is not like '<= 0.25 * teacher_params' or '<= 2e6'")
    sign, number, unit = match.groups()
    bound = float(number) * (teacher[unit] if unit else 1.0)
    return value <= bound if sign == "<=" else value >= bound
