"""The non-dominated set, hypervolume and the indicators between sets; numpy only, any number of objectives.

Everything takes values as they were measured with a direction per objective, turns them into losses once
(`losses`) and then minimises. Shapes: `P` points, `M` objectives, `D` bootstrap draws. A point with a value
that is not finite is on no front, dominates nothing and adds no volume; equal points do not dominate each
other, so all copies of a front point are on the front. Not here: what a trial is. `report.front` takes
records to arrays.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


def losses(values_PM: npt.ArrayLike, directions: Sequence[str]) -> Floats:
    """`values_PM` with the sign of every maximised objective turned, so that less is better everywhere.

    Raises:
        ValueError: another shape than one column per direction, or a direction that is neither `max` nor
            `min`.
    """
    unknown = [direction for direction in directions if direction not in ("max", "min")]
    if unknown or not directions:
        raise ValueError(f"directions {list(directions)}: each must be 'max' or 'min', and there must be one")
    values = np.asarray(values_PM, dtype=np.float64)
    values = values.reshape(-1, len(directions)) if values.size == 0 else values
    if values.ndim != 2 or values.shape[1] != len(directions):
        raise ValueError(f"values have shape {values.shape}, not (points, {len(directions)})")
    signs = np.array([-1.0 if direction == "max" else 1.0 for direction in directions])
    return np.asarray(values * signs, dtype=np.float64)


def non_dominated(values_PM: npt.ArrayLike, directions: Sequence[str]) -> Bools:
    """Whether no other point is as good in every objective and better in one. bool[P]."""
    return _minimal(losses(values_PM, directions))


def _minimal(losses_PM: Floats) -> Bools:
    """The non-dominated points of losses."""
    mask = np.zeros(len(losses_PM), dtype=bool)
    finite = np.flatnonzero(np.isfinite(losses_PM).all(axis=1))
    if finite.size == 0:
        return mask
    points, copies = np.unique(losses_PM[finite], axis=0, return_inverse=True)  # rows in lexicographic order
    keep = _minimal_2d(points) if points.shape[1] == 2 else _minimal_nd(points)
    mask[finite] = keep[copies.reshape(-1)]
    return mask


def _minimal_2d(points: Floats) -> Bools:
    """Of distinct points in lexicographic order: those with a second loss below that of every one before. O(P)."""
    best_before = np.concatenate([[np.inf], np.minimum.accumulate(points[:-1, 1])])
    return np.asarray(points[:, 1] < best_before)


def _minimal_nd(points: Floats) -> Bools:
    """Of distinct points in lexicographic order: the first of what is left is minimal; what it dominates goes.

    O(P * front).
    """
    keep = np.zeros(len(points), dtype=bool)
    left = np.arange(len(points))
    while left.size:
        keep[left[0]] = True
        # A distinct point that is nowhere below the first is dominated by it; the first drops itself too.
        left = left[(points[left] < points[left[0]]).any(axis=1)]
    return keep


def ranks(values_PM: npt.ArrayLike, directions: Sequence[str]) -> Ints:
    """0 for the front, 1 for the front of the rest, and so on; -1 for a point that is not finite. int[P].

    Efficient non-dominated sort with binary search (Zhang et al. 2015, doi:10.1109/TEVC.2014.2308305).
    """
    loss = losses(values_PM, directions)
    rank = np.full(len(loss), -1, dtype=np.int64)
    finite = np.asarray(np.isfinite(loss).all(axis=1))
    if loss.shape[1] == 2:
        rank[finite] = _ranks_2d(loss[finite])
        return rank
    fronts: list[list[int]] = []
    # Nothing can be dominated by what comes after it in lexicographic order, and a front that dominates a
    # point is preceded by fronts that all do: hence the bisection.
    for point in np.lexsort(loss.T[::-1]):
        if finite[point]:
            level = _first_level(loss, int(point), fronts)
            if level == len(fronts):
                fronts.append([])
            fronts[level].append(int(point))
            rank[point] = level
    return rank


def _ranks_2d(loss: Floats) -> Ints:
    """The same for two objectives: of a front, the last in lexicographic order has the least second loss, so it
    alone says whether the front dominates what comes after. O(P log P).
    """
    rank = np.empty(len(loss), dtype=np.int64)
    lasts: list[tuple[float, float]] = []
    for point in np.lexsort(loss.T[::-1]):
        last = (float(loss[point, 1]), float(loss[point, 0]))
        level = bisect.bisect_left(lasts, last)
        lasts[level : level + 1] = [last]
        rank[point] = level
    return rank


def _first_level(loss: Floats, point: int, fronts: list[list[int]]) -> int:
    """The first front none of which dominates the point."""
    return bisect.bisect_left(fronts, True, key=lambda front: not _beaten(loss[point], loss[front]))


def _beaten(loss_M: Floats, others_PM: Floats) -> bool:
    """Whether one of `others_PM` dominates the point."""
    return bool(((others_PM <= loss_M).all(axis=1) & (others_PM < loss_M).any(axis=1)).any())


def hypervolume(values_PM: npt.ArrayLike, directions: Sequence[str], reference_M: npt.ArrayLike) -> float:
    """The volume that the points dominate, up to `reference_M` (in measured units); exact for any M.

    Points that are not better than the reference in every objective add nothing. 2-D by a sweep, 3-D and more
    by exclusive volumes (WFG: While, Bradstreet & Barone 2012, doi:10.1109/TEVC.2010.2077298).
    """
    bound = losses(np.asarray(reference_M, dtype=np.float64).reshape(1, -1), directions)[0]
    if not np.isfinite(bound).all():
        raise ValueError(f"the reference point {np.asarray(reference_M).tolist()} must be finite")
    return _volume(losses(values_PM, directions), bound)


def _volume(loss: Floats, bound: Floats) -> float:
    inside = loss[(loss < bound).all(axis=1) & np.isfinite(loss).all(axis=1)]
    if not len(inside):
        return 0.0
    front = np.unique(inside[_minimal(inside)], axis=0)
    if front.shape[1] == 1:
        return float(bound[0] - front[0, 0])
    return _volume_2d(front, bound) if front.shape[1] == 2 else _volume_nd(front, bound)


def _volume_2d(front: Floats, bound: Floats) -> float:
    """Of a front in lexicographic order: a slab per point, from its first loss to the next one's."""
    edges = np.append(front[1:, 0], bound[0])
    return float(((edges - front[:, 0]) * (bound[1] - front[:, 1])).sum())


