"""The space of a Weights & Biases sweep file as one of ours.

Parameters are known by their dotted path, by its last word where one setting alone ends so, or by what other
programs call them (`ALSO`). What has no counterpart is an error or a note, never left out in silence.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kdray.config import flat, read_yaml
from kdray.errors import ConfigError, nearest
from kdray.recorded import is_finite, is_number

ALSO = {
    "learning_rate": "optim.lr", "wd": "optim.weight_decay", "T": "distil.temperature",
    "tau": "distil.temperature", "temp": "distil.temperature", "max_steps": "budget.steps",
    "hidden_size": "student.hidden", "num_hidden_layers": "student.layers", "num_layers": "student.layers",
    "n_layers": "student.layers",
    "num_attention_heads": "student.heads", "num_heads": "student.heads",
    "intermediate_size": "student.feed_forward",
}  # fmt: skip
SAMPLERS = {"random": "random", "grid": "grid", "bayes": "surrogate"}
"""W&B's methods in our words."""
LEARNT = ("student.", "distil.", "optim.", "budget.")
"""What a training is made of: meant where a word ends other settings too."""
_ENDED = ("min", "max")


@dataclass(frozen=True)
class Borrowed:
    """What a W&B file says, in our words.

    Attributes:
        space: path -> choices, or `{range: [low, high]}`.
        constants: path -> the one value it has.
        search: `sampler`, `trials`, `eta`, as far as they are said.
        notes: what was not taken over, a sentence each.
    """

    space: dict[str, Any]
    constants: dict[str, Any]
    search: dict[str, Any]
    notes: tuple[str, ...]


def borrow(file: str, trial: Mapping[str, Any], objectives: Collection[str]) -> Borrowed:
    """Reads a W&B sweep file.

    Args:
        file: its path.
        trial: a base trial as plain data, whose settings there are.
        objectives: of the new sweep.

    Raises:
        ConfigError: no such file, or a parameter that is no setting here or has no ends.
    """
    data = read_yaml(file)
    given = data.get("parameters")
    if not isinstance(given, Mapping) or not given:
        raise ConfigError(f"{file}: no parameters: a W&B sweep file names them")
    space, constants, left = dict[str, Any](), dict[str, Any](), list[str]()
    for name, spec in _leaves(given, file):
        path = _path(name, [*flat(trial)], f"{file}: parameters.{name}")
        if path in space or path in constants:
            raise ConfigError(f"{file}: parameters.{name}: a second name of {path}, which is there already")
        known = _spec(spec, f"{file}: parameters.{name}")
        left += [f"{part} of parameters.{name} is not taken over" for part in _left_out(spec)]
        if isinstance(known, list) and len(known) == 1:
            constants[path] = known[0]
        else:
            space[path] = known
    if not space:
        raise ConfigError(f"{file}: every parameter has one value: there is nothing to search")
    search, notes = _search(data)
    return Borrowed(space, constants, search, (*_unmeasured(data.get("metric"), objectives), *left, *notes))


def _leaves(given: Mapping[str, Any], file: str, above: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each parameter by its whole name; `parameters` inside one nests."""
    for name, spec in given.items():
        if not isinstance(spec, Mapping):
            raise ConfigError(f"{file}: parameters.{above}{name}: expected values, value, or min and max")
        if isinstance(inner := spec.get("parameters"), Mapping):
            yield from _leaves(inner, file, f"{above}{name}.")
        else:
            yield f"{above}{name}", spec


def _path(name: str, known: list[str], where: str) -> str:
    last = [path for path in known if path.rpartition(".")[2] == name]
    last = [path for path in last if path.startswith(LEARNT)] or last
    for path in (name, ALSO.get(name), last[0] if len(last) == 1 else None):
        if path in known:
            return path
    words = {path.rpartition(".")[2] for path in known}
    several = f", which of {', '.join(last)}?" if last else nearest(name, {*known, *ALSO, *words})
    raise ConfigError(f"{where}: no setting of a trial{several}")


def _spec(spec: Mapping[str, Any], where: str) -> Any:
    """Choices, or a range with its step and scale."""
    if "value" in spec:
        return [spec["value"]]
    if "values" in spec:
        if not isinstance(spec["values"], list):
            raise ConfigError(f"{where}: values {spec['values']!r} is no list")
        return spec["values"]
    kind = str(spec.get("distribution", ""))
    if any(end not in spec for end in _ENDED):
        raise ConfigError(f"{where}: {kind or 'it'} has no ends here: give values, or min and max")
    low, high = (spec[end] for end in _ENDED)
    if not (is_finite(low) and is_finite(high) and is_finite(spec.get("q", 1))):
        raise ConfigError(f"{where}: min {low!r}, max {high!r} (and q) must be numbers")
    if kind.startswith("inv_"):
        raise ConfigError(f"{where}: {kind} has no counterpart: take log_uniform_values")
    if "log_uniform" in kind:
        return {"range": [low, high] if kind.endswith("_values") else _powers(low, high, where), "log": True}
    whole = kind == "int_uniform" or (
        kind in ("", "q_uniform") and isinstance(low, int) and isinstance(high, int)
    )
    ends = [int(low), int(high)] if whole else [float(low), float(high)]
    if not kind.startswith("q_"):
        return {"range": ends}
    step = spec.get("q", 1)
    return {"range": ends, "step": int(step) if whole and float(step).is_integer() else float(step)}


def _powers(low: float, high: float, where: str) -> list[float]:
    """W&B's ends of `log_uniform` are exponents."""
    try:
        return [math.exp(low), math.exp(high)]
    except OverflowError:
        raise ConfigError(f"{where}: max {high!r} is an exponent of e: take log_uniform_values") from None


def _left_out(spec: Mapping[str, Any]) -> list[str]:
    """What is said of a parameter and has no counterpart."""
    log = "q_log_uniform" in str(spec.get("distribution", ""))
    return [part for part in ("probabilities", *(["q"] if log else [])) if part in spec]


def _unmeasured(metric: Any, objectives: Collection[str]) -> tuple[str, ...]:
    """A note where the file optimises what is no objective here; ours are two at least, and stay."""
    name = str(metric.get("name", "")) if isinstance(metric, Mapping) else ""
    if not name or name.rpartition("/")[2] in objectives:
        return ()
    return (f"metric {name} is no objective here: they are {', '.join(objectives)}",)


def _search(data: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    search, notes = dict[str, Any](), list[str]()
    method = str(data.get("method", "bayes"))
    search["sampler"] = SAMPLERS.get(method, "surrogate")
    if method not in SAMPLERS:
        notes.append(f"method {method} has no counterpart: the surrogate searches")
    early = data.get("early_terminate")
    for name, key, said in (
        ("trials", "run_cap", data.get("run_cap")),
        ("eta", "early_terminate", early.get("eta") if isinstance(early, Mapping) else early),
    ):
        if isinstance(said, int) and said > 0 and is_number(said):
            search[name] = max(2, said) if name == "eta" else said
        elif key in data:
            notes.append(f"{key} is not taken over: {name} stays as it is")
    notes += [f"{key} is not taken over" for key in ("program", "command") if key in data]
    return search, tuple(notes)
