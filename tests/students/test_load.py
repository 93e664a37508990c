"""What a folder lacks is refused, never made up."""

from __future__ import annotations

import json
import pickle

import pytest
import torch
import transformers as tf
from safetensors.torch import load_file, save_file

from kdray.errors import ConfigError, DataError
from kdray.metamorphic.attacks.masked import MaskedNames
from kdray.students.load import check_padding, load_model, load_task, load_tokenizer
from kdray.students.unpickle import convert
from kdray.tasks.tokenizer import train_code_tokenizer

SMALL = {"vocab_size": 90, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
SMALL |= {"intermediate_size": 24}


def llama(**fields):
    return tf.LlamaForCausalLM(tf.LlamaConfig(**{**SMALL, "tie_word_embeddings": False, **fields}))


def roberta(kind, **fields):
    return kind(tf.RobertaConfig(**{**SMALL, **fields}, max_position_embeddings=40, type_vocab_size=1))


def changed(folder, change):
    """The weights in a folder, as `change` returns them."""
    state = change(load_file(folder / "model.safetensors"))
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("make", "lacking"),
    [
        (lambda: roberta(tf.RobertaModel), "classifier.dense.bias"),
        (lambda: roberta(tf.RobertaForMaskedLM), "classifier.dense.bias"),
        (lambda: tf.LlamaModel(llama().config), "lm_head.weight"),
    ],
)
def test_a_model_without_its_head_or_half_is_refused_by_name(make, lacking, tmp_path):
    make().save_pretrained(tmp_path)
    with pytest.raises(DataError, match=f"no whole .*: the file lacks .*{lacking}"):
        load_model(tmp_path)


def test_a_layer_that_is_not_in_the_file_is_refused(tmp_path):
    llama().save_pretrained(tmp_path)
    changed(tmp_path, lambda state: {k: v for k, v in state.items() if "layers.1." not in k})
    with pytest.raises(
        DataError, match=r"the file lacks model.layers.1.input_layernorm.weight, .* and 6 more"
    ):
        load_model(tmp_path)


def test_weights_under_another_name_or_in_another_shape_are_refused(tmp_path):
    model = roberta(tf.RobertaForSequenceClassification)
    model.save_pretrained(tmp_path)
    changed(tmp_path, lambda state: {**state, "extra.weight": torch.zeros(3)})
    with pytest.raises(DataError, match=r"does not have: extra.weight"):
        load_model(tmp_path)
    model.save_pretrained(tmp_path)
    changed(tmp_path, lambda state: {**state, "classifier.dense.weight": torch.zeros(16, 32)})
    with pytest.raises(DataError, match=r"has in another shape classifier.dense.weight"):
        load_model(tmp_path)


def test_a_pair_detector_under_compressors_names_is_refused(tmp_path):
    model = roberta(tf.RobertaForSequenceClassification)
    model.config.snippets = 2
    model.save_pretrained(tmp_path)
    changed(tmp_path, lambda state: {f"encoder.{name}": tensor for name, tensor in state.items()})
    with pytest.raises(DataError, match=r"the file lacks classifier.dense.bias"):
        load_model(tmp_path)


def test_what_is_tied_or_read_by_nobody_is_not_missed(tmp_path):
    llama(tie_word_embeddings=True).save_pretrained(tmp_path / "tied")
    assert "lm_head.weight" not in load_file(tmp_path / "tied" / "model.safetensors")
    load_model(tmp_path / "tied")
    roberta(tf.RobertaForSequenceClassification).save_pretrained(tmp_path / "pooled")
    changed(tmp_path / "pooled", lambda state: {**state, "roberta.pooler.dense.bias": torch.zeros(16)})
    load_model(tmp_path / "pooled")


def test_a_masked_model_without_its_head_proposes_no_names(tmp_path):
    roberta(tf.RobertaModel).save_pretrained(tmp_path)
    train_code_tokenizer(["int f(int a) { return a; }"], 60).save_pretrained(tmp_path)
    with pytest.raises(DataError, match=r"no whole RobertaForMaskedLM: the file lacks lm_head"):
        MaskedNames.load(tmp_path)


