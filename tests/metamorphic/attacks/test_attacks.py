"""Attacks on victims whose weakness is known."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pytest

from kdray.errors import ConfigError
from kdray.metamorphic.attacks.attack import ATTACKS, COMPOSING, Attacked, Item, attack
from kdray.metamorphic.attacks.identifiers import identifiers
from kdray.metamorphic.attacks.measure import damage, greater_drop, tokens_changed
from kdray.metamorphic.attacks.renaming import RENAMING
from kdray.metamorphic.attacks.victim import Query, by_class
from tests.metamorphic.transforms.programs import PYTHON, result_of
from tests.metamorphic.transforms.programs_curly import JAVA, C

CODE = """int f(int password, int limit) {
    int total = 0;
    for (int i = 0; i < limit; i++) { total += password; }
    return total;
}
"""
SUBSTITUTES = {"password": [" secret", "int", "token"], "limit": ["bound"]}
ITEM = Item(CODE, 1, "java", SUBSTITUTES)


class Spy:
    """A victim that is sure of label 1 as long as it sees a word, and counts what it is asked."""

    def __init__(self, word: str) -> None:
        self.word, self.asked, self.batches = word, [], 0  # type: ignore[var-annotated]

    def __call__(self, codes: Sequence[str]) -> np.ndarray:
        self.asked += codes
        self.batches += 1
        seen = np.array([len(re.findall(rf"\b{self.word}\b", code)) > 0 for code in codes])
        other = np.array([len(re.findall(r"\btotal\b", code)) > 0 for code in codes])
        truth = np.where(seen, 0.8 + 0.1 * other, 0.2)
        return np.stack([1 - truth, truth], 1)


@pytest.mark.parametrize("name", sorted(RENAMING))
def test_an_attack_finds_the_name_that_the_victim_hangs_on(name: str) -> None:
    victim = Spy("password")
    result = attack(name, victim, ITEM, seed=1)
    assert result.flipped
    assert "password" not in result.code
    assert result.num_identifiers == 4
    assert 1 <= result.renamed <= 4
    assert result.queries == len(set(victim.asked)) == len(victim.asked)
    assert victim.batches < len(victim.asked)


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_a_function_of_its_seed_and_keeps_to_its_budget(name: str) -> None:
    for budget in (1, 2, 7, 40):
        victim = Spy("return")
        result = attack(name, victim, ITEM, seed=3, budget=budget)
        assert not result.flipped
        assert result.code == CODE
        assert result.queries == len(victim.asked) <= budget
        assert attack(name, Spy("return"), ITEM, seed=3, budget=budget) == result


@pytest.mark.parametrize("name", ATTACKS)
def test_what_the_victim_has_wrong_is_not_attacked(name: str) -> None:
    assert attack(name, Spy("password"), Item(CODE, 0, "java")) == Attacked(False, 4, False, 1, CODE, 0)


@pytest.mark.parametrize("name", sorted(COMPOSING))
def test_compositions_flip_a_victim_that_looks_at_structure(name: str) -> None:
    result = attack(name, Spy("for"), ITEM, seed=0)
    assert result.flipped
    assert "while" in result.code
    assert name == "composition" or "password" in result.code


@pytest.mark.parametrize("name", ATTACKS)
def test_attacked_python_does_what_it_did(name: str) -> None:
    for text in PYTHON.values():
        pool = ["alpha", "beta", "gamma", "while", "len", "delta", "epsilon", "zeta"]
        substitutes = {"total": ["amount", "sum"], "first": ["initial"], "found": ["seen_all"]}
        last: list[str] = []

        def remember(codes: Sequence[str], last: list[str] = last) -> np.ndarray:
            last[:] = codes
            return np.tile([0.0, 1.0], (len(codes), 1))

        attack(name, remember, Item(text, 1, "python", substitutes), budget=60, pool=pool)
        tried = [code for code in last if "<unk>" not in code]
        assert tried
        for code in tried[-5:]:
            assert result_of(code) == result_of(text)


def test_identifiers_are_variables_that_certainly_are() -> None:
    assert set(identifiers("python", PYTHON["loops"]).places) == {"total", "i", "name", "k", "j"}
    assert "size" not in identifiers("java", JAVA["helpers"]).places
    assert {"count", "a", "b"} <= set(identifiers("java", JAVA["helpers"]).places)
    assert "size" not in identifiers("c", C["helpers"]).places
    assert identifiers("java", "not java (").places == {}


def test_a_substitute_that_the_code_or_the_language_has_is_not_taken() -> None:
    names = identifiers("java", CODE)
    assert names.free([" secret", "int", "limit", "two words", "secret", "3x", "ok"]) == ["secret", "ok"]


def test_code_that_was_asked_before_is_free() -> None:
    query = Query(by_class(Spy("a"), 1), budget=2)
    assert query(["a", "a", "b", "a", "c"]).flipped.tolist() == [False, False, True, False]
    assert query.count == 2
    assert query(["b"]).truth.tolist() == [0.2]
    assert len(query(["c"])) == 0


def test_damage_in_figures() -> None:
    items = [ITEM] * 4
    teacher = damage(
        items,
        [
            Attacked(True, 4, True, 10, CODE.replace("total", "x"), 1),
            Attacked(True, 4, False, 50, CODE, 0),
            Attacked(True, 4, False, 50, CODE, 0),
            Attacked(False, 4, False, 1, CODE, 0),
        ],
    )
    assert teacher.success_rate == pytest.approx(1 / 3)
    assert (teacher.clean_accuracy, teacher.attacked_accuracy) == (0.75, 0.5)
    assert teacher.queries == 10
    assert teacher.identifiers_changed == 0.25
    assert teacher.tokens_changed == pytest.approx(3 / len(re.findall(r"\w+|[^\s\w]", CODE)))
    student = damage(
        items, [Attacked(True, 4, True, 5, CODE, 1)] * 3 + [Attacked(True, 4, False, 9, CODE, 0)]
    )
    assert student.drop == pytest.approx(0.75)
    assert greater_drop(student, teacher) == pytest.approx((0.75 - 1 / 3) / (1 / 3))


def test_tokens_changed_looks_at_order() -> None:
    assert tokens_changed("a b c d", "a b c d") == 0
    assert tokens_changed("a b c d", "a x c d") == 0.25
    assert tokens_changed("", "a") == 0


def test_an_unknown_attack_gets_a_hint() -> None:
    with pytest.raises(ConfigError, match="did you mean 'wir_random'"):
        attack("wir-random", Spy("a"), ITEM)
