import gc
import os
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdray.corpus.example import Example
from kdray.tasks import kept_rows
from kdray.tasks.kept_rows import KeptRows, encoded
from kdray.tasks.row import IGNORED, Row

IDS = st.lists(st.integers(0, 2**31 - 1), max_size=9)


def same(one: Row, other: Row) -> bool:
    both = (one.input_ids, other.input_ids), (one.labels, other.labels)
    return one.id == other.id and all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in both)


@given(st.lists(st.tuples(st.text("aü0", max_size=5), IDS, IDS), max_size=12), st.slices(12))
def test_rows_come_back_as_they_were_kept(parts, some):
    rows = [Row(name, *(np.array(ids, np.int32) for ids in both)) for name, *both in parts]
    with KeptRows(iter(rows)) as kept:
        assert len(kept) == len(rows)
        assert all(map(same, kept, rows))
        assert all(map(same, kept[some], rows[some]))
        assert kept.num_targets == sum(row.num_targets for row in rows)
        for row in kept[-1:]:
            row.labels[:] = IGNORED  # what is done to a row changes none that is read later
        assert all(map(same, kept, rows))


class Chained:
    """Encodes runs of a test's examples: what stands in a row depends on those before it."""

    def rows(self, examples):
        runs = {}
        for one in examples:
            runs.setdefault((one.group, one.test), []).append(one.id)
        return [Row(" ".join(ids), np.zeros(1, np.int32), np.zeros(1, np.int32)) for ids in runs.values()]


@given(st.lists(st.integers(1, 5), max_size=12), st.integers(1, 6))
def test_encoded_in_parts_no_test_is_torn(sizes, at_a_time):
    examples = [
        Example(f"{test}.{n}", f"g{test // 2}", "java", f"t{test}", "", "", "", "train")
        for test, size in enumerate(sizes)
        for n in range(size)
    ]
    before, kept_rows.EXAMPLES = kept_rows.EXAMPLES, at_a_time
    try:
        found = [row.id for row in encoded(Chained(), iter(examples))]
    finally:
        kept_rows.EXAMPLES = before
    assert found == [row.id for row in Chained().rows(examples)]


def test_rows_that_nobody_holds_any_more_close_their_file_without_a_warning():
    kept = KeptRows([])
    number = kept._file.fileno()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        del kept
        gc.collect()
    assert [str(one.message) for one in said if "unclosed" in str(one.message)] == []
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(number)