def test_an_adapter_is_refused_with_what_to_do(tmp_path):
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "LORA", "base_model_name_or_path": "x"}')
    save_file({"x.lora_A.weight": torch.zeros(1)}, tmp_path / "adapter_model.safetensors")
    with pytest.raises(DataError, match=r"an adapter .*merge_and_unload"):
        load_model(tmp_path)
    llama().save_pretrained(tmp_path)  # what is loaded would depend on whether peft is installed
    with pytest.raises(DataError, match=r"a whole model and an adapter .*in one folder"):
        load_model(tmp_path)


@pytest.fixture
def pickled(tmp_path):
    """A folder as older checkpoints are, and its model."""
    model, folder = llama(), tmp_path / "pickled"
    model.config.save_pretrained(folder)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    return model, folder


def test_pickled_weights_are_refused_with_the_command_that_converts_them(pickled, tmp_path):
    model, folder = pickled
    with pytest.raises(DataError, match=rf"kdray teacher convert {folder} --out {folder}-safetensors"):
        load_model(folder)
    assert convert(str(folder), str(tmp_path / "made")) == ["model.safetensors"]
    again = load_model(tmp_path / "made").state_dict()
    assert all(torch.equal(again[name], tensor) for name, tensor in model.state_dict().items())
    assert {path.name for path in (tmp_path / "made").iterdir()} == {"config.json", "model.safetensors"}
    with pytest.raises(ConfigError, match="exists already"):
        convert(str(folder), str(tmp_path / "made"))


def test_pickled_weights_in_several_files_are_converted_file_by_file(pickled, tmp_path):
    model, folder = pickled
    (folder / "pytorch_model.bin").unlink()
    items, where = list(model.state_dict().items()), {}
    for number, part in enumerate((items[:5], items[5:]), 1):
        file = f"pytorch_model-0000{number}-of-00002.bin"
        torch.save(dict(part), folder / file)
        where |= {name: file for name, _ in part}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {}, "weight_map": where}))
    convert(str(folder), str(tmp_path / "made"))
    again = load_model(tmp_path / "made").state_dict()
    assert all(torch.equal(again[name], tensor) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize(
    "index", ["{", "[]", "{}", '{"weight_map": {"a": "../a.bin"}}', '{"weight_map": {"a": 1}}']
)
def test_an_index_of_pickles_that_names_none_beside_it_is_told_in_a_line(index, pickled, tmp_path):
    _, folder = pickled
    (folder / "pytorch_model.bin").unlink()
    (folder / "pytorch_model.bin.index.json").write_text(index)
    with pytest.raises(DataError, match=r"pytorch_model\.bin\.index\.json"):
        convert(str(folder), str(tmp_path / "made"))
    assert not (tmp_path / "made").exists()


class Trap:
    def __reduce__(self):
        return print, ("this was run",)


def test_a_pickle_that_holds_more_than_tensors_is_not_run(pickled, tmp_path, capfd):
    _, folder = pickled
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"a": Trap()}))
    with pytest.raises(DataError, match="holds something else than tensors"):
        convert(str(folder), str(tmp_path / "made"))
    assert "this was run" not in "".join(capfd.readouterr())
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "config", [tf.Qwen2Config, tf.GPT2Config, tf.LlamaConfig, tf.T5Config, tf.BartConfig, tf.RobertaConfig]
)
def test_a_folder_without_a_tokenizer_is_refused_whatever_transformers_makes_of_it(config, tmp_path):
    config().save_pretrained(tmp_path)
    for told in ({}, {"eos_token": "</s>"}):  # with what names its special tokens alone, too
        with pytest.raises(DataError, match=r"no tokenizer (in it|that transformers can load)"):
            load_tokenizer(tmp_path)
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(told))


def test_a_tokenizer_that_cannot_pad_pads_with_its_end_where_padding_is_masked(tmp_path):
    tokenizer = train_code_tokenizer(["int f(int a) { return a; }"], 60)
    tokenizer.pad_token = None
    rows = {"vocab_size": len(tokenizer), "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
    roberta(tf.RobertaForSequenceClassification, **rows).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    loaded = load_tokenizer(tmp_path)
    assert loaded.pad_token_id == loaded.eos_token_id
    check_padding(llama(vocab_size=len(tokenizer)).config, loaded, "x")
    with pytest.raises(DataError, match=r"pad_token_id is 1 in config.json and"):
        load_task(load_model(tmp_path), tmp_path)
