"""Whether what a sweep says of itself is true: optimism, and how often its intervals hold the truth.

A simulated study whose truth is known. Students are rows of a table, the committed studies' (`sweeps/results`):
each one's accuracy and discrepancy there count as true. A sweep draws some of them and judges them on a valid
suite, whose cases come in test files: what a student does on a case is drawn so that cases, and files, are hard
or easy for everybody, and its shares are on average the table's. It takes the best in accuracy, and the knee. The
*old* way tells their figures on the cases they were chosen by; the *new* way on a test suite of the same size.

    optimism_old, optimism_new   by how much the best one's accuracy is told better than it is, [mean, half-width]
    coverage_accuracy            share of sweeps whose interval holds the best one's true accuracy, on test
    coverage_difference          the same of the accuracy of the best one less that of the control, on test
    coverage_discrepancy         and of their discrepancies
    coverage_wilson              the accuracy's, with an interval that forgets the files
    coverage_old                 the accuracy's, on the cases that chose
    lost_once, lost_confirmed    how far the chosen settings' true accuracy is below that of the best ones, where
                                 one training each chooses, and where the means over three of the likeliest do
    optimism_once, _confirmed    by how much what chose is better than the truth of these settings
    student_gained               true accuracy of the student that is shipped, by the second way less by the first

Of these, another training of the same settings differs in truth by a deviation of `SEED`. What is not
simulated: what a search learns from its noisy results.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtri

from kdray.evaluation.intervals import Z_95, clustered, wilson
from kdray.report import csv_table
from kdray.report.confirmed import probable
from kdray.report.front import complete, front, value
from kdray.report.paired.casewise import casewise, difference
from kdray.results import TrialRecord

RESULTS = Path(__file__).resolve().parents[2] / "sweeps" / "results"
TABLES = ("python-default-0", "python-random-0", "python-tpe-0", "python-size")
BOTH = {"assertion_accuracy": "max", "metamorphic_discrepancy": "min"}
ACCURACY, DISCREPANCY = BOTH
FILE, CASE = 0.1, 0.5
"""Shares of the variance of what decides a case that lie with its file, and with the case itself."""
SEED = 0.01
"""Deviation of the true accuracy, and discrepancy, over training seeds."""
TOP, SEEDS = 3, 2
COUNTED = (1.0, 1.0, 0.3, 1.0)
"""How often a relation counts: the third asks for a confident teacher."""


@dataclass(frozen=True)
class Suite:
    """Cases of which it is known how hard they are: float [1 + relations, cases], and of which file each is."""

    name: str
    hard_KC: np.ndarray[Any, np.dtype[np.float64]]
    group_C: np.ndarray[Any, np.dtype[np.int64]]
    counted_RC: np.ndarray[Any, np.dtype[np.bool_]]


def table() -> np.ndarray[Any, np.dtype[np.float64]]:
    """Accuracy and discrepancy of every complete trial of the studies, float [students, 2]."""
    records = [record for name in TABLES for record in csv_table.read(str(RESULTS / f"{name}.csv"))[0]]
    rows = [[value(record, name) for name in BOTH] for record in complete(records)]
    return np.clip(np.array(rows), 0.01, 0.99)


def suite(name: str, cases: int, files: int, rng: np.random.Generator) -> Suite:
    """Cases in files of unlike sizes."""
    group_C = np.sort(rng.choice(files, cases, p=rng.dirichlet(np.full(files, 3.0))))
    kinds = 1 + len(COUNTED)
    of_file_KF = rng.normal(size=(kinds, files)) * np.sqrt(FILE)
    hard_KC = of_file_KF[:, group_C] + rng.normal(size=(kinds, cases)) * np.sqrt(CASE)
    return Suite(name, hard_KC, group_C, rng.random((len(COUNTED), cases)) < np.array(COUNTED)[:, None])


def outcomes(true: Any, on: Suite, rng: np.random.Generator) -> dict[str, Any]:
    """What a student of this true accuracy and discrepancy does on a suite, as a trial records it."""
    accuracy, discrepancy = true
    shares_K1 = np.array([accuracy, *([discrepancy] * len(COUNTED))])[:, None]
    own_KC = rng.normal(size=on.hard_KC.shape) * np.sqrt(1 - FILE - CASE)
    happens_KC = on.hard_KC + own_KC < ndtri(shares_K1)
    rows_RC = np.where(on.counted_RC, np.where(happens_KC[1:], "1", "0"), "-")
    found = {
        "of": on.name,
        "right": "".join(np.where(happens_KC[0], "1", "0")),
        "group": on.group_C,
        "case": np.arange(len(on.group_C)),
        "violated": {f"r{number}": "".join(row) for number, row in enumerate(rows_RC)},
    }
    told = [hits[counted].mean() for hits, counted in zip(happens_KC[1:], on.counted_RC, strict=True)]
    return {ACCURACY: float(happens_KC[0].mean()), DISCREPANCY: float(np.mean(told)), "outcomes": found}


def one_sweep(
    truth: np.ndarray[Any, Any], trials: int, cases: int, files: int, rng: np.random.Generator
) -> dict[str, float]:
    """What a sweep says of the student that it chose, less the truth; and which intervals hold it."""
    drawn = truth[rng.choice(len(truth), trials, replace=False)]
    valid, test = (suite(name, cases, files, rng) for name in ("valid", "test"))
    records = [
        TrialRecord(f"t{n:04d}", n, "complete", {}, {}, ({"step": 1, **outcomes(true, valid, rng)},))
        for n, true in enumerate(drawn)
    ]
    found = front(records, BOTH)
    assert found.knee is not None
    best = max(records, key=lambda record: value(record, ACCURACY))
    marks: dict[str, float] = {}
    for way, chosen in (("best", best), ("knee", found.candidates[found.knee])):
        judged = replace(chosen, test=outcomes(drawn[chosen.number], test, rng))
        marks |= {f"{way}_{name}": mark for name, mark in _told(judged, drawn[chosen.number]).items()}
    control = records[0] if best.number else records[1]
    pair = [replace(record, test=outcomes(drawn[record.number], test, rng)) for record in (best, control)]
    for metric, at in ((ACCURACY, 0), (DISCREPANCY, 1)):
        gap = difference(*(casewise(record, metric, test=True) for record in pair))  # type: ignore[arg-type]
        true = drawn[best.number][at] - drawn[control.number][at]
        marks[f"covers_{metric}"] = float(gap.low <= true <= gap.high)
    return marks


def confirmed_sweep(
    truth: np.ndarray[Any, Any], trials: int, cases: int, files: int, rng: np.random.Generator
) -> dict[str, float]:
    """The best in accuracy, taken by one training of each and by the means over three of the likeliest."""
    drawn, valid = truth[rng.choice(len(truth), trials, replace=False)], suite("valid", cases, files, rng)

    def trained(number: int, setting: int, **more: Any) -> TrialRecord:
        own = np.clip(drawn[setting] + rng.normal(size=2) * SEED, 0.005, 0.995)
        measured = {"step": 1, **outcomes(own, valid, rng), "true": own[0]}
        ends = clustered(np.array(list(measured["outcomes"]["right"])) == "1", valid.group_C)
        return TrialRecord(
            f"t{number:04d}",
            number,
            "complete",
            {"setting": setting},
            {},
            ({**measured, "intervals": {ACCURACY: ends}},),
            **more,
        )

    records = [trained(number, number) for number in range(trials)]
    only = {ACCURACY: "max"}
    once = max(records, key=lambda record: value(record, ACCURACY))
    again = probable(front(records, only), TOP)
    records += [
        trained(trials + number, record.number, confirms=record.key)
        for number, record in enumerate(again * SEEDS)
    ]
    found = front(records, only)
    told = found.choosing(ACCURACY)
    chosen = max(told, key=lambda place: told[place])
    return {
        "lost_once": drawn[:, 0].max() - drawn[once.number][0],
        "lost_confirmed": drawn[:, 0].max() - drawn[chosen][0],
        "student_once": value(once, "true"),
        "student_confirmed": value(records[chosen], "true"),
        "optimism_once": value(once, ACCURACY) - drawn[once.number][0],
        "optimism_confirmed": told[chosen] - drawn[chosen][0],
    }


def _told(record: TrialRecord, true: Any) -> dict[str, float]:
    shares = {"old": record.metrics, "new": record.test}
    marks = {way: metrics[ACCURACY] - true[0] for way, metrics in shares.items()}
    marks |= {f"{way}_discrepancy": true[1] - metrics[DISCREPANCY] for way, metrics in shares.items()}
    for way, metrics in shares.items():
        right_C = np.array(list(metrics["outcomes"]["right"])) == "1"
        low, high = clustered(right_C, np.array(metrics["outcomes"]["group"]))
        plain_low, plain_high = wilson(int(right_C.sum()), len(right_C))
        marks[f"{way}_covers"] = float(low <= true[0] <= high)
        marks[f"{way}_covers_plain"] = float(plain_low <= true[0] <= plain_high)
    return marks


def mean(values: list[float]) -> list[float]:
    """Mean and half-width of its 95 % interval."""
    return [float(np.mean(values)), Z_95 * float(np.std(values, ddof=1)) / float(np.sqrt(len(values)))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="100 sweeps instead of 1,000")
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--cases", type=int, default=400)
    parser.add_argument("--files", type=int, default=100)
    given = parser.parse_args()
    truth, rng = table(), np.random.default_rng(0)
    sweeps = 100 if given.quick else 1000
    all_marks = [one_sweep(truth, given.trials, given.cases, given.files, rng) for _ in range(sweeps)]
    found = {name: mean([marks[name] for marks in all_marks]) for name in all_marks[0]}
    print(
        f"{sweeps:,} sweeps of {given.trials} of {len(truth)} students, {given.cases} cases in {given.files} files"
    )
    twice = [confirmed_sweep(truth, given.trials, given.cases, given.files, rng) for _ in range(sweeps // 4)]
    found |= {name: mean([marks[name] for marks in twice]) for name in twice[0]}
    gained = mean([marks["student_confirmed"] - marks["student_once"] for marks in twice])
    found["student_gained"] = gained
    for name, (middle, half) in found.items():
        print(f"{name:<32}{middle:+.4f} +- {half:.4f}")
    answer = {
        "optimism_old": found["best_old"],
        "optimism_new": found["best_new"],
        "optimism_knee_old": found["knee_old"],
        "optimism_knee_new": found["knee_new"],
        "optimism_knee_discrepancy_old": found["knee_old_discrepancy"],
        "optimism_knee_discrepancy_new": found["knee_new_discrepancy"],
        "coverage_accuracy": found["best_new_covers"][0],
        "coverage_wilson": found["best_new_covers_plain"][0],
        "coverage_old": found["best_old_covers"][0],
        "coverage_difference": found[f"covers_{ACCURACY}"][0],
        "coverage_discrepancy": found[f"covers_{DISCREPANCY}"][0],
        **{
            name: found[name]
            for name in (
                "lost_once",
                "lost_confirmed",
                "optimism_once",
                "optimism_confirmed",
                "student_gained",
            )
        },
        "sweeps": sweeps,
        **({"quick": True} if given.quick else {}),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
