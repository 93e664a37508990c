"""Spaces as genes: rows that others wrote down, and rows of our own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdray.errors import ConfigError, DataError
from tests.search.techniques.simulated import genes, make

ROW = {
    "student.tokenizer": "bpe", "student.vocab": 3000, "student.layers": 2, "student.hidden": 60,
    "student.heads": 12, "student.dropout": 0.2,
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"student.heads": 13}, r"row 3: gene 'student.heads' 13 lies outside 1..12"),
        ({"student.dropout": 0.6}, r"row 3: gene 'student.dropout' 0.6 lies outside 0.2, 0.3"),
        ({"student.tokenizer": "BPE"}, r"row 3: gene 'student.tokenizer' 'BPE' lies outside bpe, wordpiece"),
        ({"student.hidden": 16}, r"row 3: .*heads 12 must divide hidden 16"),
        ({"student.head": 4}, r"row 3: unknown gene 'student.head', did you mean 'student.heads'"),
    ],
)
def test_a_row_outside_the_space_is_refused_with_its_gene(change: dict[str, Any], told: str) -> None:
    with pytest.raises(DataError, match=told):
        genes(make("morph", 8)).check({**ROW, **change}, "row 3")


def test_a_row_that_lacks_a_gene_is_refused() -> None:
    short = {path: value for path, value in ROW.items() if path != "student.layers"}
    with pytest.raises(DataError, match=r"gene 'student.layers' is missing"):
        genes(make("morph", 8)).check(short, "row 1")


def test_a_row_inside_the_space_is_taken_as_it_is() -> None:
    there = genes(make("morph", 8))
    assert there.check(ROW, "row 1") == ROW
    assert there.point(there.rows([ROW])[0]) == ROW


def test_a_gene_needs_a_list_of_values() -> None:
    with pytest.raises(ConfigError, match=r"space.distil.alpha: a gene has a list of values: give it a step"):
        genes(make("morph", 8, only={"distil.alpha": {"range": [0.0, 1.0]}}))


@given(st.integers(0, 2**32 - 1))
def test_repair_leaves_heads_that_divide_the_width_and_changes_nothing_else(seed: int) -> None:
    there = genes(make("morph", 8))
    rng = np.random.default_rng(seed)
    rows_CG = np.stack([rng.integers(0, size, 32) for size in there.sizes_G], axis=1)
    repaired_CG = there.repaired(rows_CG)
    widths_C, heads_C = (there.values(f"student.{name}", repaired_CG) for name in ("hidden", "heads"))
    assert not (widths_C % heads_C).any()
    assert ((repaired_CG != rows_CG).sum(axis=0) > 0).sum() <= 1
    assert (there.repaired(repaired_CG) == repaired_CG).all()


def test_repair_takes_the_nearest_multiple() -> None:
    there = genes(make("morph", 8, only={"student.hidden": [48, 56, 60, 96], "student.heads": [4, 8, 12]}))
    row = there.rows([{"student.hidden": 56, "student.heads": 12}])
    assert there.point(there.repaired(row)[0]) == {"student.hidden": 60, "student.heads": 12}


def test_drawn_rows_may_be_trained_and_keep_to_what_is_left() -> None:
    there = genes(make("morph", 8))
    left = [np.arange(size) for size in there.sizes_G]
    left[1] = left[1][:3]
    rows_CG = there.draw(np.random.default_rng(0), 64, left)
    assert rows_CG.shape == (64, 6)
    assert all(there.allowed(row_G) for row_G in rows_CG)
    assert set(there.values("student.vocab", rows_CG)) == {1000, 2000, 3000}
