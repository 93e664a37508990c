"""Two or more sweeps side by side, at the same budget and with the same reference point.

Each sweep is cut to what the smallest spent: trials in the order in which they were begun, as far as the
budget reaches. Indicators are taken on objectives scaled to [0, 1] over all candidates of all sweeps, so that
one number holds for all of them; hypervolumes share one reference point, in measured units. Not here: several
seeds of one technique (`techniques`), and whether a difference is luck; with one sweep a side that cannot be
known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from kdray import pareto
from kdray.errors import ConfigError
from kdray.report import describe
from kdray.report.front import Front, complete, front, value
from kdray.report.text_table import TextTable
from kdray.results import TrialRecord

Budget = Literal["trials", "seconds"]
PARTS = {0.25: "a quarter", 0.5: "half", 0.75: "three quarters"}  # of the budget


@dataclass(frozen=True)
class Side:
    """One sweep of a comparison, cut to the common budget.

    Attributes:
        name: as given.
        records: the trials within the budget.
        front: their front, with the common reference point.
        seconds: what the trials within the budget took.
        epsilon: additive epsilon to the joint front, objectives scaled; 0 where this side holds all of it.
        igd_plus: mean distance from the joint front, objectives scaled.
        on_joint: how many of its trials are on the joint front.
        covered: share of its own front that the other sides' trials dominate.
        limit: the common budget.
        history: (budget spent, hypervolume) after each candidate.
    """

    name: str
    records: list[TrialRecord]
    front: Front
    seconds: float
    epsilon: float
    igd_plus: float
    on_joint: int
    covered: float
    limit: float
    history: list[tuple[float, float]]

    def volume_after(self, part: float) -> float:
        """The hypervolume when `part` of the common budget was spent; 0 before the first candidate."""
        bound = part * self.limit * (1 + 1e-9)
        return max((volume for spent, volume in self.history if spent <= bound), default=0.0)

    def as_dict(self) -> dict[str, Any]:
        """JSON-able; null for an indicator that is not finite."""
        return {
            "name": self.name,
            "trials": len(self.records),
            "complete": len(complete(self.records)),
            "seconds": self.seconds,
            "front": [record.key for record in self.front.members],
            "on_joint_front": self.on_joint,
            "covered": self.covered,
            "hypervolume": self.front.hypervolume,
            "hypervolume_after": {str(part): self.volume_after(part) for part in PARTS},
            "history": [list(point) for point in self.history],
            "epsilon": self.epsilon if np.isfinite(self.epsilon) else None,
            "igd_plus": self.igd_plus if np.isfinite(self.igd_plus) else None,
            "best": {name: _best(self.front, name) for name in self.front.objectives},
        }


@dataclass(frozen=True)
class Comparison:
    """Sweeps at equal budget: `limit` trials or seconds each."""

    objectives: dict[str, str]
    budget: Budget
    limit: float
    reference: dict[str, float]
    sides: list[Side]

    @property
    def heading(self) -> str:
        """What was made equal, as a table's first heading."""
        return f"at {self.limit:,.0f} {self.budget} each"

    def as_dict(self) -> dict[str, Any]:
        """JSON-able, with nothing but numbers, names and keys."""
        return {
            "objectives": self.objectives,
            "budget": self.budget,
            "limit": self.limit,
            "reference_point": self.reference,
            "sides": [side.as_dict() for side in self.sides],
        }

    def table(self) -> TextTable:
        """A row per indicator, a column per sweep."""
        sides = [side.as_dict() for side in self.sides]
        rows = [
            ["trials, complete", *(f"{side['trials']}, {side['complete']}" for side in sides)],
            ["device seconds", *(describe.number(side["seconds"], 1) for side in sides)],
        ]
        for name, way in self.objectives.items():
            best = [side["best"][name] for side in sides]
            head = f"{'best' if way == 'max' else 'least'} {describe.title(name)}"
            rows.append([head, *(trial["text"] if trial else describe.NOTHING for trial in best)])
        rows.append(["hypervolume ↑", *(describe.number(side["hypervolume"], 4) for side in sides)])
        for part, word in PARTS.items():
            volumes = [side.volume_after(part) for side in self.sides]
            rows.append([volume_head(word), *(describe.number(volume, 4) for volume in volumes)])
        rows += [
            [
                "front, of it on the joint front ↑",
                *(f"{len(side['front'])}, {side['on_joint_front']}" for side in sides),
            ],
            ["own front dominated by others ↓", *(f"{100 * side['covered']:.0f} %" for side in sides)],
            ["epsilon to the joint front ↓", *(describe.number(side["epsilon"]) for side in sides)],
            ["IGD+ to the joint front ↓", *(describe.number(side["igd_plus"]) for side in sides)],
        ]
        return TextTable([self.heading, *(side.name for side in self.sides)], rows, "l" + "r" * len(sides))


