"""What a student costs whose sizes do not say all: it is built without weights, and its parameters are counted.

Exact like the formulas of `cost`, which the families that kdray builds itself keep: each matrix is multiplied with
each token that passes it, and attention with all pairs of positions, also where it looks at near ones alone (LED,
LongT5). Of experts those count that a token is sent to. What a state-space model does beside its matrices is not
counted.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

from kdray.config import AnyStudent
from kdray.students.derive import CLASSIFIERS, config_of, derived, head_width, new_model, sizes_of

CROSS = ("EncDecAttention.k.", "EncDecAttention.v.", "encoder_attn.k_proj.", "encoder_attn.v_proj.")
"""Of a decoder, but over the encoder's states."""


def counted(config: Any, student: AnyStudent, vocab: int, inputs: int, outputs: int) -> tuple[int, int]:
    """Parameters, and FLOPs of one example as `cost.flops_per_example` has them.

    Args:
        config: the teacher's.
        student: of its family.
        vocab: rows of its embedding.
        inputs: tokens of the prompt.
        outputs: tokens that are predicted.

    Raises:
        ConfigError: a student that cannot be built.
    """
    return counted_config(derived(config, student, student.vocab or vocab), inputs, outputs)


def counted_config(config: Any, inputs: int, outputs: int) -> tuple[int, int]:
    """The same of a model of this very configuration."""
    return _counted(config.to_json_string(use_diff=False), inputs, outputs)


@lru_cache(maxsize=1024)
def _counted(saved: str, inputs: int, outputs: int) -> tuple[int, int]:
    import torch

    config = config_of(json.loads(saved))
    with torch.device("meta"):
        model = new_model(config)
    if config.model_type in CLASSIFIERS:
        return sum(parameter.numel() for parameter in model.parameters()), _classifier_flops(
            config, model, inputs
        )
    out = model.get_output_embeddings()
    tables = [module.weight for module in model.modules() if isinstance(module, torch.nn.Embedding)]
    apart = {id(table) for table in (out.weight, *tables)}
    read = inputs if config.is_encoder_decoder else inputs + outputs
    flops = 2 * outputs * (out.weight.numel() + (0 if out.bias is None else out.bias.numel()))
    for name, parameter in model.named_parameters():
        if parameter.ndim < 2 or id(parameter) in apart:
            continue
        tokens = outputs if "decoder." in name and config.is_encoder_decoder else read
        flops += 2 * (inputs if any(part in name for part in CROSS) else tokens) * _used(config, parameter)
    params = sum(parameter.numel() for parameter in model.parameters())
    return params, flops + _attention(config, inputs, outputs)


def _classifier_flops(config: Any, model: Any, inputs: int) -> int:
    """Of one input: its snippets through the encoder, and its head once, the bias of the classes a column more."""
    import torch

    tables = {id(module.weight) for module in model.modules() if isinstance(module, torch.nn.Embedding)}
    once = re.compile(r"(^|\.)(pooler|pre_classifier|classifier)\.")
    sizes = sizes_of(config)
    flops: int = 2 * int(config.num_labels)
    for name, parameter in model.named_parameters():
        if parameter.ndim >= 2 and id(parameter) not in tables:
            flops += 2 * int(parameter.numel()) * (1 if once.search(name) else inputs * model.snippets)
    return flops + 4 * int(model.snippets) * sizes["layers"] * inputs**2 * sizes["hidden"]


def _used(config: Any, parameter: Any) -> int:
    """Numbers of a matrix that one token meets."""
    experts = getattr(config, "num_experts", None) or getattr(config, "num_local_experts", None)
    if parameter.ndim == 3 and experts == parameter.shape[0]:
        return int(parameter.numel() // experts * config.num_experts_per_tok)
    return int(parameter.numel())


def _attention(config: Any, inputs: int, outputs: int) -> int:
    """Scores and mixtures over all pairs of positions."""
    sizes = sizes_of(config)
    inner = sizes.get("heads", 0) * head_width(config)
    if not config.is_encoder_decoder:
        return 4 * sizes["layers"] * (inputs + outputs) ** 2 * inner
    pairs = sizes["encoder_layers"] * inputs**2 + sizes["decoder_layers"] * (outputs**2 + outputs * inputs)
    return 4 * pairs * inner
