"""Labelled code from every layout that is read."""

from __future__ import annotations

import gzip
import json

import pytest

from kdray.corpus.labelled import labelled_examples, read_labelled
from kdray.corpus.layouts import import_examples
from kdray.errors import DataError
from tests import labelled_world


def lines(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_big_clone_bench_as_codexglue_has_it(tmp_path):
    (tmp_path / "data.jsonl").write_text(
        lines({"idx": "7", "func": "int a;"}, {"idx": "8", "func": "int b;"})
    )
    (tmp_path / "train.txt").write_text("7\t8\t1\n8\t7\t0\n")
    (tmp_path / "test.txt").write_text("7\t7\t1\n")
    found = read_labelled(tmp_path)
    assert [(one.code, one.other, one.label, one.split) for one in found] == [
        ("int a;", "int b;", 1, "train"),
        ("int b;", "int a;", 0, "train"),
        ("int a;", "int a;", 1, "test"),
    ]
    assert {(one.task, one.language) for one in found} == {("clone", "java")}


def test_devign_as_it_is_published_and_as_codexglue_prepares_it(tmp_path):
    raw, prepared = tmp_path / "raw", tmp_path / "prepared"
    raw.mkdir()
    prepared.mkdir()
    functions = [{"project": "qemu", "func": f"int f{n};", "target": n % 2} for n in range(3)]
    (raw / "function.json").write_text(json.dumps(functions))
    (raw / "train.txt").write_text("0\n2\n")
    (raw / "test.txt").write_text("1\n")
    for split, rows in (("train", (0, 2)), ("test", (1,))):
        text = lines(*({**functions[row], "idx": row} for row in rows))
        (prepared / f"{split}.jsonl").write_text(text)
    assert read_labelled(raw) == read_labelled(prepared)
    assert [(one.id, one.label, one.split) for one in read_labelled(raw)] == [
        ("0", 0, "train"), ("2", 0, "train"), ("1", 1, "test"),
    ]  # fmt: skip
    assert {(one.task, one.language, one.group) for one in read_labelled(raw)} == {
        ("vulnerability", "c", "qemu")
    }


def test_devign_without_lists_beside_rows_or_broken_off_is_read_as_far_as_it_goes(tmp_path):
    functions = [{"func": f"int f{n};", "target": n % 2} for n in range(3)]
    (tmp_path / "function.json").write_text(json.dumps(functions))
    assert len(read_labelled(tmp_path)) == len(read_labelled(tmp_path / "function.json")) == 3
    (tmp_path / "train.txt").write_text("0\n2\n")
    (tmp_path / "train.jsonl").write_text(lines(functions[0], functions[2]))
    (tmp_path / "test.txt").write_text("")
    found = import_examples(tmp_path)
    assert [one.context for one in found.examples] == ["int f0;", "int f2;"]
    told = "; ".join(found.why.lines())
    assert "train.jsonl: a file that holds code beside lists" in told
    assert "test.txt: a file without a row" in told
    (tmp_path / "function.json").write_bytes(gzip.compress(lines(*functions * 99).encode())[:-12])
    found = import_examples(tmp_path)
    assert [one.context for one in found.examples] == ["int f0;", "int f2;"]
    assert "function.json: cannot be read" in "; ".join(found.why.lines())


def test_json_lines_of_pairs_and_of_functions(tmp_path):
    pairs, functions = tmp_path / "pairs.jsonl", tmp_path / "functions.jsonl.gz"
    pairs.write_text(lines({"code1": "a = 1", "code2": "b = 1", "label": 1, "language": "python"}))
    functions.write_bytes(gzip.compress(lines({"code": "int x;", "label": 0}).encode()))
    (pair,), (function,) = read_labelled(pairs), read_labelled(functions, language="java")
    assert (pair.task, pair.label, pair.language) == ("clone", 1, "python")
    assert (function.task, function.label, function.language) == ("vulnerability", 0, "java")


def test_pairs_beside_functions_bring_substitutes(tmp_path):
    (tmp_path / "functions.jsonl").write_text(
        lines({"id": "1", "code": "int a;"}, {"id": "2", "code": "int b;"})
    )
    of_another_row = {"b": None}
    pair = {"id1": "1", "id2": "2", "label": 0, "substitutes": {"a": ["x", "y"], **of_another_row}}
    (tmp_path / "pairs.jsonl").write_text(lines(pair))
    (found,) = read_labelled(tmp_path)
    assert found.substitutes == {"a": ["x", "y"]}
    assert (found.code, found.other) == ("int a;", "int b;")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.jsonl", "{\n", "line 1: not JSON"),
        ("a.jsonl", "[1]\n", "line 1: expected a JSON object"),
        ("a.jsonl", '{"label": 1}\n', "line 1: no code, expected one of code, func"),
        (
            "a.jsonl",
            '{"code": "x", "label": 1}\n{"code": "x", "label": 2}\n',
            "line 2: label '2', expected 0 or 1",
        ),
        ("a.jsonl.gz", "no gzip", "cannot be read"),
        ("a.jsonl", "", "a file without a row"),
    ],
)
def test_damage_is_named_with_its_line(tmp_path, name, text, said):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(DataError, match=said):
        read_labelled(path)


