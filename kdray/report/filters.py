"""Filters on trials: a comparison of a metric or a setting with a number, or of a setting with a word.

Not here: which trials are candidates at all (`front`).
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Sequence

from kdray.errors import ConfigError, nearest
from kdray.recorded import is_number
from kdray.results import TrialRecord

_FILTER = re.compile(
    r"^\s*([\w.\-/ ]*?[\w])\s*(<=|>=|==|!=|<|>)\s*([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)\s*$"
)
_TEXT_FILTER = re.compile(r"^\s*([\w.\-]*\w)\s*(==|!=)\s*([\w.\-/:]+)\s*$")
_COMPARE = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "==": operator.eq,
    "!=": operator.ne,
}


def filters(
    where: Sequence[str], known: Sequence[str], settings: Sequence[str] = ()
) -> Callable[[TrialRecord], bool]:
    """Filters as one function that says whether a record keeps them all; a missing value does not keep one.

    Args:
        where: each like `student_params <= 2e6`; of a setting also `distil.loss == spread`, of one that is a path
            its last part: `shards != full`.
        known: metrics it may name; none where no trial tells.
        settings: dotted paths it may name as well.

    Raises:
        ConfigError: no such comparison, or (where trials tell) an unknown metric or setting.
    """
    rules = [_filter(text, known, settings) for text in where]
    return lambda record: all(keeps(record) for keeps in rules)


def _filter(text: str, known: Sequence[str], settings: Sequence[str]) -> Callable[[TrialRecord], bool]:
    number, word = _FILTER.match(text), _TEXT_FILTER.match(text)
    match = number or word
    if match is None or (not number and match.group(1) in known):
        raise ConfigError(f"filter '{text}' is not like 'student_params <= 2e6'")
    name, sign, bound = match.group(1), _COMPARE[match.group(2)], match.group(3)
    if known and name not in known and name not in settings:
        near = nearest(name, [*known, *settings])
        raise ConfigError(f"filter '{text}': no complete trial recorded '{name}'{near}")

    def keeps(record: TrialRecord) -> bool:
        if number:
            own = _value_or_setting(record, name)
            return not math.isnan(own) and bool(sign(own, float(bound)))
        setting = record.setting(name)
        if not isinstance(setting, str):
            return False
        is_it = bound in (setting, setting.rpartition("/")[2])
        return is_it == (sign is operator.eq)

    return keeps


def _value_or_setting(record: TrialRecord, name: str) -> float:
    own = record.metrics.get(name, record.setting(name))
    return float(own) if is_number(own) else math.nan
