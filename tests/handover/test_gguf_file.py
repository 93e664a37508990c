"""A GGUF file answers as the folder does, and reads text as its tokenizer does; else it is refused."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import torch

from kdray.errors import ConfigError
from kdray.handover import gguf_file
from kdray.handover.beams import greedy
from kdray.handover.card_tables import how_text_is_read
from kdray.handover.gguf_q4_k import quantised
from kdray.handover.gguf_vocabulary import different, vocabulary
from kdray.handover.gguf_weights import check
from kdray.handover.torch_writer import TorchWriter
from kdray.students.load import load_model, load_task
from kdray.tasks.tokenizer import train_line_tokenizer
from tests import pretrained

ANSWERS = "llama.cpp" if importlib.util.find_spec("llama_cpp") else "transformers"
TEXTS = ["assert x == 12\n    é = '<s>'\n\n\tb", "", "   "]


def model_of(kind, rows, hidden=64, spread=0.2):
    """Random weights, more different from one another than they begin."""
    import transformers as tf

    ids = {"vocab_size": rows, "pad_token_id": 2, "bos_token_id": 0, "eos_token_id": 1}
    sizes = {
        "hidden_size": hidden,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
    }
    torch.manual_seed(0)
    if kind == "gpt2":
        model = tf.GPT2LMHeadModel(tf.GPT2Config(**ids, n_embd=64, n_layer=2, n_head=2))
    elif kind == "llama":
        tied = {"tie_word_embeddings": True, "head_dim": 32}
        model = tf.LlamaForCausalLM(tf.LlamaConfig(**ids, **sizes, **tied, intermediate_size=96))
    else:
        model = tf.Qwen2ForCausalLM(tf.Qwen2Config(**ids, **sizes, intermediate_size=48))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, 1.0 if parameter.ndim == 1 else 0.0, spread)
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
        with gguf_file.reader(tmp_path, facts, task, TEXTS) as (again, said):
            assert said["by"] == ANSWERS
            for prompt in prompts:
                assert np.abs(whole.read(prompt)[0] - again.read(prompt)[0]).max() < near
                asked = {"end_ids": {1}, "max_new_tokens": 9}
                if form == "f16":
                    assert np.array_equal(greedy(whole, prompt, **asked), greedy(again, prompt, **asked))
    assert sizes[1] < sizes[0] < facts["float_bytes"]


def test_a_tokenizer_that_cuts_text_otherwise_is_refused():
    with pytest.raises(ConfigError, match="it is no byte-level BPE \\(Unigram\\)"):
        vocabulary(train_line_tokenizer(["assert x\n"] * 9, 300, "unigram"), 300)
    usual = pretrained.byte_level_tokenizer(["assert x == 1\n"] * 9, vocab=270)
    assert vocabulary(usual, 280).cut == "gpt-2"
    assert vocabulary(usual, 280).exact
    assert vocabulary(usual, 280).adds_start
    assert vocabulary(usual, 280).kinds[-1] == 5
    split = {"add_special_tokens": False, "split_special_tokens": True}
    assert different(usual, lambda text: usual(text.decode(), **split)["input_ids"], TEXTS) == []
    assert different(usual, lambda text: usual(text.decode())["input_ids"], TEXTS) == TEXTS
    from tokenizers import normalizers, pre_tokenizers

    usual.backend_tokenizer.normalizer = normalizers.Lowercase()
    with pytest.raises(ConfigError, match=r"changes text before it is cut \(Lowercase\)"):
        vocabulary(usual, 280)
    usual.backend_tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    with pytest.raises(ConfigError, match="it cuts text into words as none of these do"):
        vocabulary(usual, 280)


def test_our_own_tokenizers_lines_go_in_as_ids_and_how_text_is_read_is_counted(tmp_path):
    for needed in gguf_file.NEEDED:
        pytest.importorskip(needed)
    deep = "".join(f"{' ' * depth}x = [1,\n      20]  # it\n" for depth in range(0, 36, 4))
    tokenizer = train_line_tokenizer([deep] * 9, 300)
    words = vocabulary(tokenizer, len(tokenizer))
    assert (words.cut, words.exact) == ("smollm", False)
    own = {token for token, kind in zip(words.tokens, words.kinds, strict=True) if kind == 4}
    assert {"\n", " " * 4, " " * 8} <= own and not any(len(token) % 4 for token in own - {"\n"})
    model_of("llama", len(tokenizer)).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    model = load_model(tmp_path)
    task = load_task(model, tmp_path)
    facts = gguf_file.write(model, task, tmp_path, "f16")
    assert not facts["exact"]
    prompt = np.array(tokenizer("x = [1,\n    20]\n        ")["input_ids"], np.int32)
    asked = {"end_ids": task.end_ids, "max_new_tokens": 9}
    alike = ["x = [1]  # it\n    20\n        1\n\n", "            x\n", "é\n"]
    with gguf_file.reader(tmp_path, facts, task, [*alike, "x\n      20]\n"]) as (again, said):
        whole = TorchWriter(model, task.pad_id)
        assert np.array_equal(greedy(whole, prompt, **asked), greedy(again, prompt, **asked))
    assert said == {"by": ANSWERS} | ({"texts": 4, "reads": 3} if ANSWERS == "llama.cpp" else {})
    note = how_text_is_read(facts | said)
    assert "give it the ids" in note and facts["file"] in note


def test_four_bits_lose_less_than_a_step_and_are_read_by_the_package(tmp_path):
    gguf = pytest.importorskip("gguf")
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((6, 512)).astype(np.float32) * rng.uniform(0.01, 3, (6, 1)).astype(
        np.float32
    )
    weight[0, :256], weight[1], weight[2, 256:] = 0, 0.5, np.abs(weight[2, 256:]) + 1
    kept = quantised(weight)
    assert kept.shape == (6, 512 // 256 * 144)
    again = gguf.quants.dequantize(kept, gguf.GGMLQuantizationType.Q4_K)
    groups, back = weight.reshape(-1, 32), again.reshape(-1, 32)
    widths = np.maximum(groups.max(1), 0) - np.minimum(groups.min(1), 0)
    assert (np.abs(groups - back).max(1) <= widths / 15 + np.abs(groups).max() / 63 / 2).all()
    assert (again[0, :256] == 0).all()

    def lost(back):
        return float(((weight[3:] - back[3:]) ** 2).mean() / (weight[3:] ** 2).mean())

    plain = gguf.GGMLQuantizationType.Q4_0
    assert lost(again) < 0.8 * lost(gguf.quants.dequantize(gguf.quants.quantize(weight, plain), plain)) < 0.02


def test_a_file_in_four_bits_is_smaller_and_nearly_says_the_same(tmp_path):
    for needed in gguf_file.NEEDED:
        pytest.importorskip(needed)
    tokenizer = pretrained.byte_level_tokenizer(["assert x == 1\n"] * 9, vocab=270)
    model_of("llama", len(tokenizer), hidden=256, spread=0.05).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    model = load_model(tmp_path)
    task = load_task(model, tmp_path)
    sizes = [gguf_file.write(model, task, tmp_path, kind)["bytes"] for kind in gguf_file.TYPES]
    assert sizes == sorted(sizes, reverse=True)
    facts = gguf_file.write(model, task, tmp_path, "q4_k")
    prompt = np.arange(3, 23, dtype=np.int32)
    exact = TorchWriter(model, task.pad_id).read(prompt)[0]
    with gguf_file.reader(tmp_path, facts, task, TEXTS) as (again, _):
        assert np.corrcoef(exact[0], again.read(prompt)[0][0])[0, 1] > 0.98
    narrow = model_of("llama", 280)
    with pytest.raises(ConfigError, match="this student's rows have 64, 96, 128: q8_0 is the nearest"):
        gguf_file.check_student(narrow.config, tokenizer, "q4_k")


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
