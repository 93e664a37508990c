"""Behaviour preservation in Java and C, shown by compiling and running, where the compilers are."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdray.metamorphic.transforms.registry import transforms_of
from tests.metamorphic.transforms.proof_curly import missing_tool, prove


@pytest.mark.parametrize("language", ["java", "c"])
def test_variants_of_own_programs_print_the_same(language: str, tmp_path: Path) -> None:
    tool = missing_tool(language)
    if tool is not None:
        pytest.skip(f"no {tool} on this machine")
    proof = prove(language, tmp_path)
    assert proof.changed == []
    assert proof.executed.keys() == {transform.name for transform in transforms_of(language)} | {"chain"}
