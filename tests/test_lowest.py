"""Every package that the project names has a range that can be tried from its lower end."""

import re

import pytest

from tests.lowest import constraints, requirements

INSIDES = ("ray", "optuna", "torch", "transformers", "tokenizers", "deepspeed", "tree-sitter", "typer")
"""Packages whose insides kdray touches, or whose minor versions take things away."""


def test_every_requirement_has_a_lower_bound():
    lines = constraints(requirements())
    assert len(lines) == len({name for name, _ in requirements()})
    assert all(re.fullmatch(r"[\w.-]+==[\d.]+", line) for line in lines)


@pytest.mark.parametrize("name", INSIDES)
def test_a_package_whose_insides_are_used_has_an_upper_bound(name):
    bounds = [bounds for found, bounds in requirements() if found == name]
    assert bounds
    assert all(re.search(r",<[\d.]+$", bound) for bound in bounds)


def test_a_package_without_a_lower_bound_is_named():
    with pytest.raises(AssertionError, match="anything<2"):
        constraints([("anything", "<2")])


def test_the_extras_ask_for_the_same_versions():
    assert len(set(requirements())) == len({name for name, _ in requirements()})
