"""Behaviour preservation, shown by running variants of real test functions."""

from __future__ import annotations

import pytest

from tests.metamorphic.transforms.proof import prove, real_tests


@pytest.mark.parametrize(("package", "at_least"), [("networkx", 600), ("sympy", 300)])
def test_variants_of_real_tests_pass_like_their_originals(package: str, at_least: int) -> None:
    proof = prove(real_tests(package), at_least)
    assert proof.changed == []
    assert sum(proof.executed.values()) >= at_least
    assert len(proof.executed) >= 8, proof.executed
