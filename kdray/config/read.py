"""Reading strictly: YAML to data, data to a part, and what is wrong in one line."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from kdray.config import strict_yaml
from kdray.errors import ConfigError, KdrayError, nearest

PartT = TypeVar("PartT", bound="Part")
FAMILIES = ("t5", "llama", "roberta", "teacher", "checkpoint")
"""Tags of the union of students."""


class Part(BaseModel):
    """A frozen piece of a file; a key that it does not know is an error, and so is a number without an end."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def read_yaml(path: str | Path) -> dict[str, Any]:
    """The mapping in a YAML file. Raises `ConfigError` for a missing file, bad syntax or another shape."""
    try:
        return yaml_mapping(Path(path).read_bytes(), str(path))
    except OSError as error:
        there = {one.stem: one for one in Path(path).parent.glob("*.yaml") if one.name != Path(path).name}
        close = difflib.get_close_matches(Path(path).stem, there, n=1)
        meant = f", did you mean '{there[close[0]]}'?" if close else ""
        raise ConfigError(f"{path}: {error.strerror or error}{meant}") from error


def yaml_mapping(data: bytes, source: str, *, error: type[KdrayError] = ConfigError) -> dict[str, Any]:
    """The mapping in the UTF-8 of a YAML file. Raises `error` for bad syntax or another shape."""
    try:
        value = strict_yaml.load(data)
    except ValueError as problem:
        raise error(f"{source}: not YAML: {problem}") from problem
    if not isinstance(value, dict):
        raise error(f"{source}: expected a mapping of keys, found {type(value).__name__}")
    return value


def read_value(text: str) -> Any:
    """One YAML value, such as the right side of `--set a.b=c`. Raises `ConfigError`."""
    try:
        return strict_yaml.load(text)
    except ValueError as problem:
        raise ConfigError(f"'{text[:60]}': not YAML: {problem}") from problem


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
    parts = [str(part) for part in first["loc"]]
    location = [part for at, part in enumerate(parts) if not _is_tag(parts, at)]
    field = ".".join(location)
    if first["type"] == "extra_forbidden":
        *above, key = location
        models = _models_at(model, above, error)
        if below := _below(models, key):
            return f"unknown key '{field}', did you mean '{'.'.join([*above, below])}'?"
        return f"unknown key '{field}'{nearest(key, [name for one in models for name in one.model_fields])}"
    message = first["msg"].removeprefix("Value error, ")
    shown = "" if isinstance(first["input"], Mapping) else f" (found {first['input']!r})"
    return f"{field}: {message}{shown}" if field else f"{message}{shown}"


def _is_tag(location: list[str], at: int) -> bool:
    return location[at] in ("Choice", "Range") or (
        location[at] in FAMILIES and location[at - 1 : at] == ["student"]
    )


def _below(models: list[type[BaseModel]], key: str) -> str:
    """The shortest path below some models that ends in a key, such as `trial.distil.alpha`; "" for none."""
    level = [("", one) for one in models]
    while level:
        level = [
            (f"{path}{name}.", part)
            for path, one in level
            for name, field in one.model_fields.items()
            if get_origin(field.annotation) not in (dict, Mapping)  # whose keys are the user's
            for part in _models_in(field.annotation)
        ]
        if found := [path for path, part in level if key in part.model_fields]:
            return f"{found[0]}{key}"
    return ""


def _models_at(model: type[BaseModel], path: list[str], error: ValidationError) -> list[type[BaseModel]]:
    """What may stand at a dotted path below `model`."""
    candidates: list[type[BaseModel]] = [model]
    for part in path:
        annotations = [m.model_fields[part].annotation for m in candidates if part in m.model_fields]
        candidates = [found for a in annotations for found in _models_in(a)]
    whole = [str(part) for part in error.errors()[0]["loc"]]
    tags = {part for at, part in enumerate(whole) if _is_tag(whole, at)}
    by_tag = [m for m in candidates if "family" in m.model_fields and tags & set(_literal(m))]
    return by_tag or candidates


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for argument in get_args(annotation) for found in _models_in(argument)]


def _literal(model: type[BaseModel]) -> tuple[Any, ...]:
    return get_args(model.model_fields["family"].annotation)


def as_data(part: Part) -> dict[str, Any]:
    """`part` as plain data that `parse` reads back to an equal part."""
    return part.model_dump(mode="json")
