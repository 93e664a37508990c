"""A new sweep's text with the space of a Weights & Biases sweep file in it (`from_wandb`), its comments kept."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import yaml

from kdray.config import Sweep, as_data, contains, put, read_value, sweep_from
from kdray.demo.from_wandb import Borrowed, borrow


def flow(value: Any) -> str:
    """A value on one line of YAML."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10**6, allow_unicode=True)
    text = text.strip().removesuffix("\n...")
    # A name such as 1e3 is text to PyYAML and a number to what reads our files.
    return text if read_value(text) == value else json.dumps(value)


def borrowing(text: str, file: str, name: str) -> tuple[str, tuple[str, ...]]:
    """The text of a sweep with another space, and what of the W&B file is not in it.

    Args:
        text: of a new sweep, out of the template.
        file: of the W&B sweep.
        name: the new file's, for errors.

    Raises:
        ConfigError: see `from_wandb.borrow`.
    """
    begun = sweep_from(read_value(text), name)
    taken = borrow(file, as_data(begun.trial), begun.objectives)
    for path, value in taken.constants.items():
        text = _with_constant(text, path, value)
    space = "".join(f"  {path}: {flow(spec)}\n" for path, spec in taken.space.items())
    text = re.sub(r"(?ms)^(space:[^\n]*\n).*?(?=^\S)", lambda found: found[1] + space, text)
    text = _searched(text, taken)
    # What the template starts from need not lie in that space.
    shown = sweep_from(read_value(_with_start(text, [])), name)
    return _with_start(text, [point for point in begun.search.start if _lies_in(shown, point)]), taken.notes


def _lies_in(sweep: Sweep, point: Mapping[str, Any]) -> bool:
    return all(path in sweep.space and contains(sweep.space[path], value) for path, value in point.items())


def _with_constant(text: str, path: str, value: Any) -> str:
    """The same with a setting of the base trial changed, in its own line."""
    head, _, rest = path.partition(".")
    line = re.compile(rf"(?m)^  {head}: (\{{.*\}}|[^#\n]*?)(?P<note> *#.*)?$")
    found = line.search(text)
    before = read_value(found[1]) if found else {}
    if rest:
        put(before, rest, value)
    new = f"  {head}: {flow(before if rest else value)}"
    if found:
        return text[: found.start()] + new + (found["note"] or "") + text[found.end() :]
    return re.sub(r"(?m)^  seed:", f"{new}\n  seed:", text, count=1)


def _searched(text: str, taken: Borrowed) -> str:
    search = dict(taken.search)
    if trials := search.pop("trials", None):
        text = re.sub(r"(?m)^  trials: \d+", f"  trials: {trials}", text)
    lines = "".join(f"  {name}: {value}\n" for name, value in search.items())
    return re.sub(r"(?m)^(  trials:)", lambda found: lines + found[1], text)


def _with_start(text: str, points: list[dict[str, Any]]) -> str:
    """The same with these points to start from."""
    lines = "".join(f"    - {flow(point)}\n" for point in points)
    return re.sub(r"(?m)^  start:\n(    - .*\n)+", lambda _: f"  start:\n{lines}" if lines else "", text)
