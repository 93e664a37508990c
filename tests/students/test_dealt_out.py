"""A teacher's layers on several devices. No GPU is asked: which layer goes where, and that the pieces of a model
whose layers are elsewhere say what the whole one says.
"""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import transformers as tf

from kdray.config import sweep_from
from kdray.errors import ConfigError, DataError
from kdray.pipeline.beforehand import check
from kdray.pipeline.prepare import prepare
from kdray.students.dealt_out import deal_out
from kdray.students.derive import new_model
from kdray.students.load import load_model
from kdray.students.logits import TargetLogits
from kdray.tasks.row import Row
from tests import world

LLAMA = tf.LlamaConfig(
    vocab_size=300, hidden_size=32, intermediate_size=48, num_hidden_layers=4, num_attention_heads=2
)
T5 = tf.T5Config(
    vocab_size=300, d_model=32, d_ff=48, num_layers=2, num_decoder_layers=2, num_heads=2, d_kv=16
)


def layer_bytes(config, name):
    return sum(parameter.nbytes for parameter in new_model(config).get_submodule(name).parameters())


def test_layers_go_to_devices_in_turn_and_all_else_to_the_first():
    each = layer_bytes(LLAMA, "model.layers.0")
    beside = 2 * 300 * 32 * 4 + 32 * 4 + 8 * 4  # both tables, the last norm, the angles
    room = {0: beside + 1.5 * each, 1: 2.1 * each, "cpu": 1.1 * each}
    placed = deal_out(LLAMA, "float32", room, "x")
    assert [placed[f"model.layers.{n}"] for n in range(4)] == [0, 1, 1, "cpu"]
    outside = {name: device for name, device in placed.items() if "layers" not in name}
    assert set(outside.values()) == {0} and {"model.embed_tokens", "model.norm", "lm_head"} <= outside.keys()
    halves = deal_out(LLAMA, "bfloat16", {0: room[0], 1: 2.1 * each}, "x")
    assert "cpu" not in halves.values()


def test_an_encoder_decoder_is_dealt_out_block_by_block():
    model = new_model(T5)
    owned = [*model.parameters(), *model.buffers()]
    placed = deal_out(T5, "float32", {0: sum(one.nbytes for one in owned) - 1, 1: 1e9}, "x")
    assert [name for name, device in placed.items() if device == 1] == ["decoder.block.1"]
    assert {"shared", "encoder.block.0", "encoder.final_layer_norm", "lm_head"} <= placed.keys()


@pytest.mark.parametrize("room", [{0: 1e4, 1: 1e9}, {0: 2e5, 1: 1e4}], ids=["the tables", "the layers"])
def test_a_teacher_that_fits_nowhere_is_refused_with_its_size(room):
    with pytest.raises(
        DataError, match=r"x: 0\.0 GB of weights do not fit.*on 2 devices: set capture\.parallel"
    ):
        deal_out(LLAMA, "float32", room, "x")


def test_a_model_whose_layers_are_fetched_says_the_same(small_world):
    accelerate = pytest.importorskip("accelerate")
    rng = np.random.default_rng(0)
    ids = [rng.integers(0, 300, length).astype(np.int32) for length in (9, 5)]
    rows = [Row("", one, one) for one in ids]
    whole = TargetLogits(load_model(small_world / "teacher"), 0)(rows)
    placed = deal_out(load_model(small_world / "teacher").config, "float32", {"cpu": 1e9}, "x")
    model = load_model(small_world / "teacher", devices=placed)
    for layer in model.model.layers:
        accelerate.cpu_offload(layer, execution_device="cpu")
    assert {p.device.type for p in model.model.layers.parameters()} == {"meta"}  # until they are wanted
    for found, wanted in zip(TargetLogits(model, 0)(rows), whole, strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_what_is_missing_for_it_is_said_before_anything_is_captured(small_world, tmp_path, monkeypatch):
    data = world.sweep_data(small_world)
    data["trial"] |= {name: str(tmp_path / name) for name in ("shards", "suite")}
    data["capture"]["parallel"] = {"gpus": 2000}
    with pytest.raises(DataError, match=r"capture\.parallel\.gpus 2000: this process sees \d"):
        prepare(sweep_from(data, "test"))
    assert not list(tmp_path.iterdir())
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "accelerate" else found(name)
    )
    with pytest.raises(ConfigError, match=r"pip install 'kdray\[parallel\]'"):
        check(sweep_from(data, "test"))
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: found("numpy") if name == "accelerate" else found(name)
    )
    data["capture"]["parallel"] = {"gpus": 1, "cpu_gb": 8}
    with pytest.raises(ConfigError, match=r"capture\.parallel\.cpu_gb: the order to cut"):
        check(sweep_from(data, "test"))
