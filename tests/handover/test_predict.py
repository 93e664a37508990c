"""Ranked assertions with the confidence that evaluation speaks of."""

from __future__ import annotations

import io
import json

import pytest
import torch

from kdray.errors import ConfigError
from kdray.evaluation.generate import greedy
from kdray.handover import onnx
from kdray.handover.asked import Asked, predict_source, source_text
from kdray.handover.opened import opened
from kdray.handover.placeholder import example
from kdray.handover.predict import Candidate, is_statement, predict
from kdray.handover.torch_writer import TorchWriter
from kdray.students.load import load_model
from kdray.tasks import task_of
from tests.handover.test_placeholder import JAVA
from tests.test_cli import run

PYTHON = """\
def test_area_0():
    left = 3
    right = 4
    result = area(left, right)
    <ASSERT>
"""


@pytest.fixture(scope="module")
def student(small_world):
    return opened(str(small_world / "teacher"))


@pytest.mark.parametrize(("source", "path"), [(PYTHON, "test_shop.py"), (JAVA, "CartTest.java")])
def test_candidates_are_distinct_ranked_and_no_more_than_asked(student, source, path):
    found = predict(student.writer, student.task, example(source, path), 4)
    assert 1 <= len(found) <= 4
    assert len({one.assertion for one in found}) == len(found)
    assert found == sorted(found, key=lambda one: (not one.parses, -one.confidence))
    assert all(0 < one.probability <= one.confidence <= 1 for one in found)


def test_the_confidence_is_the_one_that_evaluation_gives(student, small_world):
    task, model = student.task, load_model(small_world / "teacher")
    one = example(PYTHON, "test_shop.py")
    (alone,) = greedy(
        model, [task.prompt(one)], end_id=task.end_id, pad_id=task.pad_id,
        max_new_tokens=task.max_target, batch_size=1,
    )  # fmt: skip
    (first,) = predict(student.writer, task, one, 1)
    assert first.assertion == task.decode(alone.ids)
    assert first.confidence == pytest.approx(alone.confidence, rel=1e-4)


def test_an_encoder_decoder_is_asked_in_the_same_way(student):
    from kdray.config import Encoding, T5Student
    from kdray.students.families import build

    llama = student.task
    shape = {
        "encoder_layers": 1,
        "decoder_layers": 1,
        "hidden": 16,
        "heads": 2,
        "head_dim": 8,
        "feed_forward": 24,
    }
    torch.manual_seed(3)
    model = build(T5Student(family="t5", **shape), 400, pad_id=llama.pad_id, end_id=llama.end_id).eval()
    task = task_of("assertion", llama.tokenizer, True, Encoding(max_target=6))
    one = example(PYTHON, "test_shop.py")
    (alone,) = greedy(
        model, [task.prompt(one)], end_id=task.end_id, pad_id=task.pad_id,
        max_new_tokens=6, batch_size=1, vocab=task.vocab,
    )  # fmt: skip
    writer = TorchWriter(model, task.pad_id)
    found = predict(writer, task, one, 1)
    assert [(c.assertion, c.confidence) for c in found] == [
        (task.decode(alone.ids), pytest.approx(alone.confidence, rel=1e-4))
    ]
    assert 1 <= len(predict(writer, task, one, 3)) <= 3


def test_none_asked_for_is_refused(student):
    with pytest.raises(ConfigError, match="at least 1"):
        predict(student.writer, student.task, example(PYTHON, ""), 0)


def test_on_the_command_line_a_file_or_standard_input_gives_the_same(
    monkeypatch, capsys, tmp_path, small_world
):
    path = tmp_path / "test_shop.py"
    path.write_text(PYTHON)
    code, out, err = run(monkeypatch, capsys, "predict", small_world / "teacher", path, "--json")
    assert code == 0, err
    found = json.loads(out)
    assert set(found[0]) == {"line", "indent", "assertion", "confidence", "probability", "parses"}
    assert {(one["line"], one["indent"]) for one in found} == {(5, "    ")}
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(PYTHON.encode())))
    code, out, _ = run(monkeypatch, capsys, "predict", small_world / "teacher", "--count", "2")
    assert code == 0
    assert len(out.splitlines()) <= 2
    code, _, err = run(monkeypatch, capsys, "predict", small_world / "teacher", tmp_path / "none.py")
    assert code == 2
    assert err.count("\n") == 1


def test_on_the_command_line_a_student_is_shipped_and_described(monkeypatch, capsys, tmp_path, shipped_from):
    runs, out = shipped_from.parent, tmp_path / "out"
    code, shown, err = run(
        monkeypatch,
        capsys,
        "export",
        "toy",
        "--best",
        "assertion_accuracy",
        "--max-params",
        "1",
        out,
        "--runs",
        runs,
    )
    assert code == 2
    assert "keeps the filters" in err
    code, shown, err = run(monkeypatch, capsys, "export", "toy", "t0000", out, "--runs", runs)
    assert code == 0, err
    assert "statement in README.md" in shown
    if not onnx.missing():  # where it can be had, it is what is asked
        assert (out / "onnx" / "graph.json").is_file()
    code, _, err = run(
        monkeypatch, capsys, "export", "toy", "t0000", "o", "--no-onnx", "--int8", "--runs", runs
    )
    assert (code, err.count("\n")) == (2, 1)
    code, shown, err = run(monkeypatch, capsys, "predict", out, tmp_path / "none.py")
    assert code == 2
    code, _, err = run(monkeypatch, capsys, "export", "toy", "t0000", "t0001", out, "--runs", runs)
    assert code == 2
    assert "name one trial and one folder" in err
    code, _, err = run(monkeypatch, capsys, "export", "toy", "t0000", "--runs", runs)
    assert (code, err.count("\n")) == (2, 1) and "t0000 of which trial?" in err


