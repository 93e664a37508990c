"""Weights and sizes of Llama-, Qwen2- and GPT-2-family students in llama.cpp's words.

Raises `ConfigError` for what a model of such a family may have and llama.cpp's has not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kdray.errors import ConfigError

FAMILIES = ("llama", "qwen2", "gpt2")
"""transformers' model types; llama.cpp has the same names."""
TURNED = ("c_attn.weight", "c_proj.weight", "c_fc.weight")
"""GPT-2's, kept as inputs by outputs."""
SILU, GELU = ("silu", "swish"), ("gelu_new", "gelu_pytorch_tanh")


def check(config: Any) -> None:
    """Raises `ConfigError` that names the setting for which there is no GGUF."""
    if (family := config.model_type) not in FAMILIES:
        raise ConfigError(f"--gguf: a {family} has no GGUF here, only {', '.join(FAMILIES)}: try --onnx")
    if family == "gpt2":
        wrong = {
            "activation_function": config.activation_function not in GELU,
            "scale_attn_by_inverse_layer_idx": config.scale_attn_by_inverse_layer_idx,
            "scale_attn_weights": not config.scale_attn_weights,
            "add_cross_attention": config.add_cross_attention,
        }
    else:
        kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
        wrong = {
            "hidden_act": config.hidden_act not in SILU,
            "rope_parameters": _rope(config).get("rope_type", "default") != "default",
            "attention_bias": family == "llama" and config.attention_bias,
            "mlp_bias": getattr(config, "mlp_bias", False),
            "layer_types": kinds != {"full_attention"},
        }
    if name := next((name for name, is_wrong in wrong.items() if is_wrong), ""):
        raise ConfigError(f"--gguf: llama.cpp's {family} knows no {name} {getattr(config, name)}: try --onnx")


def widths(config: Any) -> set[int]:
    """How many numbers the rows of a layer's matrices have."""
    if config.model_type == "gpt2":
        return {config.n_embd, config.n_inner or 4 * config.n_embd}
    return {config.hidden_size, config.intermediate_size, config.num_attention_heads * head_width(config)}


def _rope(config: Any) -> dict[str, Any]:
    return getattr(config, "rope_parameters", None) or {}


def add_sizes(writer: Any, config: Any) -> None:
    """Writes a model's sizes into a `GGUFWriter`."""
    writer.add_vocab_size(config.vocab_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_head_count(config.num_attention_heads)
    if config.model_type == "gpt2":
        writer.add_feed_forward_length(config.n_inner or 4 * config.n_embd)
        writer.add_layer_norm_eps(config.layer_norm_epsilon)
        return
    width = head_width(config)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(_rope(config).get("rope_theta", 10_000.0))
    writer.add_rope_dimension_count(width)
    writer.add_key_length(width)
    writer.add_value_length(width)


def head_width(config: Any) -> int:
    """Numbers of one head's key."""
    return int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)


def tensors(model: Any, names: Any) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """llama.cpp's name and the numbers of each weight, once where two are tied.

    Args:
        model: of one of `FAMILIES`.
        names: `gguf.get_tensor_name_map`'s.
    """
    config = model.config
    for name, parameter in model.named_parameters():
        weight = parameter.detach().float().cpu().numpy()
        if config.model_type == "gpt2" and name.endswith(TURNED):
            weight = weight.T
        if config.model_type == "llama" and name.endswith(("q_proj.weight", "k_proj.weight")):
            weight = _neighbours(weight, head_width(config))
        theirs = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if theirs is None:
            raise ConfigError(f"--gguf: llama.cpp's {config.model_type} has no place for {name}: try --onnx")
        yield theirs, np.ascontiguousarray(weight)


def _neighbours(weight_OI: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """Rows so that the two numbers that are turned together stand side by side, and not half a head apart."""
    halves = weight_OI.reshape(-1, 2, width // 2, weight_OI.shape[1])
    return halves.swapaxes(1, 2).reshape(weight_OI.shape)
