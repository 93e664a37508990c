"""Settings of a trial as plain data by dotted path: read, set, listed, and which of them a space chose."""

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


def put(config: dict[str, Any], path: str, value: Any, dots: int = -1) -> None:
    """Sets the value at a dotted path, and makes the mappings on the way to it that are missing.

    Args:
        config: changed in place.
        path: of the setting.
        value: what it shall be.
        dots: how many dots lead into a mapping; what follows is one key. -1: all of them.

    Raises:
        ValueError: something on the way is no mapping; the message is its path.
    """
    *parents, leaf = path.split(".", dots)
    node = config
    for depth, part in enumerate(parents, 1):
        node = node.setdefault(part, {})
        if not isinstance(node, dict):
            raise ValueError(".".join(parents[:depth]))
    node[leaf] = value


def flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A trial's settings by dotted path, the whole of it."""
    settings: dict[str, Any] = {}
    for key, value in config.items():
        is_node = isinstance(value, Mapping) and value
        settings |= flat(value, f"{prefix}{key}.") if is_node else {f"{prefix}{key}": value}
    return settings


def chosen(trial: Mapping[str, Any], space: Mapping[str, Choice | Range]) -> dict[str, Any]:
    """The values of a space's paths in a trial, less those whose `when` does not hold.

    Of choices with parts (whole students) the choice itself, which the trial fills out with defaults.
    """

    def holds(when: Mapping[str, tuple[Any, ...]]) -> bool:
        return all(
            any(_is(value, value_at(trial, path)) for value in allowed) for path, allowed in when.items()
        )

    return {path: _choice(spec, value_at(trial, path)) for path, spec in space.items() if holds(spec.when)}


def _choice(spec: Choice | Range, value: Any) -> Any:
    choices = spec.choices if isinstance(spec, Choice) and isinstance(value, Mapping) else ()
    return next((choice for choice in choices if _is(choice, value)), value)


def _is(choice: Any, value: Any) -> bool:
    """Whether a trial's value is this choice."""
    if isinstance(choice, Mapping) and isinstance(value, Mapping):
        return all(name in value and _is(part, value[name]) for name, part in choice.items())
    return bool(choice == value)