def test_what_is_not_utf_8_and_what_is_not_there_is_one_line(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"code": "\xff", "label": 1}\n')
    for bad in (path, tmp_path / "nothing.jsonl"):
        with pytest.raises(DataError, match="cannot be read") as told:
            read_labelled(bad)
        assert "\n" not in str(told.value)


def test_a_pair_of_an_unknown_function_is_named(tmp_path):
    (tmp_path / "data.jsonl").write_text(lines({"idx": "7", "func": "int a;"}))
    (tmp_path / "test.txt").write_text("7\t9\t1\n")
    with pytest.raises(DataError, match="line 1: no function '9'"):
        read_labelled(tmp_path)


def test_a_source_without_lists_is_split_by_project(tmp_path):
    path = tmp_path / "all.jsonl"
    path.write_text(lines(*({"code": f"int a{n};", "label": 0, "project": f"p{n % 40}"} for n in range(400))))
    found = labelled_examples(path)
    assert len({example.split for example in found}) > 1
    assert len({(example.group, example.split) for example in found}) == 40


def test_an_example_keeps_snippets_label_and_split(tmp_path):
    found = labelled_examples(labelled_world.write_pairs(tmp_path, count=20))
    assert {example.split for example in found} == {"train", "valid", "test"}
    assert {example.target for example in found} == {"0", "1"}
    assert all(example.context and example.focal for example in found)
    assert len({example.id for example in found}) == 20


NOTHING = [{}, {"func": None}, {"func": ""}, {"func": 7}, {"func": float("nan")}]


@pytest.mark.parametrize("nothing", NOTHING)
def test_a_row_without_code_is_left_out_in_every_layout(tmp_path, nothing):
    good, bad = {"func": "int a;", "target": 0}, {"target": 1, **nothing}
    for name in ("rows", "lists", "pairs"):
        (tmp_path / name).mkdir()
    (tmp_path / "rows" / "train.jsonl").write_text(lines(good, bad))
    (tmp_path / "lists" / "function.json").write_text(json.dumps([good, bad]))
    (tmp_path / "lists" / "train.txt").write_text("0\n1\n")
    data = [{"idx": 1, "func": "int a;"}, {"idx": 2, **nothing}, {"idx": 3, "func": "int c;"}]
    (tmp_path / "pairs" / "data.jsonl").write_text(lines(*data))
    (tmp_path / "pairs" / "train.txt").write_text("1\t3\t1\n1\t2\t0\n")
    for name in ("rows", "lists", "pairs"):
        found = import_examples(tmp_path / name)
        assert [one.context for one in found.examples] == ["int a;"]
        assert found.left_out >= 1
        assert any(word in " ".join(found.why.lines()) for word in ("line 2", "row 2"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"code2": None}, "no second snippet"),
        ({"code2": ""}, "no second snippet"),
        ({"code1": None}, "no code"),
        ({"label": None}, "no label"),
        ({"label": 7}, "label '7', expected 0 or 1"),
        ({"label": float("nan")}, "label 'nan'"),
        ({"language": "cobol"}, "language 'cobol'"),
        ({"substitutes": ["a"]}, "substitutes: expected an object"),
        ({"substitutes": {"a": "xy"}}, "substitutes: expected an object of lists"),
    ],
)
def test_a_pair_that_lacks_something_is_no_function_and_is_left_out(tmp_path, change, said):
    pair = {"code1": "int a;", "code2": "int b;", "label": 1, "idx": 5}
    (tmp_path / "train.jsonl").write_text(lines(pair, {**pair, "idx": 6, **change}))
    found = import_examples(tmp_path)
    assert [(one.context, one.focal) for one in found.examples] == [("int a;", "int b;")]
    assert said in found.why.lines()[0]
    assert "line 2" in found.why.lines()[0]


def test_null_columns_are_never_the_text_none(tmp_path):
    row = {"func": "int a;", "target": 1, "idx": None, "project": None, "language": None, "substitutes": None}
    other = {**row, "func": "int b;", "project": float("nan")}
    (tmp_path / "train.jsonl").write_text(lines(row, other))
    found = import_examples(tmp_path).examples
    assert len({one.group for one in found}) == 2
    assert {one.language for one in found} == {"c"}
    for one in found:
        assert not {"none", "nan", "null"} & {str(value).lower() for value in vars(one).values()}


