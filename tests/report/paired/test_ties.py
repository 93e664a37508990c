"""Who can be told apart: letters, Holm's correction, and the sentence below the table."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kdray.report.front import front
from kdray.report.paired.reading import reading
from kdray.report.paired.ties import holm, letters, ties
from kdray.report.show import table_text
from tests.report.paired.made_up import BOTH, outcomes, record

CASES = 200
KEYS = [f"t{number}" for number in range(6)]


def students(*accuracies, alpha=(0.5, 0.0, 0.9), seed=0):
    rng = np.random.default_rng(seed)
    luck = rng.random(CASES)
    violated = rng.random(CASES) < 0.5
    rights = [luck < accuracy for accuracy in accuracies]
    return [
        record(n, right, range(CASES), violated, a)
        for n, (right, a) in enumerate(zip(rights, alpha, strict=False))
    ]


@given(st.sets(st.sampled_from([frozenset(pair) for pair in combinations(KEYS, 2)])))
def test_two_students_share_a_letter_just_where_they_are_not_apart(apart):
    found = letters(KEYS, [set(pair) for pair in apart])
    for one, other in combinations(KEYS, 2):
        assert bool(set(found[one]) & set(found[other])) == (frozenset({one, other}) not in apart)


def test_holm_rejects_as_he_says():
    assert holm([0.01, 0.04, 0.03, 0.005]) == [True, False, False, True]
    assert holm([]) == []


def test_a_student_that_is_far_better_is_told_apart_and_named():
    found = front(students(0.6, 0.3, 0.31), BOTH)
    told = ties(found)
    assert told.control == "t0001"
    assert told.letters == {"t0000": "a", "t0002": "b", "t0001": "b"}
    pair = told.between("t0001", "t0000", "assertion_accuracy")
    assert pair.sure and pair.difference.high < 0
    said = reading(found)
    assert "sure that t0000 has" in said and "more assertion accuracy than" in said
    assert "in metamorphic discrepancy nobody can be told from anybody" in said
    assert "the control t0001 (alpha 0) is told from t0000" in said
    assert "the cases they were chosen by" in said


def test_students_that_differ_by_luck_are_one_tie_and_the_reader_is_told():
    found = front(students(0.31, 0.3, 0.32), BOTH)
    assert set(ties(found).letters.values()) == {"a"}
    said = reading(found)
    assert "no difference between these 3 students is sure" in said
    assert "control t0001 (alpha 0) cannot be told from any of them" in said
    assert "the smallest that cannot be told from the knee t0002 is t0000, 1 K parameters" in said
    assert "tie" in table_text(found, found.candidates, {})


def test_claims_are_made_on_the_test_suite_where_it_judged_several():
    records = students(0.6, 0.3, 0.31)
    for trial, accuracy in zip(records[:2], (0.5, 0.5), strict=True):
        right = np.arange(CASES) < accuracy * CASES
        told = {"assertion_accuracy": accuracy, "metamorphic_discrepancy": 0.5}
        trial.test.update(told | {"outcomes": outcomes(right, range(CASES), right, of="unseen")})
    found = front(records, BOTH)
    assert ties(found, test=True).keys == ["t0000", "t0001"]
    assert reading(found).startswith(
        "Told apart on the test suite, case by case: no difference between these 2"
    )
    # Of those that it judged nothing else is claimed; of the third there is only what it was chosen by.
    assert "where they were chosen, sure that t0000 has" in reading(found)
    assert "than t0002" in reading(found) and "than t0001" not in reading(found)


def test_a_table_without_cases_says_nothing():
    records = students(0.6, 0.3)
    for trial in records:
        del trial.rungs[0]["outcomes"]
    found = front(records, BOTH)
    assert (ties(found).keys, reading(found)) == ([], "")
    assert " tie" not in table_text(found, found.candidates, {})
