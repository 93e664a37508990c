"""Low-rank adapters in a checkpoint that is trained (Hu et al., LoRA, arXiv 2106.09685), by peft.

They stand inside the model, whose pieces are used as ever; what is saved is a plain model with the adapters added
to its weights. A classifier's head, which may be new, is trained whole; embeddings and a vocabulary's projection
are not trained. At the last rung they are added to the weights before these are rounded to what is saved.
"""

from __future__ import annotations

import importlib.util
from typing import Any

from torch import Tensor

from kdray.config import Lora
from kdray.errors import ConfigError, first_line

HEAD = "classifier."
BASE, ADAPTER = ".base_layer", ".lora_"


def check_installed() -> None:
    """Raises `ConfigError` where the extra is missing."""
    if importlib.util.find_spec("peft") is None:
        raise ConfigError("lora needs peft: pip install 'kdray[lora]'")


def adapt(model: Any, lora: Lora) -> None:
    """Puts adapters into a model; these alone are trained then.

    Raises:
        ConfigError: the extra is missing, or has no adapters for such a model.
    """
    check_installed()
    from peft import LoraConfig, inject_adapter_in_model

    layers = _layers(model)
    config = LoraConfig(
        r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=list(layers),
        fan_in_fan_out=any(hasattr(module, "nf") for module in layers.values()),  # GPT-2's, turned round
    )  # fmt: skip
    try:
        inject_adapter_in_model(config, model)
    except ValueError as error:
        kind = model.config.model_type
        raise ConfigError(f"lora: peft has no adapters for a {kind}: {first_line(error)}") from error
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(ADAPTER in name or name.startswith(HEAD))


def fold(model: Any) -> None:
    """Adds adapters to the weights beside which they stand, and leaves them with nothing to add; a pass forward
    does without them then, as that of what is saved, whose time and memory are measured.
    """
    for module in _adapted(model).values():
        module.merge()
        module.lora_B["default"].weight.zero_()


def _adapted(model: Any) -> dict[str, Any]:
    return {name: module for name, module in model.named_modules() if hasattr(module, "lora_A")}


def _layers(model: Any) -> dict[str, Any]:
    """The linear layers that get adapters, by name."""
    from torch.nn import Linear
    from transformers.pytorch_utils import Conv1D

    out = None if hasattr(model, "classifier") else model.get_output_embeddings()
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, (Linear, Conv1D)) and module is not out and not name.startswith(HEAD)
    }


def merged(model: Any) -> dict[str, Tensor]:
    """A model's parameters by name, what adapters it has added to the weights beside which they stand."""
    state = {name: tensor for name, tensor in model.named_parameters() if ADAPTER not in name}
    for name, module in _adapted(model).items():
        weight = f"{name}{BASE}.weight"
        state[weight] = state[weight].detach() + module.get_delta_weight("default").detach()
    return {name.replace(BASE, ""): tensor for name, tensor in state.items()}
