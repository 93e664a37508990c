"""JSON that was recorded, as far as it is sound: what is not is said with its file and line, the rest is used.

A line that does not parse, a number that is none (NaN, 400 digits, a text in its place) costs what it says and
nothing else, and never in silence: whoever looks at a table that is too short has been told why.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, TypeGuard

from kdray.errors import DataError

log = logging.getLogger(__name__)
MOST_STEPS = 2**53


def json_value(data: bytes, where: str) -> Any:
    """The JSON value; half surrogates, which no file can hold, as `?`. Raises `DataError` of one line."""
    try:
        value = json.loads(data)
        return _without_surrogates(value) if b"\\u" in data else value
    except RecursionError:
        raise DataError(f"{where}: not JSON that is meant to be read: nested too deeply") from None
    except ValueError as error:
        raise DataError(f"{where}: not JSON: {error}") from error


def json_object(data: bytes, where: str) -> dict[str, Any]:
    """The same, where it is an object."""
    value = json_value(data, where)
    if not isinstance(value, dict):
        raise DataError(f"{where}: expected a JSON object, found {type(value).__name__}")
    return value


def json_file(path: Path) -> dict[str, Any]:
    """The object in a file of this machine. Raises `DataError` of one line where it is missing or damaged."""
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    return json_object(path.read_bytes(), str(path))


def json_lines(data: bytes, location: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Where a line stands, and its object; lines that hold none are left out and said.

    What follows the last line end is being written and counts only if it is whole already.
    """
    *lines, rest = data.split(b"\n")
    for number, line in enumerate([*lines, rest], 1):
        where = f"{location}: line {number}"
        if not line.strip():
            continue
        try:
            yield where, json_object(line, where)
        except DataError as error:
            if number <= len(lines):
                log.warning("%s: left out", error)


def sound(record: dict[str, Any], where: str, numbers: Collection[str] = ()) -> dict[str, Any]:
    """A record less the values that are none, which is said.

    Args:
        record: name -> value; `intervals` holds name -> (low, high).
        where: names it in what is said.
        numbers: names whose values must be numbers; of others texts are fine, too.
    """
    kept = {}
    for name, value in record.items():
        if name == "intervals":
            kept[name] = _intervals(value, where)
        elif _is_sound(value) and (name not in numbers or is_finite(value)):
            kept[name] = value
        else:
            log.warning("%s: %s is %.60s: not counted", where, name, repr(value))
    return kept


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether something recorded is a number that a float holds, finite or not; True and False are none."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    try:
        float(value)
    except OverflowError:
        return False
    return True


def is_finite(value: Any) -> TypeGuard[int | float]:
    """Whether it is one that can be reckoned with."""
    return is_number(value) and math.isfinite(value)


def _is_sound(value: Any) -> bool:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return is_finite(value)
    if isinstance(value, dict):
        return all(_is_sound(part) for part in value.values())
    if isinstance(value, list):
        return all(_is_sound(part) for part in value)
    return True


def _intervals(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        log.warning("%s: intervals is %.60s: not counted", where, repr(value))
        return {}
    kept = {}
    for name, ends in value.items():
        if isinstance(ends, list) and len(ends) == 2 and all(map(is_finite, ends)):
            kept[name] = ends
        elif ends is not None:
            log.warning("%s: intervals.%s is %.60s: not counted", where, name, repr(ends))
    return kept


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_without_surrogates(part) for part in value]
    if isinstance(value, dict):
        return {_without_surrogates(name): _without_surrogates(part) for name, part in value.items()}
    return value
