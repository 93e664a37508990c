"""Random small programs in each language: no variant of them does anything else. `fuzz.py` goes on by the hour."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.metamorphic.transforms.fuzz import GRAMMARS, curly_faults, outcome, python_faults
from tests.metamorphic.transforms.grammar_python import Python
from tests.metamorphic.transforms.proof_curly import missing_tool

QUICK = {"deadline": None, "suppress_health_check": list(HealthCheck)}
drawn = st.randoms(use_true_random=False)


@settings(max_examples=50, **QUICK)  # type: ignore[arg-type]
@given(drawn)
def test_python_does_the_same(rng: random.Random) -> None:
    assert python_faults(Python(rng).program(), range(2), Counter()) == []


@pytest.mark.parametrize("language", sorted(GRAMMARS))
# Many programs are one example: they are compiled together, and shrinking would compile again and again.
@settings(max_examples=2, phases=[Phase.generate], **QUICK)  # type: ignore[arg-type]
@given(seed=st.integers(0, 2**32))
def test_java_and_c_do_the_same(language: str, seed: int) -> None:
    tool = missing_tool(language)
    if tool is not None:
        pytest.skip(f"no {tool} on this machine")
    rng, executed = random.Random(seed), Counter[str]()
    programs = [GRAMMARS[language](rng).program() for _ in range(12)]
    assert curly_faults(language, programs, range(2), executed) == []
    assert executed.total() > 100


def test_the_fuzz_test_would_notice() -> None:
    assert outcome("def f():\n    log.append('a')\n    return 1\n") != outcome("def f():\n    return 1\n")
    assert outcome("def f():\n    return a\n") != outcome("def f():\n    return b\n")
    assert outcome("def f(:\n") is None
