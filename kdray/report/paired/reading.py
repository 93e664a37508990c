"""What an honest reader takes from a front's table, in one sentence or two."""

from __future__ import annotations

import math

from kdray.report import describe
from kdray.report.front import Front, value
from kdray.report.paired.ties import Pair, Ties, ties

MOST_NAMED = 3


def reading(front: Front) -> str:
    """Which differences are sure and which are not, and what is left to choose by: on the test suite where several
    students were judged by it, of the others on the cases they were chosen by.

    Empty where nothing is known case by case.
    """
    on_test, on_valid = ties(front, test=True), ties(front)
    found = on_test if len(on_test.keys) > 1 else on_valid
    if len(found.keys) < 2:
        return ""
    where = "on the test suite" if found.test else "on the cases they were chosen by"
    parts = [
        _sure(found),
        _not_sure(found, front),
        _others(on_valid, on_test),
        _what_to_take(on_valid, front),
    ]
    return f"Told apart {where}, case by case: {''.join(parts)}."


def _others(on_valid: Ties, on_test: Ties) -> str:
    """The surest difference of those that the test suite has not judged, where it has judged several."""
    if len(on_test.keys) < 2:
        return ""
    unjudged = [pair for pair in on_valid.sure if not {pair.one, pair.other} <= set(on_test.keys)]
    return f"; where they were chosen, sure that {_said(unjudged[0])}" if unjudged else ""


def _sure(found: Ties) -> str:
    named = [_said(pair) for pair in found.sure[:MOST_NAMED]]
    more = len(found.sure) - len(named)
    if not named:
        return f"no difference between these {len(found.keys)} students is sure"
    return "sure that " + ", ".join(named) + (f", and {more} more" if more > 0 else "")


def _said(pair: Pair) -> str:
    """`t0002 has 0.048 [.020-.076] less metamorphic discrepancy than t0007`."""
    gap = pair.difference
    size, low, high = (gap.value, gap.low, gap.high) if gap.value > 0 else (-gap.value, -gap.high, -gap.low)
    word = "more" if gap.value > 0 else "less"
    amount = describe.with_interval(size, low, high)
    return f"{pair.one} has {amount} {word} {describe.title(pair.metric)} than {pair.other}"


def _not_sure(found: Ties, front: Front) -> str:
    """What cannot be told, and what is left to choose by."""
    parts = []
    metrics = dict.fromkeys(pair.metric for pair in found.pairs)
    open_ = [name for name in metrics if not any(p.sure for p in found.pairs if p.metric == name)]
    if found.sure and open_:
        parts.append(f"; in {' and '.join(map(describe.title, open_))} nobody can be told from anybody")
    if found.control is not None:
        sides = [{pair.one, pair.other} for pair in found.sure if found.control in (pair.one, pair.other)]
        others = [key for key in found.keys if key != found.control and any(key in side for side in sides)]
        told = f"is told from {', '.join(others)}" if others else "cannot be told from any of them"
        parts.append(f"; the control {found.control} (alpha 0) {told}")
    return "".join(parts)


def _what_to_take(found: Ties, front: Front) -> str:
    """The smallest of those that cannot be told from the knee: by taking it nothing is surely lost."""
    knee = front.candidates[front.knee] if front.knee is not None else None
    if knee is None or knee.key not in found.letters:
        return ""
    tied = [r for r in front.candidates if set(found.letters.get(r.key, "")) & set(found.letters[knee.key])]
    sizes = {r.key: size for r in tied if math.isfinite(size := value(r, "student_params"))}
    if len(sizes) < 2:
        return ""
    least = min(sizes, key=lambda key: (sizes[key], key != knee.key))
    small = f"{describe.count(sizes[least])} parameters"
    if least == knee.key:
        return f"; none that cannot be told from the knee {least} is smaller than it, {small}"
    return f"; the smallest that cannot be told from the knee {knee.key} is {least}, {small}"
