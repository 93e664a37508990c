"""A choice among those that were trained again is made on the means of these trainings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kdray.config import Sweep, parse
from kdray.handover.choose import choose
from kdray.handover.provenance import of_sweep
from kdray.report import csv_table
from kdray.report.confirmed import asked, confirmed_table, planned, probable
from kdray.report.formats import summary
from kdray.report.front import front
from kdray.report.front_table import caption
from kdray.report.payload import payload
from kdray.report.show import table_text
from kdray.results import Experiment
from tests.report.paired.made_up import BOTH, record
from tests.world import sweep_data

CASES = 40
FILES = np.arange(CASES) // 4


def trial(number, right, violated, **more):
    """One that is right in the first cases, and violates the relation in the last."""
    hits = np.arange(CASES)
    found = record(number, hits < right, FILES, hits >= CASES - violated, **more)
    ends = {name: [found.metrics[name] - 0.1, found.metrics[name] + 0.1] for name in BOTH}
    return replace(found, overrides={"optim.lr": number}, rungs=({**found.metrics, "intervals": ends},))


SEARCHED = [trial(0, 20, 20), trial(1, 18, 22), trial(2, 2, 38), trial(3, 19, 19)]


def seeded(seed, *made, **more):
    found = trial(*made, **more)
    return replace(found, trial={**found.trial, "seed": seed})


AGAIN = [
    seeded(1, 4, 14, 24, confirms="t0000"),
    seeded(1, 5, 18, 20, confirms="t0001"),
    seeded(2, 6, 12, 26, confirms="t0000"),
    seeded(2, 7, 20, 18, confirms="t0001"),
]


def test_who_looked_best_once_is_not_chosen_where_the_means_say_another():
    before, after = front(SEARCHED, BOTH), front([*SEARCHED, *AGAIN], BOTH)
    assert before.candidates[before.knee].key == "t0000"
    assert after.candidates[after.knee].key == "t0001"
    assert [r.key for r in after.candidates] == [r.key for r in SEARCHED]
    assert (after.mask_P == before.mask_P).all()  # what the search measured stays what it was
    assert after.hypervolume == before.hypervolume


def test_export_chooses_by_the_means_too_and_by_a_count_among_all():
    sweep = type("Sweep", (), {"objectives": BOTH, "name": "made"})()
    made = Experiment("nowhere", sweep, [*SEARCHED, *AGAIN])
    assert choose(made, knee=True, on_disk=False).key == "t0001"
    assert choose(made, best="assertion_accuracy", on_disk=False).key == "t0001"
    assert choose(made, best="student_params", on_disk=False).key == "t0000"
    few = ["student_params >= 1002"]  # none of these was trained again
    assert choose(made, best="assertion_accuracy", where=few, on_disk=False).key == "t0003"
    # And the card says that of these alone which were chosen so.
    by_means = {
        (best, tuple(where)): bool(of_sweep(made, best, where)["confirmed"])
        for best in (None, "assertion_accuracy", "student_params")
        for where in ([], few)
    }
    assert [ways for ways, said in by_means.items() if said] == [(None, ()), ("assertion_accuracy", ())]
    assert of_sweep(made, None, few)["candidates"] == 2


def test_one_alone_that_was_trained_again_is_no_choice():
    found = front([*SEARCHED, AGAIN[0]], BOTH)
    assert found.again == {} and found.candidates[found.knee].key == "t0000"


def test_the_likeliest_are_those_that_the_cases_cannot_tell_from_the_front():
    found = front(SEARCHED, BOTH)
    assert {r.key for r in probable(found, 3)} <= {"t0000", "t0001", "t0003"}
    assert found.probability[2] == 0.0
    assert probable(front(SEARCHED[1:3], BOTH), 3) == []  # one is surely better: nothing to choose


def test_what_was_trained_again_for_another_front_chooses_nothing_on_this_one():
    """Of size too, or after a trial that beats them all: the knee is of the front that is shown."""
    records = [trial(8, 19, 21), trial(9, 30, 10), *SEARCHED, *AGAIN]
    beaten = front(records, BOTH)
    assert beaten.again == {} and beaten.candidates[beaten.knee].key == "t0009"
    small = [replace(r, rungs=({**r.metrics, "student_params": 9 - r.number},)) for r in SEARCHED]
    sized = front([*small, *AGAIN], {"student_params": "min"})
    assert sized.again == {} and sized.candidates[sized.knee].key == "t0003"


def test_who_is_alone_after_more_trials_is_trained_again_to_be_held_against_those_before():
    sweep = parse(
        Sweep, sweep_data(Path("x"), search={"trials": 5, "confirm": {"top": 2, "seeds": 2}}), "test"
    )
    later = [*SEARCHED, *AGAIN, trial(8, 39, 1)]
    assert planned(later, sweep) == [("t0008", 1), ("t0008", 2)]
    assert asked(later, sweep) == 5 + 4 + 2  # those of before, and those to come
    assert planned([*SEARCHED, trial(8, 39, 1)], sweep) == []


def test_settings_that_were_tried_twice_are_trained_again_once():
    twice = replace(trial(4, 20, 20), overrides=SEARCHED[0].overrides)
    assert [r.key for r in probable(front([*SEARCHED, twice], BOTH), 5)].count("t0000") == 1
    assert "t0004" not in [r.key for r in probable(front([*SEARCHED, twice], BOTH), 5)]


def test_students_of_the_same_cases_are_told_apart_better_than_by_their_intervals():
    """One is right wherever the other is and once more: on every draw of files it is at least as good."""
    found = front([trial(0, 20, 20), trial(1, 19, 20)], BOTH)
    assert found.probability[0] == 1.0
    alone = [
        replace(r, rungs=({k: v for k, v in r.metrics.items() if k != "outcomes"},)) for r in found.candidates
    ]
    assert front(alone, BOTH).probability[0] < 0.95


def test_the_table_shows_the_mean_beside_what_one_was_picked_by():
    records = [*SEARCHED, *AGAIN]
    found = front(records, BOTH)
    rows = {row[0]: list(row) for row in confirmed_table(found).rows}
    assert rows["t0000"][1] == "3" and rows["t0000"][2].startswith("0.383 [") and rows["t0000"][3] == "0.500"
    assert confirmed_table(front(SEARCHED, BOTH)) is None
    assert "(4 of them train others again)" in caption(found, records)
    assert "chosen by the means over 3 trainings each of t0000, t0001" in caption(found, records)
    assert "trained again" in table_text(found, records, {})
    told = summary(found, records)
    assert told["confirmed"]["t0001"]["trials"] == ["t0001", "t0005", "t0007"]
    assert told["confirmed"]["t0001"]["assertion_accuracy"]["mean"] == pytest.approx(56 / 120)


def test_a_table_that_is_read_again_chooses_the_same():
    records = [*SEARCHED, *AGAIN]
    again, _ = csv_table.parse(csv_table.to_csv(front(records, BOTH), records), "made.csv")
    assert [r.confirms for r in again] == [r.confirms for r in records]
    found = front(again, BOTH)
    assert found.candidates[found.knee].key == "t0001"


def test_the_page_says_why_a_trial_is_there_that_the_search_did_not_choose():
    sweep = parse(Sweep, sweep_data(Path("x")), "test")
    records = [*SEARCHED, *AGAIN]
    data = payload(Experiment("nowhere", sweep, records), front(records, BOTH))
    assert data["trials"]["reason"]["4"] == "trains t0000 again with seed 1"
    assert "chosen by the means over 3 trainings each" in data["note"]
    assert data["trials"]["rank"][4] is None and data["knee"] == 1