def compare(
    sweeps: Mapping[str, Sequence[TrialRecord]],
    objectives: Mapping[str, str],
    *,
    budget: Budget = "trials",
    where: Sequence[str] = (),
    reference: Mapping[str, float] | None = None,
) -> Comparison:
    """The sweeps at the largest budget that all of them spent.

    Args:
        sweeps: name -> trials.
        objectives: metric -> `max` or `min`; every sweep must have recorded them.
        budget: `trials` begun, or `seconds` of all trials together.
        where: filters, as for `front`.
        reference: the hypervolume's reference point; None takes the worst of all candidates, moved out by a
            tenth.

    Raises:
        ConfigError: fewer than two sweeps, or one without a finished trial within the budget.
    """
    if len(sweeps) < 2:
        raise ConfigError(f"compare: needs two sweeps or more, found {len(sweeps)}")
    sweeps = {
        name: [r for r in records if not r.confirms] for name, records in sweeps.items()
    }  # searches alone
    limit = min(_spent(records, budget)[-1] if records else 0.0 for records in sweeps.values())
    cut = {name: _cut(records, budget, limit) for name, records in sweeps.items()}
    for name, records in cut.items():
        if not complete(records):
            raise ConfigError(f"compare: no trial of '{name}' was complete within {limit:g} {budget}")
    if reference is None:
        everyone = [record for records in cut.values() for record in records]
        reference = front(everyone, objectives, where=where).reference
    if not reference:
        raise ConfigError("compare: no trial of any sweep keeps the filters")
    fronts = {
        name: front(records, objectives, where=where, reference=reference) for name, records in cut.items()
    }
    return Comparison(dict(objectives), budget, limit, dict(reference), _sides(cut, fronts, budget, limit))


def _spent(records: Sequence[TrialRecord], budget: Budget) -> list[float]:
    """What was spent up to and with each trial."""
    costs = [1.0 if budget == "trials" else record.seconds for record in records]
    return np.cumsum(costs).tolist() if costs else []


def _cut(records: Sequence[TrialRecord], budget: Budget, limit: float) -> list[TrialRecord]:
    ordered = sorted(records, key=lambda record: record.number)
    spent = _spent(ordered, budget)
    return [record for record, at in zip(ordered, spent, strict=True) if at <= limit * (1 + 1e-9)]


def _sides(
    cut: Mapping[str, list[TrialRecord]], fronts: Mapping[str, Front], budget: Budget, limit: float
) -> list[Side]:
    directions = next(iter(fronts.values())).directions
    scaled = pareto.normalise(*(own.values_PM for own in fronts.values()))
    joint = np.concatenate(scaled)
    joint = joint[pareto.non_dominated(joint, directions)]
    sides = []
    for index, (name, best) in enumerate(fronts.items()):
        own = scaled[index][best.mask_P]
        others = np.concatenate([points for at, points in enumerate(scaled) if at != index])
        spent = dict(zip((r.key for r in cut[name]), _spent(cut[name], budget), strict=True))
        volumes = pareto.history(best.values_PM, directions, list(best.reference.values()))
        at = [spent[record.key] for record in best.candidates]
        sides.append(
            Side(
                name=name,
                records=cut[name],
                front=best,
                seconds=sum(record.seconds for record in cut[name]),
                epsilon=pareto.epsilon(own, joint, directions) if len(own) else float("inf"),
                igd_plus=pareto.igd_plus(own, joint, directions) if len(own) else float("inf"),
                on_joint=int((own[:, None, :] == joint[None, :, :]).all(axis=2).any(axis=1).sum()),
                covered=float(np.mean(_dominated(own, others, directions))) if len(own) else 1.0,
                limit=limit,
                history=list(zip(at, volumes.tolist(), strict=True)),
            )
        )
    return sides


def _dominated(points: pareto.Floats, others: pareto.Floats, directions: Sequence[str]) -> list[bool]:
    """Whether each point is dominated by one of the others."""
    return [not pareto.non_dominated(np.vstack([point, others]), directions)[0] for point in points]


def _best(own: Front, name: str) -> dict[str, Any] | None:
    """The best candidate in one objective."""
    if not own.candidates:
        return None
    sign = -1.0 if own.objectives[name] == "max" else 1.0
    record = min(own.candidates, key=lambda candidate: sign * value(candidate, name))
    return {"trial": record.key, "value": value(record, name), "text": describe.metric(record, name)}


def volume_head(word: str) -> str:
    """The heading of the hypervolume after a part of the budget."""
    return f"hypervolume after {word} of the budget ↑"
