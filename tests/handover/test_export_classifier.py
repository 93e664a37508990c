"""Classifiers are shipped too: one snippet as a model of transformers, pairs with the lines that use them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from kdray.config import as_data, merge
from kdray.corpus.store import read_corpus
from kdray.errors import ConfigError
from kdray.evaluation.classify import Classifier
from kdray.handover import bench
from kdray.handover.asked import Asked, predict_source
from kdray.handover.compared import choosing
from kdray.handover.export import export
from kdray.handover.forms import Forms
from kdray.handover.graph import INT8, Graph
from kdray.results import experiment
from kdray.students.load import load_model, load_tokenizer
from tests import labelled_world
from tests.handover.conftest import train_into

ELSEWHERE = """
import json, os, sys
sys.modules["kdray"] = None
os.chdir(sys.argv[1])
inputs = json.load(sys.stdin)
if len(inputs[0]) == 1:
    from transformers import pipeline
    classify = pipeline("text-classification", model=".")
    found = [classify(" ".join(code.split()), truncation=True, top_k=None) for code, in inputs]
    found = [[one["score"] for one in sorted(scores, key=lambda s: s["label"])] for scores in found]
else:
    card = open("README.md").read()
    code = card.split("```python\\n")[1].split("```")[0]
    exec(code)
    pairs = [torch.cat([first_state(a), first_state(b)], 1) for a, b in inputs]
    found = [linear(linear(pair, "dense").tanh(), "out_proj").softmax(1)[0].tolist() for pair in pairs]
print(json.dumps(found))
"""


def test_relative_positions_come_with_the_lines_that_load_them(
    vulnerability_world, tmp_path, monkeypatch, capsys
):
    """And a student that reads less than its teacher, with a vocabulary of its own, says so to no one's harm."""
    sweep = labelled_world.sweep(vulnerability_world, "vulnerability")
    changes = {"position_type": "relative_key", "positions": 60, "tokenizer": "bpe", "vocab": 300}
    trial = merge(sweep.trial, {f"student.{name}": value for name, value in changes.items()})
    folder = tmp_path / "relative"
    train_into(folder, [trial])
    (folder / "sweep.yaml").write_text(yaml.safe_dump(as_data(sweep), sort_keys=False))
    done = export(str(folder), tmp_path / "out", trial="t0000")
    assert load_tokenizer(done.folder).model_max_length == 58
    assert done.facts.latency["teacher_ms"] > 0
    code = (Path(done.folder) / "README.md").read_text().split("```python\n")[1].split("```")[0]
    monkeypatch.chdir(done.folder)
    exec(code, {})  # noqa: S102 - the card's own lines
    before = Classifier(
        load_model(folder / "trials" / "t0000" / "student"),
        bench.bench(experiment(folder).records[0]).data.task,
    )
    assert capsys.readouterr().out.strip() == str(before([("int f(int a) { return a + 1; }",)]))


@pytest.mark.parametrize("task", ["vulnerability", pytest.param("clone", marks=pytest.mark.slow)])
def test_where_kdray_cannot_be_imported_a_classifier_says_what_it_said_before(task, request, tmp_path):
    root = request.getfixturevalue(f"{task}_world")
    sweep = labelled_world.sweep(root, task)
    folder = tmp_path / task
    train_into(folder, [sweep.trial])
    (folder / "sweep.yaml").write_text(yaml.safe_dump(as_data(sweep), sort_keys=False))
    done = export(str(folder), tmp_path / "out", trial="t0000", forms=Forms(int8=True))
    on = bench.bench(experiment(folder).records[0])
    inputs = [on.data.task.parts(one) for one in read_corpus(root / "corpus", "test")[:12]]
    before = Classifier(load_model(folder / "trials" / "t0000" / "student"), on.data.task)(inputs)
    environment = {name: one for name, one in os.environ.items() if name != "PYTHONPATH"}
    ended = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, done.folder],
        input=json.dumps(inputs), capture_output=True, text=True, env=environment, timeout=240, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    after = np.array(json.loads(ended.stdout.splitlines()[-1]))
    assert after == pytest.approx(before, abs=1e-5)
    text = (Path(done.folder) / "README.md").read_text()
    assert f"| accuracy | {done.facts.metrics['accuracy']:.3f}" in text
    assert "F1 of class 1" in text
    by_graph = choosing(Graph(Path(done.folder)), on.task)
    prompts = [on.task.prompt(one) for one in read_corpus(root / "corpus", "test")[:12]]
    assert [int(by_graph(prompt)[0]) for prompt in prompts] == before.argmax(1).tolist()
    assert done.facts.onnx["max_difference"] < 1e-3
    in_8_bits = choosing(Graph(Path(done.folder), INT8), on.task)
    suite_prompts, _, _ = on.suite.read(on.suite.first(on.cases))
    same = [int(in_8_bits(prompt)[0]) == int(by_graph(prompt)[0]) for prompt in suite_prompts]
    assert done.facts.int8["form"]["same_as_float"] == pytest.approx(sum(same) / len(same))
    assert "dynamic quantisation to 8 bits" in text
    with pytest.raises(ConfigError, match="classifies code and writes no assertions"):
        predict_source(done.folder, "def test_x():\n    <ASSERT>\n", "", Asked())
