"""Compressor's published students on real data: their published accuracies, and the table over all four."""

from __future__ import annotations

import pytest

from kdray.corpus.labelled import read_labelled
from kdray.evaluation.metrics import classification_metrics
from kdray.metamorphic.compare_models.pairs import compare_pairs, open_side
from kdray.metamorphic.compare_models.plan import Plan

pytestmark = pytest.mark.shared


@pytest.mark.slow
@pytest.mark.parametrize(
    ("student", "data", "accuracy"),
    [("codebert_clone_3mb", "clones/bcb", 0.955), ("codebert_vulnerability_3mb", "vulnerability", 0.5875)],
)
def test_a_published_student_scores_what_was_published(shared_data, student, data, accuracy):
    import numpy as np

    side = open_side(str(shared_data / "students" / f"{student}.safetensors"))
    cases = read_labelled(shared_data / data)
    assert len(cases) == 2000
    metrics = classification_metrics(
        side.ask([(case, case.code) for case in cases]), np.array([case.label for case in cases])
    )
    assert metrics["accuracy"] == pytest.approx(accuracy, abs=0.002)


def test_one_call_compares_all_four_and_attacks_with_the_substitutes_given(shared_data):
    names = [f"{m}_{t}_3mb" for t in ("clone", "vulnerability") for m in ("codebert", "graphcodebert")]
    models = [str(shared_data / "students" / f"{name}.safetensors") for name in names]
    data = [str(shared_data / folder) for folder in ("vulnerability", "clones/bcb")]
    plan = Plan(cases=8, variants=2, attacks=("alert",), items=2, budget=10)
    rows = compare_pairs(models, data, plan, both_ways=True)
    assert [(row.teacher, row.student) for row in rows] == [
        pair for i in (0, 2) for pair in ((names[i], names[i + 1]), (names[i + 1], names[i]))
    ]
    assert {row.technique for row in rows} == {"Compressor"}
    assert all(len([c for c in row.columns if not c.is_attack]) >= 8 for row in rows)
    assert all(row.duels[0].attack == "alert" for row in rows)
