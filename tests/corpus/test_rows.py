"""Files of rows in every form that is read, and what is not read."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os

import pytest

from kdray.corpus import lines
from kdray.corpus.layouts import import_examples
from kdray.corpus.left_out import LeftOut
from kdray.corpus.rows import data_files, guarded, rows
from kdray.errors import DataError

ROWS = [{"func": f"int f{n}(void) {{ return {n}; }}", "target": n % 2, "idx": n} for n in range(5)]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)


def read(path):
    left_out = LeftOut()
    return [row for _, row in rows(path, left_out)], left_out


def table():
    import pyarrow as pa

    return pa.Table.from_pylist(ROWS)


def write_parquet(path):
    import pyarrow.parquet as pq

    pq.write_table(table(), path)


def compress_zstd(data):
    import pyarrow as pa

    packed = pa.BufferOutputStream()
    with pa.CompressedOutputStream(packed, "zstd") as stream:
        stream.write(data)
    return packed.getvalue().to_pybytes()


def write_zstd(path):
    path.write_bytes(compress_zstd(LINES.encode()))


def write_arrow(path, kind):
    import pyarrow as pa

    new = pa.ipc.new_stream if kind == "stream" else pa.ipc.new_file
    with pa.OSFile(str(path), "wb") as sink, new(sink, table().schema) as writer:
        writer.write_table(table(), max_chunksize=2)


FORMS = {
    "a.jsonl": lambda path: path.write_text(LINES),
    "a.json": lambda path: path.write_text(LINES),
    "a.ndjson": lambda path: path.write_text(LINES),
    "a.data": lambda path: path.write_text(LINES),
    "plain": lambda path: path.write_text(LINES),
    "marked.jsonl": lambda path: path.write_bytes(b"\xef\xbb\xbf" + LINES.encode()),
    "wide.jsonl": lambda path: path.write_bytes(LINES.encode("utf-16")),
    "list.json": lambda path: path.write_text(json.dumps(ROWS)),
    "list.jsonl": lambda path: path.write_text(json.dumps(ROWS, indent=2)),
    "wide.json": lambda path: path.write_bytes(json.dumps(ROWS).encode("utf-16")),
    "wider.txt": lambda path: path.write_bytes(LINES.encode("utf-32")),
    "wider.json": lambda path: path.write_bytes(json.dumps(ROWS).encode("utf-32")),
    "notice_board.jsonl": lambda path: path.write_text(LINES),
    "a.jsonl.gz": lambda path: path.write_bytes(gzip.compress(LINES.encode())),
    "a.jsonl.xz": lambda path: path.write_bytes(lzma.compress(LINES.encode())),
    "a.jsonl.bz2": lambda path: path.write_bytes(bz2.compress(LINES.encode())),
    "a.jsonl.zst": write_zstd,
    "no-ending": lambda path: path.write_bytes(gzip.compress(LINES.encode())),
    "a.parquet": write_parquet,
    "stream.arrow": lambda path: write_arrow(path, "stream"),
    "file.arrow": lambda path: write_arrow(path, "file"),
}


@pytest.mark.parametrize("name", FORMS)
def test_rows_are_read_in_every_form(tmp_path, name):
    FORMS[name](tmp_path / name)
    found, left_out = read(tmp_path / name)
    assert found == ROWS
    assert left_out.total == 0


@pytest.mark.parametrize("name", FORMS)
def test_a_damaged_file_costs_no_other_file(tmp_path, name):
    FORMS[name](tmp_path / name)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) * 2 // 3])
    (tmp_path / "train.jsonl").write_text(LINES)
    found = import_examples(tmp_path)
    assert len([one for one in found.examples if one.split == "train"]) == 5
    assert found.left_out >= 1
    assert name in " ".join(found.why.lines())


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, bz2.compress, compress_zstd])
def test_a_packed_file_that_breaks_off_gives_the_rows_before(tmp_path, pack):
    made = [{"func": f"int f{i}() {{ return {i * i * 7919}; }}", "target": i % 2} for i in range(24000)]
    data = pack("".join(json.dumps(row) + "\n" for row in made).encode())
    (tmp_path / "a.jsonl").write_bytes(data[:-30])
    path, left_out = tmp_path / "a.jsonl", LeftOut()
    found = [row for _, row in guarded(path, rows(path, left_out), left_out)]
    assert found == made[: len(found)]
    assert len(found) > len(made) // 4
    assert "cannot be read" in left_out.lines()[0]


def test_one_object_over_several_lines_is_one_row(tmp_path):
    (tmp_path / "one.json").write_text(json.dumps(ROWS[0], indent=1))
    assert read(tmp_path / "one.json")[0] == ROWS[:1]


def test_the_first_line_of_a_file_may_be_damaged(tmp_path):
    (tmp_path / "a.json").write_text('{"func": \n' + LINES)
    found, left_out = read(tmp_path / "a.json")
    assert found == ROWS
    assert "line 1: not JSON" in left_out.lines()[0]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not JSON"),
        ("[1]", "expected a JSON object"),
        ("null", "expected a JSON object"),
        ('{"func": "\\ud800"}', "half a surrogate pair"),
        ('{"\\udfff": 1}', "half a surrogate pair"),
        ('{"a": ["\\ud800"]}', "half a surrogate pair"),
        ('{"a": ' + "[" * 100_000 + "}", "nested too deeply"),
        ('{"a": ' + "[" * 600 + '"x"' + "]" * 600 + "}", None),
        (b'{"func": "caf\xe9"}', "no UTF-8"),
    ],
)
def test_a_line_that_is_no_row_is_counted_and_the_others_are_read(tmp_path, line, said):
    bad = line if isinstance(line, bytes) else line.encode()
    first, _, rest = LINES.encode().partition(b"\n")
    (tmp_path / "a.jsonl").write_bytes(first + b"\n" + bad + b"\n" + rest)
    found, left_out = read(tmp_path / "a.jsonl")
    assert [row for row in found if "func" in row] == ROWS
    if said:
        assert said in left_out.lines()[0]
        assert f"{tmp_path / 'a.jsonl'}: line 2" in left_out.lines()[0]


def test_a_packed_file_is_not_unpacked_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "MAX_BYTES", 100_000)
    (tmp_path / "a.jsonl.xz").write_bytes(lzma.compress(LINES.encode() + b"\n" * 10_000_000))
    with pytest.raises(DataError, match="more than 100,000 bytes"):
        read(tmp_path / "a.jsonl.xz")


def test_a_line_without_end_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 1000)
    (tmp_path / "a.jsonl").write_text(LINES + json.dumps({"func": "x" * 5000}) + "\n" + LINES)
    found, left_out = read(tmp_path / "a.jsonl")
    assert found == ROWS * 2
    assert "longer than 1,000 bytes" in left_out.lines()[0]


def test_what_datasets_saves_to_disk_is_read_and_its_caches_are_not(tmp_path):
    datasets = pytest.importorskip("datasets")
    whole = datasets.Dataset.from_list(ROWS)
    whole.map(lambda row: {**row, "func": "int cached;"}, cache_file_name=str(tmp_path / "cache.arrow"))
    datasets.DatasetDict({"train": whole, "validation": whole, "test": whole}).save_to_disk(tmp_path / "set")
    (tmp_path / "cache.arrow").rename(tmp_path / "set" / "train" / "cache-1.arrow")
    found = import_examples(tmp_path / "set")
    assert [one.split for one in found.examples] == ["train"] * 5 + ["valid"] * 5 + ["test"] * 5
    assert {one.context for one in found.examples} == {row["func"] for row in ROWS}
    assert found.left_out == 0


def test_a_list_of_files_that_leads_elsewhere_is_not_followed(tmp_path):
    (tmp_path / "set").mkdir()
    write_arrow(tmp_path / "outside.arrow", "stream")
    write_arrow(tmp_path / "set" / "data.arrow", "stream")
    (tmp_path / "set" / "state.json").write_text(
        json.dumps({"_data_files": [{"filename": "../outside.arrow"}, {"filename": "data.arrow"}]})
    )
    assert data_files(tmp_path / "set", LeftOut()) == [tmp_path / "set" / "data.arrow"]


def test_hidden_files_metadata_and_documents_are_ignored_and_archives_are_counted(tmp_path):
    (tmp_path / "train.jsonl").write_text(LINES)
    for name in ("._train.jsonl", ".cache.json", "dataset_info.json", "README.md", "LICENSE"):
        (tmp_path / name).write_text('{"a": 1}\n')
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "x.jsonl").write_text(LINES)
    (tmp_path / "more.tar.gz").write_bytes(b"")
    found = import_examples(tmp_path)
    assert len(found.examples) == 5
    assert [line.partition(", first")[0] for line in found.why.lines()] == ["left out 1"]
    assert "an archive of files" in found.why.lines()[0]


def test_pipes_links_to_nowhere_and_linked_folders_are_counted(tmp_path):
    os.mkfifo(tmp_path / "dev.jsonl")
    (tmp_path / "test.jsonl").symlink_to(tmp_path / "gone")
    (tmp_path / "more").symlink_to(tmp_path)
    (tmp_path / "train.jsonl").write_text(LINES)
    found = import_examples(tmp_path)
    assert len(found.examples) == 5
    told = [f"left out 2, first {tmp_path}/dev.jsonl: no file, or a link to none"]
    told += [f"left out 1, first {tmp_path}/more: a link to a folder, which is not followed"]
    assert found.why.lines() == told


def test_dates_that_python_does_not_know_cost_no_row(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    days = pa.array([10**8] * len(ROWS), pa.date32())
    about = pa.array([{"at": 2**62}] * len(ROWS), pa.struct([("at", pa.timestamp("us"))]))
    written = pa.Table.from_pylist(ROWS).append_column("day", days).append_column("about", about)
    pq.write_table(written, tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet")[0] == ROWS


def test_one_object_may_be_longer_than_a_line_of_many_may_be(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 100)
    (tmp_path / "train.json").write_text(json.dumps({"func": "int a;" + " " * 200, "target": 1}))
    assert len(read(tmp_path / "train.json")[0]) == 1
    (tmp_path / "train.jsonl").write_text(json.dumps({"func": "int a;" + " " * 200}) + "\n" + LINES)
    found, left_out = read(tmp_path / "train.jsonl")
    assert (len(found), left_out.total) == (5, 1)


def test_utf_16_without_a_mark_is_refused_rather_than_read_shifted_by_a_byte(tmp_path):
    text = "".join(json.dumps({"func": "int \u4e2d;", "target": 1}, ensure_ascii=False) + "\n" for _ in "abc")
    (tmp_path / "train.jsonl").write_bytes(text.encode("utf-16-le"))
    found, left_out = read(tmp_path / "train.jsonl")
    assert (found, left_out.total) == ([], 4)
    (tmp_path / "train.jsonl").write_bytes(text.encode("utf-16"))
    assert [row["func"] for row in read(tmp_path / "train.jsonl")[0]] == ["int \u4e2d;"] * 3