def _volume_nd(front: Floats, bound: Floats) -> float:
    """The sum, over the points, of what each dominates and none after it does."""
    front = front[np.argsort(-front[:, -1])]  # worst in the last objective first: the rest shrinks sooner
    total = 0.0
    for number, point in enumerate(front):
        # What the later points dominate inside this point's box.
        rest = np.maximum(front[number + 1 :], point)
        total += float(np.prod(bound - point)) - _volume(rest, bound)
    return total


def reference_point(values_PM: npt.ArrayLike, directions: Sequence[str], margin: float = 0.1) -> Floats:
    """The worst finite value of each objective, moved outwards by `margin` of its range. float[M].

    A default of ours for a sweep whose bounds nobody named: print it beside every hypervolume, and never
    compare two sweeps by hypervolumes with different reference points.
    """
    values = np.asarray(values_PM, dtype=np.float64)
    loss = losses(values, directions)
    loss = loss[np.isfinite(loss).all(axis=1)]
    if not len(loss):
        raise ValueError("no finite point to take a reference point from")
    worst, best = loss.max(axis=0), loss.min(axis=0)
    # Where all are equal the range is 0, and a point on the bound would dominate no volume.
    extent = np.where(worst > best, worst - best, np.maximum(np.abs(worst), 1.0))
    return np.asarray(losses((worst + margin * extent).reshape(1, -1), directions)[0])


def history(values_PM: npt.ArrayLike, directions: Sequence[str], reference_M: npt.ArrayLike) -> Floats:
    """The hypervolume after each point, in the order given; float[P], never falling."""
    loss = losses(values_PM, directions)
    bound = losses(np.asarray(reference_M, dtype=np.float64).reshape(1, -1), directions)[0]
    front, volume, volumes = np.empty((0, loss.shape[1])), 0.0, np.zeros(len(loss))
    for number, point in enumerate(loss):
        # NaN compares false, so a point that is not finite is never inside.
        if (point < bound).all() and np.isfinite(point).all() and not (front <= point).all(axis=1).any():
            front = np.vstack([front[~(front >= point).all(axis=1)], point])
            volume = _volume(front, bound)
        volumes[number] = volume
    return volumes


def knee(values_PM: npt.ArrayLike, directions: Sequence[str]) -> int | None:
    """The index of the front point furthest from the plane through the front's ends; None without a front.

    Each objective is scaled to [0, 1] over the front; the plane through the ends is then sum = 1, and the
    knee the least sum (Das 1999, doi:10.1007/s001580050111, with the ends of the front as its individual
    minima). A tie goes to the first.
    """
    loss = losses(values_PM, directions)
    front = np.flatnonzero(_minimal(loss))
    if not front.size:
        return None
    low, high = loss[front].min(axis=0), loss[front].max(axis=0)
    scaled = (loss[front] - low) / np.where(high > low, high - low, 1.0)
    return int(front[np.argmin(scaled.sum(axis=1))])


