"""YAML as 1.2 means it, from whoever wrote it: what is read otherwise by 1.1 is refused instead of guessed at.

PyYAML reads 1.1: `010` is eight, `1:30:00` is 5,400, `no` is false, a date no text, `1e-4` no number, and of a key
written twice the last one counts. Aliases are allowed as far as what they unfold to stays small: nine lines of
them make a billion nodes. Nothing is made of the nodes before they were looked through.
"""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

MOST_BYTES = 1 << 20
MOST_NODES = 100_000
"""As the aliases unfold."""
DEEPEST = 64
_DIGITS = 18
_HARMLESS = 2000
"""Characters that may open a level: with so few no depth overflows the stack of what composes nodes, in C."""
_TAG = "tag:yaml.org,2002:"
_ALIKE = {
    "int": re.compile(r"[-+]?(0|[1-9][0-9]*)|0x[0-9a-fA-F]+"),
    "float": re.compile(
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
    ),
    "bool": re.compile(r"true|True|TRUE|false|False|FALSE"),
}
"""What both versions of YAML read alike, by type."""
_INSTEAD = {"bool": "true or false", "int": "a whole number in decimal", "float": "a number in decimal"}


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """By libyaml, which is ten times as fast and ends where the other one takes minutes (3,000 brackets: 40 s)."""


_Loader.add_implicit_resolver(
    f"{_TAG}float",
    re.compile(r"^[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+$"),
    list("-+0123456789."),
)


def load(data: bytes | str) -> Any:
    """The one value in some YAML, as plain data.

    Raises:
        ValueError: what is no YAML, or no YAML that is meant to be read; its message is of one line.
    """
    if len(data) > MOST_BYTES:
        raise ValueError(f"{len(data):,} bytes are too many: at most {MOST_BYTES:,}")
    try:
        text = data.decode() if isinstance(data, bytes) else data
        _check_depth(text)
        reading = _Loader(text)
        try:
            node = reading.get_single_node()
            if node is None:
                return None
            _look_through(node)
            return reading.construct_document(node)
        finally:
            reading.dispose()
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, LookupError) as problem:
        raise ValueError(" ".join(str(problem).split())) from problem


def _check_depth(text: str) -> None:
    """Raises `yaml.YAMLError` before nodes are composed, by recursion that no version of PyYAML bounds."""
    if sum(map(text.count, "[{-?:")) <= _HARMLESS:
        return
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise _at(event, f"nested more than {DEEPEST} deep")


def _look_through(root: Any) -> None:
    """Raises `yaml.YAMLError` at the first node that may not be made anything of."""
    waiting, seen = [(root, 0)], 0
    while waiting:
        node, depth = waiting.pop()
        seen += 1
        if seen > MOST_NODES:
            raise _at(node, f"more than {MOST_NODES:,} values, aliases unfolded")
        if depth > DEEPEST:
            raise _at(node, f"nested more than {DEEPEST} deep, or in itself")
        if isinstance(node, yaml.ScalarNode):
            _look_at(node)
        elif isinstance(node, yaml.SequenceNode):
            waiting += [(part, depth + 1) for part in node.value]
        else:
            _look_for_twins(node)
            waiting += [(part, depth + 1) for pair in node.value for part in pair]


def _look_for_twins(node: Any) -> None:
    keys = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _at(key, "a key must be a word")
        if key.value in keys:
            raise _at(key, f"key '{key.value}' is there twice")
        keys.add(key.value)


def _look_at(node: Any) -> None:
    """A plain scalar that the two versions of YAML read differently, or a number without bounds."""
    kind = node.tag.removeprefix(_TAG)
    if kind == "timestamp":
        node.tag = f"{_TAG}str"  # 1.2 knows no dates
    elif kind in _ALIKE and not _ALIKE[kind].fullmatch(node.value):
        raise _at(node, f"{node.value[:40]}: write {_INSTEAD[kind]}, or a text in quotes")
    elif kind == "int" and len(node.value) > _DIGITS:
        raise _at(node, f"a number of {len(node.value)} digits")
    elif kind == "float" and math.isinf(float(node.value.replace(".inf", "0"))):
        raise _at(node, f"{node.value[:40]}: beyond what a number holds")


def _at(node: Any, problem: str) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
