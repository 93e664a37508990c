"""A GGUF file answers as the folder does, and reads text as its tokenizer does; else it is refused."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import torch

from kdray.errors import ConfigError
from kdray.handover import gguf_file
from kdray.handover.beams import greedy
from kdray.handover.gguf_vocabulary import different, vocabulary
from kdray.handover.gguf_weights import check
from kdray.handover.torch_writer import TorchWriter
from kdray.students.load import load_model, load_task
from kdray.tasks.tokenizer import train_line_tokenizer
from tests import pretrained

TEXTS = ["assert x == 12\n    é = '<s>'\n\n\tb", "", "   "]


def model_of(kind, rows):
    """Random weights, more different from one another than they begin."""
    import transformers as tf

    ids = {"vocab_size": rows, "pad_token_id": 2, "bos_token_id": 0, "eos_token_id": 1}
    sizes = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
    torch.manual_seed(0)
    if kind == "gpt2":
        model = tf.GPT2LMHeadModel(tf.GPT2Config(**ids, n_embd=64, n_layer=2, n_head=2))
    elif kind == "llama":
        tied = {"tie_word_embeddings": True, "head_dim": 32}
        model = tf.LlamaForCausalLM(tf.LlamaConfig(**ids, **sizes, **tied, intermediate_size=96))
    else:
        model = tf.Qwen2ForCausalLM(tf.Qwen2Config(**ids, **sizes, intermediate_size=48))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, 1.0 if parameter.ndim == 1 else 0.0, 0.2)
    return model


@pytest.mark.parametrize("kind", ["llama", "qwen2", "gpt2"])
def test_a_file_answers_as_the_folder_does(kind, tmp_path):
    for needed in gguf_file.NEEDED:
        pytest.importorskip(needed)
    tokenizer = pretrained.byte_level_tokenizer(["assert x == 1\n"] * 9, vocab=270)
    model_of(kind, len(tokenizer) + 3).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    model = load_model(tmp_path)
    task = load_task(model, tmp_path)
    whole = TorchWriter(model, task.pad_id)
    rng = np.random.default_rng(0)
    prompts = [rng.integers(3, 270, size).astype(np.int32) for size in (7, 20)]
    sizes = []
    for form, near in (("f16", 0.05), ("q8_0", 1.0)):
        facts = gguf_file.write(model, task, tmp_path, form)
        sizes.append(facts["bytes"])
        with gguf_file.reader(tmp_path, facts["file"], task, TEXTS) as (again, by):
            assert by == ("llama.cpp" if importlib.util.find_spec("llama_cpp") else "transformers")
            for prompt in prompts:
                assert np.abs(whole.read(prompt)[0] - again.read(prompt)[0]).max() < near
                asked = {"end_ids": {1}, "max_new_tokens": 9}
                if form == "f16":
                    assert np.array_equal(greedy(whole, prompt, **asked), greedy(again, prompt, **asked))
    assert sizes[1] < sizes[0] < facts["float_bytes"]


def test_a_tokenizer_that_cuts_text_otherwise_is_refused():
    with pytest.raises(ConfigError, match="it cuts text into words as none of these do"):
        vocabulary(train_line_tokenizer(["assert x\n"] * 9, 300), 300)
    usual = pretrained.byte_level_tokenizer(["assert x == 1\n"] * 9, vocab=270)
    assert vocabulary(usual, 280).cut == "gpt-2"
    assert vocabulary(usual, 280).adds_start
    assert vocabulary(usual, 280).kinds[-1] == 5
    split = {"add_special_tokens": False, "split_special_tokens": True}
    assert different(usual, lambda text: usual(text.decode(), **split)["input_ids"], TEXTS) == ""
    assert different(usual, lambda text: usual(text.decode())["input_ids"], TEXTS) == TEXTS[0]
    from tokenizers import normalizers

    usual.backend_tokenizer.normalizer = normalizers.Lowercase()
    with pytest.raises(ConfigError, match=r"changes text before it is cut \(Lowercase\)"):
        vocabulary(usual, 280)


def test_a_family_or_a_setting_that_llama_cpp_does_not_know_is_refused_by_name():
    from transformers import LlamaConfig, T5Config

    with pytest.raises(ConfigError, match="a t5 has no GGUF here, only llama, qwen2, gpt2"):
        check(T5Config())
    with pytest.raises(ConfigError, match="knows no hidden_act relu"):
        check(LlamaConfig(hidden_act="relu"))


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"needs gguf: pip install 'kdray\[gguf\]'"):
        gguf_file.check_installed()
