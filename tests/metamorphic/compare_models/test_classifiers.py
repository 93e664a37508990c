"""Two classifiers beside each other, down to the table."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from kdray.corpus.labelled_row import Labelled
from kdray.errors import DataError
from kdray.metamorphic.compare_models.classifiers import compare_classifiers
from kdray.metamorphic.compare_models.material import material
from kdray.metamorphic.compare_models.pairs import compare_pairs, open_side
from kdray.metamorphic.compare_models.plan import Plan
from kdray.metamorphic.relations import RELATIONS
from kdray.metamorphic.transforms.registry import transforms_of
from kdray.students.load import load_model, load_tokenizer

PLAN = Plan(cases=12, variants=4, attacks=("wir_random", "composition"), items=4, budget=20)


@pytest.fixture(scope="module")
def student(vulnerability_world: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The teacher with its last weights made smaller: it is less sure of all."""
    folder = tmp_path_factory.mktemp("student")
    model = load_model(vulnerability_world / "teacher")
    model.classifier.out_proj.weight.data *= 0.4
    model.save_pretrained(folder)
    load_tokenizer(vulnerability_world / "teacher").save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def rows(vulnerability_world: Path, student: str):
    teacher, data = vulnerability_world / "teacher", vulnerability_world / "source"
    return compare_pairs([str(teacher), student], [str(data)], PLAN, both_ways=True)


def test_a_model_mimics_itself(vulnerability_world):
    teacher = str(vulnerability_world / "teacher")
    (row,) = compare_pairs([teacher, teacher], [str(vulnerability_world / "source")], PLAN)
    assert row.discrepancy == 0
    assert row.violating.hits == 0
    assert all(column.violating.hits == 0 for column in row.columns)
    for duel in row.duels:
        assert duel.teacher == duel.student
        assert duel.greater == 0 or math.isnan(duel.greater)
    assert row.worst == ()
    assert row.technique == "kdray"


def test_a_row_counts_every_variant_once(rows):
    row, _ = rows
    plain = [column for column in row.columns if not column.is_attack]
    assert sum(column.variants for column in plain) == row.variants
    assert {c.name for c in plain} <= {t.name for t in transforms_of("c")}
    assert all(column.variants <= PLAN.variants for column in plain)
    for relation in RELATIONS:
        assert sum(c.rates[relation].hits for c in plain) == row.rates[relation].hits
    assert sum(column.violating.hits for column in plain) == row.violating.hits
    assert row.cases == 12
    assert [column.name for column in row.columns if column.is_attack] == list(PLAN.attacks)


def test_the_other_way_round_the_symmetric_relations_stay(rows):
    row, back = rows
    assert (row.teacher, row.student) == (back.student, back.teacher)
    for relation in ("prediction_agreement", "distribution_similarity", "calibration_alignment"):
        assert row.rates[relation] == back.rates[relation]
    assert row.metrics["teacher"] == back.metrics["student"]
    for one, other in zip(row.duels, back.duels, strict=True):
        assert (one.teacher, one.student) == (other.student, other.teacher)


def test_a_disturbed_student_parts_from_its_teacher_and_the_worst_cases_say_where(rows):
    row, _ = rows
    assert row.discrepancy > 0.05
    assert 0 < len(row.worst) <= 20
    assert [case.severity for case in row.worst] == sorted((c.severity for c in row.worst), reverse=True)
    for case in row.worst:
        assert case.relations
        assert case.truth in ("vulnerable", "not vulnerable")
        assert re.fullmatch(r"(not )?vulnerable \(\d\.\d{3}\)", case.student)
        if case.diff:
            assert case.diff.startswith("@@")


def test_a_threshold_that_is_easier_to_pass_is_violated_no_more(rows):
    for relation, points in rows[0].curves.items():
        shares = [rate.share for _, rate in points if rate.total]
        if relation != "high_confidence_preservation":
            assert shares == sorted(shares, reverse=True)


def test_material_is_a_function_of_data_and_plan(vulnerability_world):
    from kdray.corpus.labelled import read_labelled

    data = read_labelled(vulnerability_world / "source")
    assert material(data, PLAN) == material(data, PLAN)
    assert material(data, PLAN) != material(data, Plan(cases=12, variants=4, seed=1))
    chosen = material(data, Plan(cases=12, variants=4, transforms=("rename_variable", "comments")))
    assert {name for _, name, _ in chosen.variants} == {"rename_variable", "comments"}
    with pytest.raises(DataError, match="no"):
        material([Labelled("1", "not code at all (", "", 0, "c")], PLAN)


def test_an_attack_is_made_once_for_a_model(vulnerability_world):
    from kdray.corpus.labelled import read_labelled

    side = open_side(str(vulnerability_world / "teacher"))
    inputs = material(read_labelled(vulnerability_world / "source"), PLAN)
    seen: list[tuple[int, int]] = []
    compare_classifiers(side, side, inputs, PLAN, lambda done, total: seen.append((done, total)))
    done, total = seen[-1]
    assert done == total
    seen.clear()
    compare_classifiers(side, side, inputs, PLAN, lambda done, total: seen.append((done, total)))
    assert seen == []
