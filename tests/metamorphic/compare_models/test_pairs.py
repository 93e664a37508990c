"""Which models and data fit each other, and what a user is told where they do not."""

from __future__ import annotations

import pytest

from kdray.errors import ConfigError, DataError
from kdray.metamorphic.compare_models.pairs import compare_pairs, open_side
from kdray.metamorphic.compare_models.plan import Plan

PLAN = Plan(cases=12, variants=4, attacks=("wir_random", "composition"), items=4, budget=20)


@pytest.mark.parametrize(
    ("models", "data", "said"),
    [
        (["vulnerability", "clone"], ["vulnerability"], "a teacher and its student have one task"),
        (["clone", "clone"], ["vulnerability"], "--data: nothing for clone"),
        (["clone", "clone"], [], "none given"),
        (["clone"], ["clone"], "models come in pairs"),
    ],
)
def test_what_does_not_belong_together_is_told(vulnerability_world, clone_world, models, data, said):
    worlds = {"vulnerability": vulnerability_world, "clone": clone_world}
    with pytest.raises(ConfigError, match=said):
        compare_pairs(
            [str(worlds[name] / "teacher") for name in models],
            [str(worlds[name] / "source") for name in data],
            PLAN,
        )


def test_a_corpus_of_assertions_is_none_of_classes(vulnerability_world, small_world):
    teacher = str(vulnerability_world / "teacher")
    with pytest.raises(ConfigError, match=r"corpus is for assertion\)"):
        compare_pairs([teacher, teacher], [str(small_world / "corpus")], PLAN)


def test_a_corpus_of_classes_is_none_of_assertions(vulnerability_world, small_world):
    teacher = str(small_world / "teacher")
    with pytest.raises(ConfigError, match="teacher writes assertions, which takes a corpus of them"):
        compare_pairs([teacher, teacher], [str(vulnerability_world / "corpus")], PLAN)


def test_an_unknown_attack_gets_a_hint(vulnerability_world):
    teacher = str(vulnerability_world / "teacher")
    with pytest.raises(ConfigError, match="did you mean 'alert'"):
        compare_pairs([teacher, teacher], [], Plan(attacks=("allert",)))


def test_a_corpus_serves_as_data_too(clone_world):
    teacher = str(clone_world / "teacher")
    (row,) = compare_pairs([teacher, teacher], [str(clone_world / "corpus")], Plan(cases=4, variants=2))
    assert row.task == "clone"


def test_a_published_student_needs_its_tokenizer_beside_it(tmp_path):
    from tests.students.test_classifier import model, published

    published(tmp_path / "a.safetensors", model(snippets=2), "encoder.", "classifier.")
    with pytest.raises(DataError, match=r"BPE_1000_clone_detection\.json must lie beside it"):
        open_side(str(tmp_path / "a.safetensors"))
