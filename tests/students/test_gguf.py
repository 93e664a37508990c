"""A GGUF file as a folder that everything else can load."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from kdray.errors import ConfigError, DataError
from kdray.students import gguf
from kdray.students.load import load_model, load_tokenizer
from tests import pretrained


def write(path: Path, model: torch.nn.Module, tokenizer: object, lost: str = "-") -> Path:
    """A Llama of one layer as llama.cpp keeps it, its numbers unquantised, without the weights called `lost`."""
    from gguf import GGUFWriter, TokenType

    config, vocab = model.config, tokenizer.get_vocab()  # type: ignore[attr-defined]
    writer = GGUFWriter(path, "llama")
    writer.add_context_length(256)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10_000.0)
    writer.add_vocab_size(len(vocab))
    writer.add_tokenizer_model("gpt2")
    tokens = sorted(vocab, key=vocab.get)
    writer.add_token_list(tokens)
    writer.add_token_types([TokenType.CONTROL] * 3 + [TokenType.NORMAL] * (len(tokens) - 3))
    saved = json.loads(tokenizer.backend_tokenizer.to_str())  # type: ignore[attr-defined]
    writer.add_token_merges([" ".join(pair) for pair in saved["model"]["merges"]])
    for role, number in (("bos", 0), ("eos", 1), ("pad", 2)):
        getattr(writer, f"add_{role}_token_id")(number)
    names = {
        "model.embed_tokens": "token_embd", "model.norm": "output_norm", "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "model.layers": "blk",
    }  # fmt: skip
    for name, tensor in model.named_parameters():
        if lost in name:
            continue
        weight = tensor.detach().numpy()
        if "q_proj" in name or "k_proj" in name:  # llama.cpp turns neighbouring pairs
            heads = config.num_attention_heads
            weight = weight.reshape(heads, 2, -1, weight.shape[1]).swapaxes(1, 2).reshape(weight.shape)
        for ours, theirs in names.items():
            name = name.replace(ours, theirs)
        writer.add_tensor(name, np.ascontiguousarray(weight))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_a_file_becomes_a_folder_with_the_same_weights_and_tokenizer(tmp_path):
    for needed in gguf.NEEDED:
        pytest.importorskip(needed)
    tokenizer = pretrained.byte_level_tokenizer(["assert x == 1\n"] * 9, vocab=270)
    model = load_model(pretrained.save(tmp_path / "whole", tokenizer, "llama"))
    file = write(tmp_path / "model.gguf", model, tokenizer)
    typed = [sys.executable, "-m", "kdray", "teacher", "convert", str(file), "--out", str(tmp_path / "out")]
    environment = {name: value for name, value in os.environ.items() if name != "DS_ACCELERATOR"}
    done = subprocess.run(typed, env=environment, capture_output=True, text=True, check=True)
    out = f"teacher  {tmp_path / 'out'}\nfiles    model.safetensors\n"
    assert done.stdout == out  # and nothing of anybody else's
    again, theirs = load_model(tmp_path / "out"), load_tokenizer(tmp_path / "out")
    for (name, one), (other, two) in zip(model.named_parameters(), again.named_parameters(), strict=True):
        assert name == other and torch.allclose(one, two, atol=1e-6), name
    assert tokenizer.get_vocab().items() <= theirs.get_vocab().items()
    bare = {"add_special_tokens": False}
    assert theirs("x == 1", **bare).input_ids == tokenizer("x == 1", **bare).input_ids
    with pytest.raises(ConfigError, match="exists already"):
        gguf.convert(str(file), str(tmp_path / "out"))


def test_a_weight_that_a_file_lacks_is_named_and_not_made_up(tmp_path):
    for needed in gguf.NEEDED:
        pytest.importorskip(needed)
    tokenizer = pretrained.byte_level_tokenizer(["assert x == 1\n"] * 9, vocab=270)
    model = load_model(pretrained.save(tmp_path / "whole", tokenizer, "llama"))
    file = write(tmp_path / "model.gguf", model, tokenizer, lost="up_proj")
    with pytest.raises(DataError, match=r"lacks .*up_proj"):
        gguf.convert(str(file), str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_file_that_ends_too_early_is_said_wherever_that_is(tmp_path):
    for needed in gguf.NEEDED:
        pytest.importorskip(needed)
    tokenizer = pretrained.byte_level_tokenizer(["assert x == 1\n"] * 9, vocab=270)
    model = load_model(pretrained.save(tmp_path / "whole", tokenizer, "llama"))
    data = write(tmp_path / "model.gguf", model, tokenizer).read_bytes()
    for share in (0.001, 0.01, 0.05, 0.1, 0.2, 0.5, 0.99):
        (tmp_path / "cut.gguf").write_bytes(data[: int(share * len(data))])
        with pytest.raises(DataError, match=r"cut\.gguf: no GGUF that transformers can read"):
            gguf.convert(str(tmp_path / "cut.gguf"), str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_read_is_said_and_leaves_nothing_behind(tmp_path, monkeypatch):
    with pytest.raises(DataError, match="no such file"):
        gguf.convert(str(tmp_path / "none.gguf"), str(tmp_path / "out"))
    (tmp_path / "no.gguf").write_bytes(b"GGML")
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "gguf" else found(name))
    with pytest.raises(ConfigError, match=r"needs gguf.*pip install 'kdray\[gguf\]'"):
        gguf.convert(str(tmp_path / "no.gguf"), str(tmp_path / "out"))
    monkeypatch.undo()
    if all(found(name) for name in gguf.NEEDED):
        with pytest.raises(DataError, match="no GGUF that transformers can read"):
            gguf.convert(str(tmp_path / "no.gguf"), str(tmp_path / "out"))
    assert [path.name for path in tmp_path.iterdir()] == ["no.gguf"]
