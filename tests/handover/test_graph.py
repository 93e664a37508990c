"""A graph over its cache says what the model says, and answers without torch."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from kdray.errors import ConfigError, DataError
from kdray.handover import onnx
from kdray.handover.asked import Asked, predict_source
from kdray.handover.bare_tokenizer import BareTokenizer
from kdray.handover.beams import beams, greedy
from kdray.handover.graph import FOLDER, INT8, USE, Graph
from kdray.handover.opened import opened
from kdray.handover.torch_writer import TorchWriter
from kdray.students.load import load_model, load_task, load_tokenizer
from tests import pretrained

TEST = "def test_area():\n    assert area(2, 3) == 6\n    <ASSERT>\n"
WITHOUT_TORCH = """
import sys
sys.modules["torch"] = sys.modules["transformers"] = None
from kdray.handover.asked import Asked, predict_source
print(predict_source(sys.argv[1], sys.stdin.read(), "", Asked(count=3)))
"""


@pytest.fixture(scope="module")
def tokenizer():
    return pretrained.byte_level_tokenizer(["assert x == 1\n"] * 9, vocab=270)


def of_generate(model, prompt, end_id, pad_id, skip):
    """The beams of transformers' own search, up to their end tokens."""
    ids = torch.from_numpy(prompt.astype(np.int64))[None]
    rows = model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, min_new_tokens=1, num_beams=4,
        num_return_sequences=4, do_sample=False, eos_token_id=[end_id], pad_token_id=pad_id,
    )[:, skip:].tolist()  # fmt: skip
    return [tuple(row[: row.index(end_id) + 1] if end_id in row else row) for row in rows]


@pytest.mark.slow
def test_an_encoder_decoders_graphs_find_the_beams_of_generate(tokenizer, tmp_path):
    pytest.importorskip("onnxruntime")
    model = load_model(pretrained.save(tmp_path, tokenizer, "t5"))
    task = load_task(model, tmp_path)
    rng = np.random.default_rng(0)
    prompts = [rng.integers(3, len(tokenizer), size).astype(np.int32) for size in (7, 20)]
    facts = onnx.write(model, task, prompts, tmp_path)
    assert facts["max_difference"] < 1e-4
    onnx.quantise(tmp_path)
    asked = {"end_ids": {1}, "max_new_tokens": 12, "count": 4}
    for prompt in prompts:
        exact = of_generate(model, prompt, 1, 2, 1)
        for writer in (TorchWriter(model, task.pad_id), Graph(tmp_path)):
            assert [beam.ids for beam in beams(writer, prompt, **asked)] == exact
        assert beams(Graph(tmp_path, INT8), prompt, **asked)


def test_a_decoders_beams_are_those_of_generate_and_their_probabilities_the_models(tokenizer, tmp_path):
    model = load_model(pretrained.save(tmp_path, tokenizer, "llama"))
    prompt = np.arange(3, 20, dtype=np.int32)
    found = beams(TorchWriter(model, 2), prompt, end_ids={1}, max_new_tokens=12, count=4)
    assert [beam.ids for beam in found] == of_generate(model, prompt, 1, 2, len(prompt))
    for beam in found:
        ids = torch.tensor([[*prompt.tolist(), *beam.ids]])
        logprobs = model(ids).logits.detach().log_softmax(2)[0, len(prompt) - 1 : -1]
        exact = logprobs.gather(1, ids[0, len(prompt) :, None]).sum()
        assert beam.logprob == pytest.approx(float(exact), rel=1e-4)


def test_an_id_that_is_no_token_is_in_no_answer(tokenizer, tmp_path):
    model = load_model(pretrained.save(tmp_path, tokenizer, "llama"))
    vocab = model.config.vocab_size
    model.resize_token_embeddings(vocab + 8, mean_resizing=False)
    with torch.no_grad():  # they would be written first of all
        weight_VD = model.get_output_embeddings().weight
        weight_VD[vocab:] = 3 * weight_VD[:8]
    writer, prompt = TorchWriter(model, 2), np.arange(3, 20, dtype=np.int32)
    asked = {"end_ids": {1}, "max_new_tokens": 6}
    assert max(max(beam.ids) for beam in beams(writer, prompt, count=4, **asked)) >= vocab
    assert max(max(beam.ids) for beam in beams(writer, prompt, count=4, vocab=vocab, **asked)) < vocab
    assert greedy(writer, prompt, vocab=vocab, **asked).max() < vocab


def test_what_keeps_no_keys_and_values_is_refused_by_name(tokenizer, tmp_path):
    pytest.importorskip("onnxruntime")
    from transformers import MambaConfig, MambaForCausalLM

    size = {"hidden_size": 32, "num_hidden_layers": 1, "state_size": 4}
    model = MambaForCausalLM(
        MambaConfig(vocab_size=len(tokenizer), pad_token_id=2, eos_token_id=1, **size)
    ).eval()
    pretrained.save(tmp_path, tokenizer, "llama")
    task = load_task(load_model(tmp_path), tmp_path)
    with pytest.raises(ConfigError, match="a mamba keeps something else than keys and values"):
        onnx.write(model, task, [np.arange(3, 9, dtype=np.int32)], tmp_path)


