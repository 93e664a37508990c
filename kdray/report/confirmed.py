"""Students that were trained again before one is chosen: which are to be, and what came of it.

The best of many is best partly by luck of its training and of the cases. So those that are probably on the front
are trained anew with further seeds of the same settings, judged on all cases of the suite, and the choice (knee,
best, export's) is made on the means over all trainings of each. Only then is the test suite opened: the means are
of those that looked best once, and still a little too good. The first training is in the mean, for it is its
student that is shipped: a choice is told by the trial that the search made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kdray.config import Sweep
from kdray.report import describe
from kdray.report.compare.seeds import SEED, Mean, mean
from kdray.report.front import Front, front
from kdray.report.text_table import TextTable
from kdray.results import TrialRecord

LEAST = 0.05
"""Probability of being on the front from which a setting is worth further trainings."""


def probable(found: Front, top: int, *, alone: bool = False) -> list[TrialRecord]:
    """The candidates that are probably on the front, likeliest first, `top` at most; of those with the same
    settings the first, for a further seed is the same training to all of them.

    None where there is one, unless it counts `alone`: nothing is left to choose.
    """
    places = {index: place for place, index in enumerate(found.order)}
    firsts: list[int] = []
    for index, record in enumerate(found.candidates):
        if all(found.candidates[first].overrides != record.overrides for first in firsts):
            firsts.append(index)
    likely = [index for index in firsts if found.probability[index] >= LEAST]
    likely.sort(key=lambda index: (-found.probability[index], places[index]))
    return [found.candidates[index] for index in likely[:top]] if alone or len(likely) > 1 else []


def planned(records: Sequence[TrialRecord], sweep: Sweep) -> list[tuple[str, int]]:
    """Which trials are to be trained again with which seeds, in order, of a search that has ended.

    Every setting's first further seed comes before anybody's second. Who is alone on the front of a search that
    went on is trained again as well: it is to be held against those that were before.
    """
    confirm = sweep.search.confirm
    if confirm is None:
        return []
    before = any(record.confirms for record in records)
    again = probable(front(records, sweep.objectives), confirm.top, alone=before)
    seeds = [(sweep.trial.seed + further) % 2**32 for further in range(1, confirm.seeds + 1)]
    return [(record.key, seed) for seed in seeds for record in again]


def asked(records: Sequence[TrialRecord], sweep: Sweep) -> int:
    """Trials that a sweep asks for in all: those that confirm others are known once its search has ended."""
    ended = sum(record.state != "running" for record in records if not record.confirms)
    over = ended == sum(not record.confirms for record in records) and ended >= sweep.search.trials
    begun = {(record.confirms, record.setting(SEED)) for record in records if record.confirms}
    return sweep.search.trials + len(begun.union(planned(records, sweep) if over else ()))


def budget(sweep: Sweep) -> str:
    """What confirming costs, for whoever is about to start it; empty where it is off."""
    confirm = sweep.search.confirm
    if confirm is None:
        return ""
    seeds = "a further seed" if confirm.seeds == 1 else f"{confirm.seeds} further seeds"
    return (
        f"then up to {confirm.most} more: the {confirm.top} likeliest of the front again, with {seeds} each"
    )


def confirmed_means(found: Front) -> dict[str, dict[str, Mean]]:
    """Trial that was trained again -> objective -> mean over all its trainings; in the front's order."""
    order = [found.candidates[index] for index in found.order]
    return {
        record.key: {name: mean(found.again[record.key], name) for name in found.objectives}
        for record in order
        if record.key in found.again
    }


def confirmed_table(found: Front) -> TextTable | None:
    """Each that was trained again: with how many seeds, the means, and what it was picked by. None without."""
    means = confirmed_means(found)
    if not means:
        return None
    heads = ["trained again", "seeds"]
    for name in found.objectives:
        heads += [f"{describe.title(name)}, mean", "picked at"]
    rows = []
    for key, by_name in means.items():
        picked = next(record for record in found.candidates if record.key == key)
        row = [key, str(len(found.again[key]))]
        for name, told in by_name.items():
            row += [
                describe.with_interval(told.value, told.low, told.high),
                describe.metric_alone(picked, name),
            ]
        rows.append(row)
    return TextTable(heads, rows, "l" + "r" * (len(heads) - 1))


def as_dict(found: Front) -> dict[str, Any]:
    """JSON-able but for numbers that are not finite: trial -> its trainings and the means over them."""
    return {
        key: {
            "trials": [one.key for one in found.again[key]],
            **{n: m.as_dict() for n, m in by_name.items()},
        }
        for key, by_name in confirmed_means(found).items()
    }


def said(found: Front, metric: str | None = None) -> str:
    """On what the choice of the knee, or of the best in a metric, was made, in a clause; empty where that is not
    on further trainings.
    """
    if not (found.by_means(metric) if metric else found.again):
        return ""
    seeds = sorted({len(each) for each in found.again.values()})
    times = str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    return f"chosen by the means over {times} trainings each of {', '.join(confirmed_means(found))}"
