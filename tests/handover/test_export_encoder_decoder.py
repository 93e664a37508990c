"""An encoder-decoder is shipped with its graphs, and with 8-bit ones: they write what the folder writes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from kdray.config import as_data, merge
from kdray.handover import bench
from kdray.handover.asked import Asked, predict_source
from kdray.handover.compared import writing
from kdray.handover.export import export, summary
from kdray.handover.forms import Forms
from kdray.handover.graph import FOLDER, INT8, Graph
from kdray.results import experiment
from kdray.students.load import load_model
from tests import world
from tests.handover.conftest import train_into

TEST = "def test_area():\n    assert area(2, 3) == 6\n    <ASSERT>\n"
LONGER = {"optim.lr": 5e-3, "budget.steps": 12, "budget.rungs": [12]}


@pytest.fixture(scope="module")
def shipped_t5(seq2seq_world, tmp_path_factory):
    """The experiment's folder, and its student exported with everything but GGUF."""
    pytest.importorskip("onnxruntime")
    sweep = world.seq2seq(seq2seq_world)
    folder = tmp_path_factory.mktemp("t5") / "toy"
    train_into(folder, [merge(sweep.trial, LONGER, "test")])
    (folder / "sweep.yaml").write_text(yaml.safe_dump(as_data(sweep), sort_keys=False))
    return folder, export(str(folder), folder.parent / "out", trial="t0000", forms=Forms(int8=True))


def test_the_graphs_of_an_encoder_decoder_write_what_its_folder_writes(shipped_t5):
    folder, done = shipped_t5
    names = {path.name for path in (Path(done.folder) / FOLDER).iterdir()}
    assert names == {
        "graph.json", "encoder_model.onnx", "decoder_model.onnx", "encoder_model_int8.onnx",
        "decoder_model_int8.onnx",
    }  # fmt: skip
    on = bench.bench(experiment(folder).records[0])
    numbers = on.suite.first(on.cases)
    exact = bench.answers(load_model(done.folder), on, numbers)
    prompts, _, _ = on.suite.read(numbers)
    by_graph, in_8_bits = (writing(Graph(Path(done.folder), form), on.task) for form in ("", INT8))
    assert [by_graph(prompt).tolist() for prompt in prompts] == [one.ids.tolist() for one in exact]
    written = [on.task.decode(in_8_bits(prompt)) for prompt in prompts]
    same = [text == on.task.decode(one.ids) for text, one in zip(written, exact, strict=True)]
    assert done.facts.int8["form"]["same_as_float"] == pytest.approx(sum(same) / len(same))


def test_what_quantising_an_encoder_decoder_costs_is_said_in_its_statement(shipped_t5):
    _, done = shipped_t5
    assert done.facts.onnx["max_difference"] < 1e-3
    assert done.facts.onnx["ms"] > 0 and done.facts.int8["ms"] > 0
    assert done.facts.int8["bytes"] < done.facts.int8["float_bytes"]
    text = (Path(done.folder) / "README.md").read_text()
    assert "dynamic quantisation to 8 bits" in text
    files = text.replace("\\", "")  # a table's text is escaped
    assert "onnx/encoder_model_int8.onnx, onnx/decoder_model_int8.onnx" in files
    assert "int8" in summary(done)


def test_an_encoder_decoder_is_asked_by_its_graphs_as_by_torch(shipped_t5, tmp_path):
    _, done = shipped_t5
    by_graphs = predict_source(done.folder, TEST, "", Asked(count=3))
    assert by_graphs
    bare = shutil.copytree(done.folder, tmp_path / "bare")
    shutil.rmtree(bare / FOLDER)
    assert predict_source(str(bare), TEST, "", Asked(count=3)) == by_graphs
