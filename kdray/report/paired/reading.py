"""What an honest reader takes from a front's table, in one sentence or two."""

from __future__ import annotations

from kdray.report import describe
from kdray.report.front import Front, value
from kdray.report.paired.ties import Pair, Ties, ties

MOST_NAMED = 3


def reading(front: Front) -> str:
    """Which differences are sure and which are not, on the test suite where several students were judged by it.

    Empty where nothing is known case by case.
    """
    on_test = ties(front, test=True)
    found = on_test if len(on_test.keys) > 1 else ties(front)
    if len(found.keys) < 2:
        return ""
    where = "on the test suite" if found.test else "on the cases they were chosen by"
    return f"Told apart {where}, case by case: {_sure(found)}{_not_sure(found, front)}."


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
    sizes = [value(r, "student_params") for r in front.candidates if r.key in found.keys]
    least, most = min(sizes, default=0), max(sizes, default=0)
    if not found.sure and least < most:
        parts.append(f"; their sizes are, {describe.count(least)} to {describe.count(most)} parameters")
    return "".join(parts)
