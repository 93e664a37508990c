"""Trials out of a sweep: overrides merged into the base trial, every corner of the space validated beforehand."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kdray.config.paths import flat, put, value_at
from kdray.config.read import as_data, parse, read_value, read_yaml
from kdray.config.sweep import Choice, Range, Sweep
from kdray.config.trial import TeacherRecipe, Trial
from kdray.errors import ConfigError, nearest

CONSTRAINT = re.compile(
    r"^\s*(<=|>=)\s*((?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?\d{1,3})?)\s*(?:\*\s*(teacher_params|teacher_bytes))?\s*$"
)
TRIED = 64
"""Values of a range that a corner is tried beside."""
CONSTRAINED = ("student_params", "student_bytes", "student_flops", "size_mb", "gflops")


def merge(base: Trial, overrides: Mapping[str, Any], source: str = "trial") -> Trial:
    """`base` with each dotted path replaced; the whole result is validated again.

    Raises:
        ConfigError: a path that does not exist (with the nearest one that does), or a trial that is not
            valid.
    """
    data = as_data(base)
    for path, value in overrides.items():
        parent, _, leaf = path.rpartition(".")
        node = value_at(data, parent) if parent else data
        is_free = path.startswith("deepspeed.")  # whatever DeepSpeed knows
        if not isinstance(node, dict) or (leaf not in node and not is_free):
            raise ConfigError(f"{source}: unknown path '{path}'{nearest(path, flat(data))}")
        put(data, path, value)
    return parse(Trial, data, source)


def parse_overrides(texts: Sequence[str]) -> dict[str, Any]:
    """`a.b=c` texts as dotted path -> value, the value read as YAML. Raises `ConfigError`."""
    overrides = {}
    for text in texts:
        path, sign, value = text.partition("=")
        if not sign or not path:
            raise ConfigError(f"--set '{text}': expected a.b=c")
        overrides[path] = read_value(value)
    return overrides


def _corners(space: Mapping[str, Choice | Range]) -> Iterator[tuple[str, Any]]:
    """Every choice and both ends of every range, with the path each belongs to."""
    for path, spec in space.items():
        for value in spec.choices if isinstance(spec, Choice) else spec.range:
            yield path, value


def check_space(sweep: Sweep, source: str) -> None:
    """Validates the whole trial at each corner of the space and at each start point.

    A corner is tried in the base trial, beside the first choice of the paths that its `when` names; where it does
    not fit (heads that do not divide the base's hidden size), also beside values of each other path. Points that
    do not fit are never proposed (`search.constraints`). Raises `ConfigError` naming the path and the value.
    """
    for path, value in _corners(sweep.space):
        condition = _condition(sweep, path, f"{source}: space.{path}.when")
        _fit(sweep, {**condition, path: value}, f"{source}: space.{path} = {value!r}")
    for number, point in enumerate(sweep.search.start):
        for path, value in point.items():
            if path not in sweep.space:
                raise ConfigError(
                    f"{source}: search.start[{number}] names '{path}'{nearest(path, sweep.space)}"
                )
            if not contains(sweep.space[path], value):
                near = _nearest_in(sweep.space[path], value)
                raise ConfigError(
                    f"{source}: search.start[{number}].{path} = {value!r} lies outside the space{near}"
                )
        merge(sweep.trial, point, f"{source}: search.start[{number}]")
    for metric, rule in sweep.constraints.items():
        if metric not in CONSTRAINED:
            raise ConfigError(f"{source}: constraints names '{metric}'{nearest(metric, CONSTRAINED)}")
        if not CONSTRAINT.match(rule):
            raise ConfigError(
                f"{source}: constraints.{metric}: '{rule}' is not like '<= 0.25 * teacher_params' or '<= 2e6'"
            )


def _condition(sweep: Sweep, path: str, source: str) -> dict[str, Any]:
    """The first value of each path that a `when` names. Raises `ConfigError` for what is not in the space."""
    condition = {}
    for other, allowed in sweep.space[path].when.items():
        if other not in sweep.space:
            raise ConfigError(f"{source} names '{other}'{nearest(other, sweep.space)}")
        for value in allowed:
            if not contains(sweep.space[other], value):
                known = map(str, some_values(sweep.space[other]))
                raise ConfigError(
                    f"{source}.{other}: {value!r} is not in the space{nearest(str(value), known)}"
                )
        condition[other] = allowed[0]
    return condition


def _fit(sweep: Sweep, point: Mapping[str, Any], source: str) -> None:
    """Raises `ConfigError` where no trial near the base one has this part of a point."""
    try:
        merge(sweep.trial, point, source)
        return
    except ConfigError as error:
        refused = error
    for other in [path for path in sweep.space if path not in point]:
        for value in some_values(sweep.space[other]):
            with contextlib.suppress(ConfigError):
                merge(sweep.trial, {**point, other: value}, source)
                return
    raise refused


def some_values(spec: Choice | Range) -> list[Any]:
    """Every choice, or up to `TRIED` values of a range, its ends among them."""
    if isinstance(spec, Choice):
        return list(spec.choices)
    low, high = spec.range
    if not spec.is_int:
        return [low, high]
    step = int(spec.step or 1)
    values = range(int(low), int(high) + 1, step)
    return [*values[:: max(1, len(values) // TRIED)], high]


def contains(spec: Choice | Range, value: Any) -> bool:
    """Whether `value` is a point of `spec`."""
    if isinstance(spec, Choice):
        return value in spec.choices
    low, high = spec.range
    if not isinstance(value, (int, float)) or not low <= value <= high:
        return False
    steps = 0.0 if spec.step is None else (value - low) / spec.step
    return math.isclose(steps, round(steps), abs_tol=1e-9)


def _nearest_in(spec: Choice | Range, value: Any) -> str:
    """A hint at the point of `spec` that is nearest to a value which is none."""
    if isinstance(spec, Choice):
        return nearest(str(value), map(str, spec.choices))
    low, high = spec.range
    if not isinstance(value, (int, float)):
        return f", which is {low} to {high}"
    step = spec.step
    near = min(max(value, low), high)
    near = near if step is None else min(low + round((near - low) / step) * step, high)
    return f", nearest: {near:g}"


def is_whole(sweep: Sweep, path: str, spec: Range) -> bool:
    """Whether a range is of whole numbers: the field of the base trial says so too, for `[0, 1]` may well be meant
    for a float.
    """
    return spec.is_int and not isinstance(value_at(as_data(sweep.trial), path), float)


def load_sweep(path: str | Path, overrides: Sequence[str] = ()) -> Sweep:
    """The sweep in a YAML file, every corner of its space validated.

    Args:
        path: of the file.
        overrides: texts `a.b=c` over keys of the file, such as `search.seed=1` or `space.distil.alpha=[0, 1]`.

    Raises:
        ConfigError: for what is no sweep.
    """
    return sweep_from(_overridden(read_yaml(path), overrides), str(path))


def _overridden(data: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    for key, value in parse_overrides(overrides).items():
        try:
            # A path of the space is one key, dots and all.
            put(data, key, value, dots=1 if key.startswith("space.") else -1)
        except ValueError as error:
            node, name = value_at(data, str(error)), str(error).rpartition(".")[2]
            raise ConfigError(f"--set {key}: {name} is {node!r}, which has no parts") from None
    return data


def sweep_from(data: Mapping[str, Any], source: str) -> Sweep:
    """The sweep in `data`, every corner of its space validated. Raises `ConfigError`."""
    sweep = parse(Sweep, data, source)
    check_space(sweep, source)
    return sweep


def load_recipe(path: str | Path, overrides: Sequence[str] = ()) -> TeacherRecipe:
    """The recipe of a teacher in a YAML file; `overrides` as for `load_sweep`. Raises `ConfigError`."""
    return parse(TeacherRecipe, _overridden(read_yaml(path), overrides), str(path))


def satisfies(rule: str, value: float, teacher: Mapping[str, float]) -> bool:
    """Whether `value` keeps a rule such as `<= 0.25 * teacher_params`; `teacher` gives the named quantities."""
    match = CONSTRAINT.match(rule)
    if match is None:
        raise ConfigError(f"constraint '{rule}' is not like '<= 0.25 * teacher_params' or '<= 2e6'")
    sign, number, unit = match.groups()
    bound = float(number) * (teacher[unit] if unit else 1.0)
    return value <= bound if sign == "<=" else value >= bound