@pytest.mark.parametrize(
    ("student", "said"),
    [
        ("demo", "demo is a sweep and no student: kdray export demo --knee FOLDER writes one"),
        ("runs/demo", "runs/demo is a sweep and no student"),
        ("shiped", "writes one), did you mean 'shipped'?"),
        ("./out/of/sight", "no student './out/of/sight': no such folder here"),
        ("kdray:pyton", "did you mean 'kdray:python'?"),
        ("somebody/model", "no such folder here, and of the model hub"),
    ],
)
def test_what_is_no_student_is_told_by_what_it_is(monkeypatch, capsys, tmp_path, student, said):
    monkeypatch.chdir(tmp_path)
    for file in ("runs/demo/sweep.yaml", "shipped/kdray.json"):
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).write_text("{}")
    (tmp_path / "test_shop.py").write_text(PYTHON)
    code, out, err = run(monkeypatch, capsys, "predict", student, "test_shop.py")
    assert (code, out, err.count("\n")) == (3 if "/model" in student else 2, "", 1)
    assert said in err


def test_bytes_are_read_as_their_language_says(tmp_path):
    cookie = tmp_path / "test_q.py"
    cookie.write_bytes(
        "# -*- coding: latin-1 -*-\ndef test_q():\n    q = 'é'\n    <ASSERT>\n".encode("latin-1")
    )
    assert "q = 'é'" in source_text(str(cookie))
    (tmp_path / "test_b.py").write_bytes(b"# -*- coding: utf-8 -*-\nq = '\xff'\n")
    with pytest.raises(ConfigError, match=r"test_b\.py: encoding: no utf-8"):
        source_text(str(tmp_path / "test_b.py"))
    with pytest.raises(ConfigError, match=r"test_none\.py: cannot be read"):
        source_text(str(tmp_path / "test_none.py"))


def test_standard_input_is_read_as_a_file_is(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a\r\nb\r")))
    assert source_text("-") == "a\nb\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"# \xe9\n")))
    with pytest.raises(ConfigError, match="standard input: encoding"):
        source_text("-")


def test_a_file_that_has_changed_meanwhile_is_left_alone(monkeypatch, tmp_path, small_world):
    path = tmp_path / "test_shop.py"
    path.write_text(changed := "import shop\n" + PYTHON)
    with pytest.raises(ConfigError, match="has changed since it was read"):
        predict_source(str(small_world / "teacher"), PYTHON, str(path), Asked(count=1, apply=True))
    assert path.read_text() == changed


@pytest.mark.parametrize(
    ("text", "language", "parses"),
    [
        ("assert a == b", "python", True),
        ("assert_equal(m, (m, 1, 2,", "python", False),
        ("with pytest.raises(ValueError):\n    f()", "python", True),
        ("# nothing", "python", False),
        ("assertEquals(1, f());", "java", True),
        ("assertEquals(1, f(;", "java", False),
    ],
)
def test_what_is_no_statement_of_its_language_is_told(text, language, parses):
    assert is_statement(text, language) is parses


def test_what_does_not_parse_comes_last_without_a_confidence(monkeypatch, capsys, tmp_path, small_world):
    path = tmp_path / "test_shop.py"
    path.write_text(PYTHON)
    monkeypatch.setattr("kdray.handover.predict.is_statement", lambda text, language: False)
    code, out, _ = run(monkeypatch, capsys, "predict", small_world / "teacher", path)
    assert code == 0
    assert all(line.startswith("    -  ") and line.endswith("(does not parse)") for line in out.splitlines())
    code, out, _ = run(monkeypatch, capsys, "predict", small_world / "teacher", path, "--json")
    assert code == 0
    assert {(one["parses"], one["confidence"]) for one in json.loads(out)} == {(False, None)}
    code, out, _ = run(monkeypatch, capsys, "predict", small_world / "teacher", path, "--apply")
    assert (code, path.read_text()) == (0, PYTHON)
    assert "no candidate parses: left as it is" in out


def test_every_placeholder_is_asked_and_applied_where_it_stands(monkeypatch, capsys, tmp_path, small_world):
    path = tmp_path / "test_shop.py"
    path.write_bytes((PYTHON + "    # <ASSERT>\n\n\ndef test_b():\n    b = 2\n    <ASSERT>\n").encode())
    monkeypatch.setattr(
        "kdray.handover.asked.predict",
        lambda writer, task, test, count: [Candidate(f"assert {test.test!r}, 1", 0.5, 0.5)],
    )
    code, out, err = run(monkeypatch, capsys, "predict", small_world / "teacher", path)
    assert code == 0, err
    assert [line for line in out.splitlines() if ":" in line] == [f"{path}:{n}" for n in (5, 6, 11)]
    path.chmod(0o640)
    code, out, err = run(monkeypatch, capsys, "predict", small_world / "teacher", path, "--apply", "--json")
    assert code == 0, err
    said = "    assert 'test_area_0', 1\n"
    assert path.read_text() == PYTHON.replace("    <ASSERT>\n", 2 * said) + (
        "\n\ndef test_b():\n    b = 2\n    assert 'test_b', 1\n"
    )
    assert path.stat().st_mode & 0o777 == 0o640
    code, _, err = run(
        monkeypatch, capsys, "predict", small_world / "teacher", f"{path}::test_b", "--line", "2"
    )
    assert code == 2
    assert "or --line, not both" in err
