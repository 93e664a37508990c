from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kdray.metamorphic.relations import RELATIONS, Answers, Thresholds, classified, jsd_bits, violations


def answers(**changed: float) -> Answers:
    values = {
        "agrees": 1,
        "divergence": 0,
        "teacher_confidence": 0.95,
        "student_confidence": 0.95,
        "student_on_teacher": 0.95,
    }
    arrays = {name: np.array([value], float) for name, value in (values | changed).items()}
    return Answers(**(arrays | {"agrees": arrays["agrees"].astype(bool)}))  # type: ignore[arg-type]


def violated(**changed: float) -> set[str]:
    found = violations(answers(**changed), Thresholds())
    return {name for name in RELATIONS if found[name].violated[0]}


def test_a_student_that_answers_like_its_teacher_violates_nothing() -> None:
    assert violated() == set()


def test_each_relation_is_violated_by_what_it_is_about() -> None:
    assert violated(agrees=0) == {"prediction_agreement", "high_confidence_preservation"}
    assert violated(divergence=0.11) == {"distribution_similarity"}
    assert violated(student_on_teacher=0.89) == {"high_confidence_preservation"}
    assert violated(student_confidence=0.84) == {"calibration_alignment"}


def test_a_difference_at_the_threshold_is_no_violation() -> None:
    assert violated(divergence=0.1, student_on_teacher=0.9, teacher_confidence=0.9) == set()


def test_confidence_is_only_asked_of_the_student_where_the_teacher_has_it() -> None:
    found = violations(answers(teacher_confidence=0.89, agrees=0), Thresholds())[
        "high_confidence_preservation"
    ]
    assert not found.counted[0]
    assert not found.violated[0]


def test_jsd_of_known_distributions() -> None:
    assert jsd_bits(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])) == pytest.approx([1.0])
    assert jsd_bits(np.array([[0.3, 0.7]]), np.array([[0.3, 0.7]])) == pytest.approx([0.0])
    expected = 0.5 * math.log2(4 / 3) + 0.25 * math.log2(2 / 3) + 0.25 * math.log2(2)
    assert jsd_bits(np.array([[1.0, 0.0]]), np.array([[0.5, 0.5]])) == pytest.approx([expected])


positive = hnp.arrays(np.float64, (3, 5), elements=st.floats(0, 1)).filter(
    lambda a: bool((a.sum(1) > 1e-3).all())
)


@given(positive, positive)
def test_jsd_is_symmetric_between_0_and_1_and_shrinks_when_classes_are_merged(
    p: np.ndarray, q: np.ndarray
) -> None:
    p, q = p / p.sum(1, keepdims=True), q / q.sum(1, keepdims=True)
    value = jsd_bits(p, q)
    np.testing.assert_allclose(value, jsd_bits(q, p), atol=1e-12)
    assert ((value >= 0) & (value <= 1)).all()
    merged = jsd_bits(np.add.reduceat(p, [0, 1, 3], 1), np.add.reduceat(q, [0, 1, 3], 1))
    assert (merged <= value + 1e-9).all()


def test_two_classifiers_are_compared_by_their_probabilities() -> None:
    found = classified(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([[0.6, 0.4], [0.7, 0.3]]))
    assert found.agrees.tolist() == [True, False]
    assert found.teacher_confidence.tolist() == [0.9, 0.8]
    assert found.student_confidence.tolist() == [0.6, 0.7]
    assert found.student_on_teacher.tolist() == [0.6, 0.3]
    with pytest.raises(ValueError, match="same shape"):
        classified(np.ones((2, 2)), np.ones((3, 2)))