def epsilon(values_PM: npt.ArrayLike, target_PM: npt.ArrayLike, directions: Sequence[str]) -> float:
    """How far the set must be improved, in every objective, to be nowhere worse than the target.

    The additive epsilon indicator, at most 0 where it is nowhere worse already. Zitzler et al. 2003,
    doi:10.1109/TEVC.2003.810758. Scale the objectives first (`normalise`), as one number holds for all of
    them.
    """
    loss, target = _finite(losses(values_PM, directions)), _finite(losses(target_PM, directions))
    gap_target_set = (loss[None, :, :] - target[:, None, :]).max(axis=2)
    return float(gap_target_set.min(axis=1).max())


def igd_plus(values_PM: npt.ArrayLike, target_PM: npt.ArrayLike, directions: Sequence[str]) -> float:
    """The mean distance from each target point to the region that the set dominates; 0 at best.

    Ishibuchi et al. 2015, doi:10.1007/978-3-319-15892-1_8. Scale the objectives first (`normalise`).
    """
    loss, target = _finite(losses(values_PM, directions)), _finite(losses(target_PM, directions))
    short = np.maximum(loss[None, :, :] - target[:, None, :], 0.0)
    return float(np.sqrt((short**2).sum(axis=2)).min(axis=1).mean())


def _finite(loss: Floats) -> Floats:
    kept = loss[np.isfinite(loss).all(axis=1)]
    if not len(kept):
        raise ValueError("a set without a finite point has no distance to another")
    return kept


def normalise(*sets_PM: npt.ArrayLike) -> list[Floats]:
    """The sets with each objective scaled to [0, 1] over the finite points of all of them; directions stay."""
    arrays = [np.asarray(values, dtype=np.float64) for values in sets_PM]
    joint = np.concatenate(arrays)
    joint = joint[np.isfinite(joint).all(axis=1)]
    if not len(joint):
        raise ValueError("no finite point to scale by")
    low, high = joint.min(axis=0), joint.max(axis=0)
    return [(values - low) / np.where(high > low, high - low, 1.0) for values in arrays]


def attainment(runs: Sequence[npt.ArrayLike], directions: Sequence[str], share: float = 0.5) -> Floats:
    """The corners of the surface that at least `share` of the runs attained; two objectives, float[P, 2].

    A run attains a point that one of its own is nowhere worse than. 0.5 is the median surface, 1/len(runs)
    the best, 1.0 the worst. Grunert da Fonseca, Fonseca & Hall 2001, doi:10.1007/3-540-44719-9_15. Empty
    where too few runs have points.
    """
    if len(directions) != 2:
        raise ValueError(f"attainment surfaces are drawn for two objectives, not {len(directions)}")
    if not 0 < share <= 1:
        raise ValueError(f"share {share} must lie above 0 and be at most 1")
    needed = max(1, int(np.ceil(share * len(runs) - 1e-9)))
    fronts = [loss[_minimal(loss)] for loss in (losses(run, directions) for run in runs)]
    firsts = np.unique(np.concatenate([front[:, 0] for front in fronts]))
    # best_RX: each run's least second loss among its points whose first loss is at most x.
    best_RX = np.array([[front[front[:, 0] <= x, 1].min(initial=np.inf) for x in firsts] for front in fronts])
    level_X = np.sort(best_RX, axis=0)[needed - 1] if len(firsts) else np.empty(0)
    surface = np.column_stack([firsts, level_X])
    return losses(surface[_minimal(surface)], directions)


def front_probability(
    values_PM: npt.ArrayLike,
    errors_PM: npt.ArrayLike,
    directions: Sequence[str],
    *,
    of_file_GPM: Floats | None = None,
    draws: int = 500,
    seed: int = 0,
) -> Floats:
    """How often each point is on the front when all values are drawn anew from their uncertainty. float[P].

    A bootstrap, ours: normal draws around the measured value with standard error `errors_PM` (0: exact), all
    independent. Students judged on the same cases err together, which makes their differences surer than that:
    where it is known what each of G test files adds to a value (0 over all of them), files are drawn with
    replacement, for all points at once.
    """
    loss = losses(values_PM, directions)
    errors = np.nan_to_num(np.asarray(errors_PM, dtype=np.float64)).reshape(loss.shape)
    generator: Any = np.random.default_rng(seed)
    hits = np.zeros(len(loss))
    for _ in range(draws):
        drawn = loss + errors * generator.standard_normal(loss.shape)
        if of_file_GPM is not None:
            files = len(of_file_GPM)
            often_G = generator.multinomial(files, np.full(files, 1 / files)).astype(np.float64)
            drawn += losses(np.tensordot(often_G, of_file_GPM, 1), directions)
            drawn = drawn.round(12)  # equal shares are to stay equal
        hits += _minimal(drawn)
    return hits / draws