def test_ids_of_numbers_in_a_table_are_whole_and_labels_may_be_truth_values(tmp_path):
    rows = [{"func": "int a;", "target": 1.0, "idx": 3.0}, {"func": "int b;", "target": False, "idx": 4.0}]
    (tmp_path / "train.jsonl").write_text(lines(*rows))
    assert [(one.test, one.target) for one in import_examples(tmp_path).examples] == [("3", "1"), ("4", "0")]


def test_an_id_of_two_codes_means_neither(tmp_path):
    (tmp_path / "data.jsonl").write_text(
        lines({"idx": 1, "func": "int a;"}, {"idx": 1, "func": "int b;"}, {"idx": 2, "func": "int c;"})
    )
    (tmp_path / "train.txt").write_text("1 2 1\n2 2 1\n")
    found = import_examples(tmp_path)
    assert [one.test for one in found.examples] == ["2 2"]
    assert "id '1' stands for another code as well" in " ".join(found.why.lines())


def test_splits_that_number_their_rows_from_0_share_no_id_and_no_group(tmp_path):
    for split in ("train", "dev", "testing"):
        rows = [{"func": f"int {split}{number};", "target": 0, "idx": number} for number in range(3)]
        (tmp_path / f"{split}.jsonl").write_text(lines(*rows))
    found = import_examples(tmp_path).examples
    assert [one.split for one in found] == ["train"] * 3 + ["valid"] * 3 + ["test"] * 3
    assert len({one.id for one in found}) == len({one.group for one in found}) == 9


@pytest.mark.parametrize("name", ["validation", "dev", "val", "valid", "eval", "Validation"])
@pytest.mark.parametrize("kind", ["rows", "pairs", "positions"])
def test_every_name_of_a_split_is_known_in_every_layout(tmp_path, name, kind):
    functions = [{"func": f"int a{number};", "target": 0, "idx": number} for number in range(4)]
    if kind == "rows":
        write = {"train.jsonl": lines(*functions[:2]), f"{name}.jsonl": lines(*functions[2:])}
    elif kind == "pairs":
        write = {
            "data.jsonl": lines(*functions),
            "train.txt": "0 1 1\n1 0 1\n",
            f"{name}.txt": "2 3 0\n3 2 0\n",
        }
    else:
        write = {"function.json": json.dumps(functions), "train.txt": "0\n1\n", f"{name}.txt": "2\n3\n"}
    for file, text in write.items():
        (tmp_path / file).write_text(text)
    found = import_examples(tmp_path)
    assert [one.split for one in found.examples] == ["train", "train", "valid", "valid"]
    assert found.left_out == 0


def test_what_belongs_to_no_split_is_said(tmp_path):
    row = {"func": "int a;", "target": 0}
    (tmp_path / "train.jsonl").write_text(lines(row))
    (tmp_path / "extra.jsonl").write_text(lines(row))
    found = import_examples(tmp_path)
    assert len(found.examples) == 1
    assert "extra.jsonl: a file that belongs to no split" in found.why.lines()[0]


def test_a_head_line_of_names_is_no_pair(tmp_path):
    (tmp_path / "functions.jsonl").write_text(lines({"id": 1, "code": "int a;"}, {"id": 2, "code": "int b;"}))
    (tmp_path / "train.tsv").write_text("id1\tid2\tlabel\n1\t2\t1\n")
    found = import_examples(tmp_path)
    assert (len(found.examples), found.left_out) == (1, 0)


@pytest.mark.parametrize("second", ["data.jsonl", "function.json", "functions.jsonl.gz"])
def test_lists_are_not_looked_up_in_the_functions_of_another_set(tmp_path, second):
    for folder, name in (("one", "data.jsonl"), ("two", second)):
        (tmp_path / folder).mkdir()
        rows = lines(*({"idx": str(n), "func": f"int {folder}{n};"} for n in range(2)))
        data = gzip.compress(rows.encode()) if name.endswith(".gz") else rows.encode()
        (tmp_path / folder / name).write_bytes(data)
        (tmp_path / folder / "train.txt").write_text("0\t1\t1\n")
    with pytest.raises(DataError, match=f"one/data.jsonl: .*two/{second} as well: import each set by itself"):
        import_examples(tmp_path)
    assert [one.context for one in import_examples(tmp_path / "one").examples] == ["int one0;"]


def test_code_of_another_kind_is_said_by_field_and_kind(tmp_path):
    rows = [{"func": {"0": "int a;"}, "target": 1}, {"func": 7, "target": 1}, {"func": "int a;", "target": 1}]
    (tmp_path / "train.jsonl").write_text(lines(*rows))
    found = import_examples(tmp_path)
    assert len(found.examples) == 1
    assert set(found.why.because()) == {"func: expected text, found dict", "func: expected text, found int"}
