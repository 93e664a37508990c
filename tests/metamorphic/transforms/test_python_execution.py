"""Behaviour preservation, shown by running variants of real test functions, 520 of them.

Transformations that flat tests rarely give a place to (branches, parameters) have their proof in `test_python.py`,
which runs each one on own programs.
"""

from __future__ import annotations

import pytest

from tests.metamorphic.transforms.proof import prove, real_tests


@pytest.mark.parametrize(("package", "functions"), [("networkx", 150), ("sympy", 60)])
def test_variants_of_real_tests_pass_like_their_originals(package: str, functions: int) -> None:
    proof = prove(real_tests(package), functions, each=2)
    assert proof.changed == []
    assert proof.functions == functions
    assert sum(proof.executed.values()) > 1.8 * functions
    assert len(proof.executed) >= 9, proof.executed
