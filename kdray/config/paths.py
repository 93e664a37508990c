"""Settings of a trial as plain data, by dotted path, and which of them a space chose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kdray.config.sweep import Choice, Range


def value_at(config: Mapping[str, Any], path: str) -> Any:
    """What a trial says at a dotted path; None where there is nothing (another family's field)."""
    node: Any = config
    for part in path.split("."):
        node = node.get(part) if isinstance(node, Mapping) else None
    return node


def flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A trial's settings by dotted path, the whole of it."""
    found: dict[str, Any] = {}
    for key, one in config.items():
        found |= flat(one, f"{prefix}{key}.") if isinstance(one, Mapping) and one else {f"{prefix}{key}": one}
    return found


def chosen(trial: Mapping[str, Any], space: Mapping[str, Choice | Range]) -> dict[str, Any]:
    """The values of a space's paths in a trial, less those whose `when` does not hold.

    Of choices with parts (whole students) the choice itself, which the trial fills out with defaults.
    """

    def holds(when: Mapping[str, tuple[Any, ...]]) -> bool:
        return all(any(_is(one, value_at(trial, path)) for one in allowed) for path, allowed in when.items())

    return {path: _choice(spec, value_at(trial, path)) for path, spec in space.items() if holds(spec.when)}


def _choice(spec: Choice | Range, found: Any) -> Any:
    choices = spec.choices if isinstance(spec, Choice) and isinstance(found, Mapping) else ()
    return next((one for one in choices if _is(one, found)), found)


def _is(one: Any, found: Any) -> bool:
    """Whether a trial's value is this choice."""
    if isinstance(one, Mapping) and isinstance(found, Mapping):
        return all(name in found and _is(part, found[name]) for name, part in one.items())
    return bool(one == found)
