import hashlib
import io
import json
import weakref
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kdray.corpus import spool, store
from kdray.corpus.example import Example
from kdray.corpus.sample import evenly_read
from kdray.corpus.store import Examples, corpus_manifest, examples_of, read_corpus, write_corpus
from kdray.errors import DataError


def examples(count: int) -> list[Example]:
    splits = ("train", "train", "valid", "train", "test")
    return [
        Example(
            f"{n:016x}", f"g{n // 7}", "java", f"T.t{n}", "f" * (n % 9), f"c{n} ü\n", f"{n}", splits[n % 5]
        )
        for n in range(count)
    ]


def at_once(given: list[Example], columns: list[str]) -> bytes:
    """The file of a corpus that is written in one piece."""
    buffer = io.BytesIO()
    table = pa.table({name: [getattr(one, name) for one in given] for name in columns})
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def test_a_corpus_that_passes_in_batches_has_the_bytes_of_one_written_at_once(tmp_path):
    given = examples(2 * store.ROWS + 905)
    given[-1] = replace(given[-1], repo="only the last one has a project")
    manifest = write_corpus(tmp_path, iter(given), ["x"])
    data = at_once(given, [*spool.FIELDS[:8], "repo"])
    assert (tmp_path / "examples.parquet").read_bytes() == data
    assert manifest == corpus_manifest(tmp_path)
    assert manifest["sha256"] == hashlib.sha256(data).hexdigest()
    assert manifest["groups"] == len({one.group for one in given})
    assert manifest["splits"] == {"test": 1000, "train": 3001, "valid": 1000}


def test_many_groups_of_rows_are_read_as_they_were_written_whole_by_split_and_by_number(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(store, "BATCHES_PER_GROUP", 1)
    monkeypatch.setattr(store, "ROWS", 37)
    monkeypatch.setattr(spool, "ROWS", 50)
    given = examples(423)
    write_corpus(tmp_path, given, ["x"])
    assert pq.ParquetFile(tmp_path / "examples.parquet").num_row_groups == 9
    assert read_corpus(tmp_path) == given
    train, found = [one for one in given if one.split == "train"], Examples(tmp_path, "train")
    assert list(found) == list(found) == train == read_corpus(tmp_path, "train")
    assert found.at([0, 5, 250, len(train) - 1]) == [train[0], train[5], train[250], train[-1]]
    assert evenly_read(str(tmp_path), "train", 3) == [train[i * len(train) // 3] for i in range(3)]
    named = [given[400].id, given[4].id, "none"]
    assert examples_of(tmp_path, named) == {one.id: one for one in (given[4], given[400])}


def test_of_what_is_written_and_read_a_batch_is_held(tmp_path, monkeypatch):
    monkeypatch.setattr(spool, "ROWS", 20)
    held, most = weakref.WeakSet(), 0

    def watched():
        nonlocal most
        for one in examples_one_by_one():
            held.add(one)
            most = max(most, len(held))
            yield one

    def examples_one_by_one():
        for n in range(400):
            yield replace(examples(1)[0], id=f"{n:016x}")

    write_corpus(tmp_path, watched(), ["x"])
    assert 20 <= most <= 42


def test_a_split_that_a_corpus_has_not_is_told(tmp_path):
    write_corpus(tmp_path, examples(3), ["x"])
    for ask in (lambda: list(Examples(tmp_path, "test")), lambda: evenly_read(str(tmp_path), "test", 3)):
        with pytest.raises(DataError, match="no examples in split 'test'"):
            ask()
    with pytest.raises(DataError, match=r"did you mean 'train'"):
        read_corpus(tmp_path, "trian")


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("left_out_because", None),
        ("left_out_because", {"no code": 3}),
        ("left_out_because", {"no code": {"count": "3", "first": "a"}}),
        ("splits", {"train": "3"}),
    ],
)
def test_a_damaged_count_of_a_manifest_is_one_line(tmp_path, name, damage):
    manifest = write_corpus(tmp_path, iter(examples(3)), ["x"])
    (tmp_path / "corpus.json").write_text(json.dumps(manifest | {name: damage}))
    with pytest.raises(DataError, match=rf"corpus\.json: damaged, {name} is "):
        corpus_manifest(tmp_path)
