"""What is shipped is the student that was measured, loads anywhere, and says what it lost."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from kdray import results
from kdray.config import Execution
from kdray.errors import ConfigError, DataError
from kdray.handover import bench, onnx
from kdray.handover import export as handover
from kdray.handover.choose import student_folder
from kdray.handover.compared import writing
from kdray.handover.forms import Forms
from kdray.handover.graph import Graph
from kdray.students.load import load_model
from tests import world

ELSEWHERE = """
import json, sys
sys.modules["kdray"] = None
try:
    import kdray
except ImportError:
    pass
else:
    raise SystemExit("kdray can be imported: this proves nothing")
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, pipeline
folder, asked = sys.argv[1], json.load(sys.stdin)
model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
assert model.dtype == torch.float32, model.dtype
outputs = []
for ids in asked["prompts"]:
    ids = torch.tensor([ids])
    outputs.append(model.generate(ids, attention_mask=torch.ones_like(ids))[0, ids.shape[1]:].tolist())
write = pipeline("text-generation", model=folder)
texts = [write(text, return_full_text=False)[0]["generated_text"] for text in asked["texts"]]
print(json.dumps({"outputs": outputs, "texts": texts}))
"""


@pytest.fixture(scope="module")
def experiment(shipped_from):
    return results.experiment(shipped_from)


@pytest.fixture(scope="module")
def on(experiment):
    return bench.bench(experiment.records[0])


def test_where_kdray_cannot_be_imported_the_student_says_what_it_said_before(
    experiment, on, shipped, tmp_path
):
    before = bench.answers(load_model(student_folder(experiment, "t0000")), on, on.numbers)
    prompts, _, _ = on.suite.read(on.numbers)
    texts = [on.task.tokenizer.decode(prompt) for prompt in prompts[:3]]
    assert [on.task.tokenizer(text)["input_ids"] for text in texts] == [p.tolist() for p in prompts[:3]]
    environment = {name: one for name, one in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, shipped.folder],
        input=json.dumps({"prompts": [prompt.tolist() for prompt in prompts], "texts": texts}),
        capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    after = json.loads(done.stdout.splitlines()[-1])
    assert after["outputs"] == [one.ids.tolist() for one in before]
    assert [text.strip() for text in after["texts"]] == [on.task.decode(one.ids) for one in before[:3]]


def test_the_folder_holds_nothing_but_what_is_meant_to_be_there(shipped):
    root = Path(shipped.folder)
    assert {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()} == {
        "README.md", "statement.json", "config.json", "generation_config.json", "kdray.json",
        "model.safetensors", "tokenizer.json", "tokenizer_config.json",
        "onnx/graph.json", "onnx/model.onnx", "onnx/model_int8.onnx",
    }  # fmt: skip
    assert [path.name for path in root.parent.iterdir()] == [root.name]


def test_the_statement_is_of_the_exported_files_and_leaves_nothing_out(shipped, on):
    facts = shipped.facts
    again = bench.metrics(load_model(shipped.folder), on)
    assert facts.measured
    assert {name: facts.metrics[name] for name in again} == again
    assert facts.sweep["trials"] == {"complete": 2, "failed": 1}
    assert facts.size["params"] < facts.size["teacher_params"]
    assert facts.latency["student_ms"] > 0
    assert facts.latency["teacher_ms"] > 0
    assert facts.signal["codec"] == "head"
    assert set(facts.signal["fidelity"]["bucketed_mean"]) == {0.5, 1.0, 2.0, 4.0, 8.0}
    assert json.loads((Path(shipped.folder) / "statement.json").read_text())["trial"]["key"] == "t0000"
    assert json.loads(handover.as_json(shipped))["marks"] == facts.metrics
    assert "int8" in handover.summary(shipped)
    text = (Path(shipped.folder) / "README.md").read_text()
    for said in (
        "same answer as the teacher", "distribution similarity", "high confidence preservation",
        "calibration error", "nats over kept tokens", "out of 2 complete candidates", "12 steps",
        "dynamic quantisation to 8 bits", "| accuracy lost under an adversarial attack | not measured |",
        f"{facts.metrics['assertion_accuracy']:.3f}",
    ):  # fmt: skip
        assert said in text


def test_the_onnx_graph_writes_what_the_folder_writes(shipped, on):
    answer = writing(Graph(Path(shipped.folder)), on.task)
    prompts, _, _ = on.suite.read(on.numbers[:5])
    for prompt, exact in zip(
        prompts, bench.answers(load_model(shipped.folder), on, on.numbers[:5]), strict=True
    ):
        assert answer(prompt).tolist() == exact.ids.tolist()
    assert shipped.facts.onnx["max_difference"] < 1e-3
    assert shipped.facts.onnx["ms"] > 0


def test_what_quantisation_costs_is_measured_and_not_assumed(shipped):
    found = shipped.facts.int8
    assert found["bytes"] < found["float_bytes"]
    assert 0 <= found["form"]["same_as_float"] <= 1
    assert found["ms"] > 0
    assert found["float"]["assertion_accuracy"] == shipped.facts.metrics["assertion_accuracy"]
    assert (
        found["float"]["prediction_agreement_violated"]
        == shipped.facts.metrics["prediction_agreement_violated"]
    )
    assert found["float"]["same_as_float"] == 1.0
    low, high = found["form"]["intervals"]["assertion_accuracy"]
    assert low <= found["form"]["assertion_accuracy"] <= high


def test_a_graph_that_is_not_equal_leaves_nothing_behind(shipped_from, tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr(onnx, "TOLERANCE", -1.0)
    with pytest.raises(DataError, match="differs from the model"):
        handover.export(str(shipped_from), tmp_path / "out", trial="t0000", forms=Forms(onnx=True))
    assert list(tmp_path.iterdir()) == []


def test_a_graph_that_is_only_welcome_is_done_without(shipped_from, tmp_path, monkeypatch, capsys):
    def unknown(model, task, prompts, folder):
        (folder / "onnx").mkdir()
        raise ConfigError("no such graph")

    monkeypatch.setattr(onnx, "missing", list)
    monkeypatch.setattr(onnx, "write", unknown)
    done = handover.export(str(shipped_from), tmp_path / "out", trial="t0000", forms=Forms(fast=True))
    assert not (tmp_path / "out" / "onnx").exists() and done.facts.onnx is None
    assert "`kdray predict` will ask torch: no such graph" in capsys.readouterr().err


def test_without_the_trials_files_the_recorded_numbers_are_given_as_such(shipped_from, tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "bench", lambda record: None)
    done = handover.export(str(shipped_from), tmp_path / "out", knee=True, where=["assertion_accuracy >= 0"])
    text = (tmp_path / "out" / "README.md").read_text()
    assert not done.facts.measured
    assert "before its weights were rounded" in text
    assert "codec and fidelity not measured" in text
    assert "| one input | not measured | not measured |" in text


def test_what_is_there_is_not_overwritten(shipped_from, tmp_path):
    with pytest.raises(ConfigError, match="exists already"):
        handover.export(str(shipped_from), tmp_path, trial="t0000")


def test_what_is_not_installed_is_said_before_anything_is_read(tmp_path, monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "onnxscript" else real(name)
    )
    with pytest.raises(ConfigError, match=r"need onnxscript: pip install 'kdray\[onnx\]'"):
        handover.export(str(tmp_path / "nothing"), tmp_path / "out", trial="t0000", forms=Forms(int8=True))


def test_what_a_student_writes_is_run_confined_or_not_at_all(small_world, monkeypatch, capsys):
    asked = []

    def measured(model, task, suite, trial, cases, *, runs=True):
        asked.append(runs)
        if runs:
            raise ConfigError("confined or not at all")
        return {"assertion_accuracy": 0.5}, {}, []

    monkeypatch.setattr(bench, "suite_metrics", measured)
    trial = world.sweep(small_world).trial
    judged = trial.evaluation.model_copy(update={"execution": Execution()})
    on = bench.Bench(trial.model_copy(update={"evaluation": judged}), SimpleNamespace(task=None, suite={0}))
    monkeypatch.setattr(bench.Bench, "cases", 1)
    assert bench.metrics(None, on) == {"assertion_accuracy": 0.5}
    assert asked == [True, False]
    assert "warning: its assertions are not run: confined or not at all" in capsys.readouterr().err
