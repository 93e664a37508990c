"""Java from a published set to a judged student, for both families."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from kdray.config import as_data
from kdray.handover.asked import Asked, predict_source
from kdray.pipeline.references import references
from kdray.storage import read_json
from tests import java_world
from tests.test_cli import run


@pytest.mark.parametrize("family", ["t5", "llama"])
def test_a_teacher_and_a_student_learn_from_an_imported_set(
    family: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = request.getfixturevalue(f"java_{family}_world")
    curve = read_json(root / "teacher" / "training.json")["learning_curve"]
    assert curve[-1]["held_out_loss"] < curve[0]["held_out_loss"]

    sweep = java_world.sweep(root, tmp_path, family)
    path = tmp_path / "sweep.yaml"
    path.write_text(yaml.safe_dump(as_data(sweep)))
    code, out, err = run(monkeypatch, capsys, "trial", path, "--json")
    assert code == 0, err
    last = json.loads(out)
    for name in ("lenient_accuracy", "teacher_lenient_accuracy", "lenient_agreement"):
        low, high = last["intervals"][name]
        assert 0 <= low <= last[name] <= high <= 1
    assert last["lenient_accuracy"] >= last["assertion_accuracy"]

    marks = references(sweep, str(tmp_path))
    assert set(marks) == {"teacher", "retrieval", "repeat_last"}
    assert marks["teacher"]["lenient_accuracy"] == last["teacher_lenient_accuracy"]
    arguments = ["teacher", "eval", root / "teacher", "--corpus", root / "corpus", "--cases", 8, "--json"]
    code, out, err = run(monkeypatch, capsys, *arguments)
    assert code == 0, err
    examined = json.loads(out)
    assert all("lenient_accuracy" in one and "assertion_accuracy" in one for one in examined.values())

    test = java_world.row(0, java_world.random.Random(0))["test_method_masked"]
    said = predict_source(str(root / "teacher"), test, "T.java", Asked(count=2, as_json=True))
    assert json.loads(said)
