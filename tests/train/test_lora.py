"""Adapters that are merged: the plain model says what the adapted one said."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
import transformers

from kdray.config import Lora
from kdray.errors import ConfigError
from kdray.train.lora import adapt, fold, merged

T5 = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4, "decoder_start_token_id": 0}
MODELS: dict[str, dict[str, Any]] = {
    "GPT2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "bos_token_id": 0, "eos_token_id": 0},
    "Llama": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64},
    "T5": T5,
}


def test_what_peft_has_no_adapters_for_is_said_in_a_line() -> None:
    pytest.importorskip("peft")
    config = transformers.MambaConfig(vocab_size=50, hidden_size=16, num_hidden_layers=1, state_size=4)
    with pytest.raises(ConfigError, match="lora: peft has no adapters for a mamba"):
        adapt(transformers.MambaForCausalLM(config), Lora(rank=4, alpha=8))


@pytest.mark.parametrize("name", MODELS)
def test_a_merged_model_says_what_the_adapted_one_said_and_nothing_is_printed(name: str) -> None:
    pytest.importorskip("peft")
    config = getattr(transformers, f"{name}Config")(vocab_size=50, pad_token_id=0, **MODELS[name])
    kind = {"GPT2": "GPT2LMHeadModel", "Llama": "LlamaForCausalLM", "T5": "T5ForConditionalGeneration"}[name]
    make = getattr(transformers, kind)
    torch.manual_seed(0)
    model = make(config).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        adapt(model, Lora(rank=4, alpha=8))
    for part, parameter in model.named_parameters():
        if "lora_B" in part:
            torch.nn.init.normal_(parameter.data)
    ids_BT = torch.randint(1, 50, (2, 9))
    inputs = {"input_ids": ids_BT} | ({"decoder_input_ids": ids_BT} if name == "T5" else {})
    plain = make(config).eval()
    before = plain(**inputs).logits
    told = plain.load_state_dict(merged(model), strict=False)
    plain.tie_weights()
    assert not told.unexpected_keys
    after = model(**inputs).logits
    assert torch.allclose(plain(**inputs).logits, after, atol=1e-4)
    assert not torch.allclose(before, after, atol=1e-1)
    passed: list[Any] = []
    for part, module in model.named_modules():
        if ".lora_A." in part:
            module.register_forward_hook(lambda *of: passed.append(of))
    model(**inputs)
    assert passed
    passed.clear()
    with torch.no_grad():
        fold(model)
    assert torch.allclose(model(**inputs).logits, after, atol=1e-4)
    assert not passed
    assert all(torch.equal(tensor, plain.state_dict()[part]) for part, tensor in merged(model).items())
