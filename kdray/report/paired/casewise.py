"""The difference of two students who answered the same cases, with a 95 % interval.

Both intervals of two students hold the luck of the cases, which is the same luck: their difference is far surer
than they say. Cases of one test file are alike, so files are what is drawn: the variance is the sum over files of
the squared sum of what each case adds to the difference (linearised where a metric is a mean of ratios, as the
discrepancy is), G / (G - 1) times; the quantile is Student's with G - 1 degrees of freedom. Source: the
cluster-robust variance of Liang and Zeger (1986, doi:10.1093/biomet/73.1.13); that it covers is measured in
`tests/benchmarks/honesty.py`.

It is of these two students. Another seed of the same settings is another student: `kdray compare --against` has
the seeds.

Shapes: C cases, V variants, R relations, G files.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kdray.results import TrialRecord

log = logging.getLogger(__name__)

Floats = NDArray[np.float64]
ACCURACY = ("assertion_accuracy", "accuracy")
DISCREPANCY = "metamorphic_discrepancy"
MEASURED = (*ACCURACY, DISCREPANCY)
"""Metrics that are known case by case."""


@dataclass(frozen=True)
class Casewise:
    """A metric of one student, and what each case adds to its distance from what it is on average.

    Attributes:
        of: fingerprint of the cases.
        value: the metric.
        adds_C: float64 [C], sums to 0.
        group_C: int64 [C], of which file each case is.
    """

    of: str
    value: float
    adds_C: Floats
    group_C: NDArray[np.int64]


@dataclass(frozen=True)
class Difference:
    """One student less another in a metric.

    Attributes:
        value: the difference.
        low, high: of its 95 % interval; NaN where there are fewer than two files.
        p: of the hypothesis that there is none; 1 where they never differ.
    """

    value: float
    low: float
    high: float
    p: float


def casewise(record: TrialRecord, metric: str, *, test: bool = False) -> Casewise | None:
    """A trial's metric case by case, where it was chosen or on the test suite.

    None where that is not known, and, which is said, where it is not what the metric was taken from.
    """
    outcomes = (record.test if test else record.metrics).get("outcomes")
    if not isinstance(outcomes, Mapping) or metric not in MEASURED:
        return None
    if metric not in (record.test if test else record.metrics):
        return None
    recorded = (record.test if test else record.metrics)[metric]
    try:
        group_C = np.array(outcomes["group"], np.int64)
        if not len(group_C) == len(outcomes["right"]) > 0 or group_C.min() < 0:
            raise ValueError(group_C.shape)
        value, adds_C = _accuracy(outcomes) if metric in ACCURACY else _discrepancy(outcomes)
        sound = len(adds_C) == len(group_C) and abs(value - recorded) < 1e-6
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
        sound = False
    if not sound:
        log.warning("%s: outcomes are not those of %s %s: not compared", record.key, metric, recorded)
        return None
    return Casewise(str(outcomes.get("of")), value, adds_C, group_C)


def difference(one: Casewise, other: Casewise) -> Difference:
    """`one` less `other`.

    Raises:
        ValueError: they answered other cases.
    """
    if one.of != other.of:
        raise ValueError(f"cases {one.of} and {other.of} are not the same")
    return _difference(one.value - other.value, one.adds_C - other.adds_C, one.group_C)


def _difference(value: float, adds_C: Floats, group_C: NDArray[np.int64]) -> Difference:
    from scipy.special import stdtr, stdtrit

    sums_G = np.bincount(group_C, adds_C)
    files = len(np.unique(group_C))
    if files < 2:
        return Difference(value, math.nan, math.nan, 1.0)
    error = math.sqrt(files / (files - 1) * float(sums_G @ sums_G))
    if error < 1e-12:
        return Difference(value, value, value, 1.0)
    half = float(stdtrit(files - 1, 0.975)) * error
    return Difference(value, value - half, value + half, 2 * float(stdtr(files - 1, -abs(value) / error)))


def _accuracy(outcomes: Mapping[str, Any]) -> tuple[float, Floats]:
    right_C = _hits(outcomes["right"])
    value = float(right_C.mean())
    return value, (right_C - value) / len(right_C)


def _discrepancy(outcomes: Mapping[str, Any]) -> tuple[float, Floats]:
    case_V, cases = np.array(outcomes["case"], np.int64), len(outcomes["right"])
    shares, adds_C = [], np.zeros(cases)
    for signs in outcomes["violated"].values():
        counted_V = np.frombuffer(signs.encode(), np.uint8) != ord("-")
        total = int(counted_V.sum())
        if total:
            share = float(_hits(signs).sum()) / total
            adds_C += np.bincount(case_V, (_hits(signs) - share * counted_V) / total, cases)
            shares.append(share)
    return float(np.mean(shares)), adds_C / len(shares)


def _hits(signs: str) -> Floats:
    hits_N: Floats = (np.frombuffer(signs.encode(), np.uint8) == ord("1")).astype(np.float64)
    return hits_N