def test_a_folder_with_a_graph_answers_without_torch_as_it_does_with_it(shipped, monkeypatch):
    by_graph = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, shipped.folder],
        input=TEST, capture_output=True, text=True, timeout=120, check=True,
    ).stdout  # fmt: skip
    monkeypatch.setattr("kdray.handover.opened.USE", "none.json")
    assert predict_source(shipped.folder, TEST, "", Asked(count=3)) + "\n" == by_graph


def test_a_damaged_graph_is_one_line(tmp_path):
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / USE).write_text('{"kind": "../decoder", "start_id": 0}')
    with pytest.raises(DataError, match="kind must be one of decoder"):
        Graph(tmp_path)
    (tmp_path / FOLDER / USE).write_text('{"kind": "decoder", "start_id": 0}')
    (tmp_path / FOLDER / "model.onnx").write_bytes(b"no")
    with pytest.raises(DataError, match=r"model\.onnx: no graph"):
        Graph(tmp_path)


def test_a_bare_tokenizer_reads_and_writes_as_transformers_own(tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path)
    bare, whole = BareTokenizer(tmp_path), load_tokenizer(tmp_path)
    texts = ["assert x == '</s>'\n", "  é\t", ""]
    for options in ({}, {"add_special_tokens": False}, {"split_special_tokens": True}):
        assert bare(texts, **options)["input_ids"] == whole(texts, **options)["input_ids"]
    one = {"return_offsets_mapping": True}
    assert bare(texts[0], **one)["offset_mapping"] == whole(texts[0], **one)["offset_mapping"]
    ids = whole(texts[0])["input_ids"]
    for skip in (True, False):
        assert bare.decode(ids, skip_special_tokens=skip) == whole.decode(ids, skip_special_tokens=skip)
    assert (bare.get_vocab(), bare.get_added_vocab()) == (whole.get_vocab(), whole.get_added_vocab())
    assert (bare.eos_token_id, bare.pad_token_id, bare.bos_token_id) == (1, 2, 0)


WHOLE = {
    f"{FOLDER}/{USE}": '{"kind": "decoder", "start_id": 0, "bare_tokenizer": true}',
    "kdray.json": '{"encoding": {}}',
}


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        (f"{FOLDER}/{USE}", '{"kind": ["decoder"], "start_id": 0}', "kind must be one of decoder"),
        ("model.safetensors", "others", "its weights are not those that its graphs were made from"),
        ("tokenizer.json", "{}", r"tokenizer\.json: no tokenizer"),
        ("tokenizer_config.json", "", r"tokenizer_config\.json: no such file"),
        ("tokenizer_config.json", "{}", "the tokenizer has no eos_token"),
        ("tokenizer_config.json", '{"eos_token": ["a"]}', "eos_token is no text"),
        ("kdray.json", "", r"kdray\.json: no such file"),
        ("kdray.json", "{}", r"kdray\.json: encoding"),
        ("kdray.json", '{"encoding": {"max_input": -1}}', r"kdray\.json: encoding: max_input"),
    ],
)
def test_a_folder_of_which_a_file_is_damaged_is_one_line(file, text, said, tokenizer, tmp_path):
    pytest.importorskip("onnxruntime")
    (tmp_path / FOLDER).mkdir()
    tokenizer.save_pretrained(tmp_path)
    for name, whole in (WHOLE | {file: text}).items():
        (tmp_path / name).write_text(whole) if whole else (tmp_path / name).unlink(missing_ok=True)
    with pytest.raises(DataError, match=said) as error:
        opened(str(tmp_path))
    assert "\n" not in str(error.value)


def test_another_programs_graph_is_one_line(tmp_path, monkeypatch):
    onnx_itself = pytest.importorskip("onnx")
    from onnx import TensorProto, helper

    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2, 3]) for name in ("x", "logits")]
    made = helper.make_graph([helper.make_node("Identity", ["x"], ["logits"])], "g", ends[:1], ends[1:])
    opsets = [helper.make_opsetid("", 18)]
    (tmp_path / FOLDER).mkdir()
    onnx_itself.save(
        helper.make_model(made, opset_imports=opsets, ir_version=9), tmp_path / FOLDER / "model.onnx"
    )
    (tmp_path / FOLDER / USE).write_text(WHOLE[f"{FOLDER}/{USE}"])
    monkeypatch.setenv("OMP_NUM_THREADS", "1,2")
    with pytest.raises(DataError, match=r"used otherwise than graph\.json says: Required inputs"):
        Graph(tmp_path).read(np.arange(3, dtype=np.int32))
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(DataError, match="onnxruntime cannot be imported"):
        Graph(tmp_path)
