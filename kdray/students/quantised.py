"""Teachers whose weights are stored in few bits: which are read, and what plain weights these stand for.

A teacher in 4 or 8 bits of bitsandbytes answers as it is quantised; what is kept of it, fingerprinted and cut into
students are the plain numbers that its bits stand for. fp8 is read as plain numbers from the start, for its own
kernels are code on a hub, which is not run here. Other methods have no way back to plain weights in transformers.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

from kdray.errors import DataError, first_line

READ = ("bitsandbytes", "fp8")
"""Methods, as configurations name them."""


def method_of(config: Any) -> str | None:
    """How a model's weights are quantised; None of plain ones."""
    settings = getattr(config, "quantization_config", None)
    if settings is None:
        return None
    told = settings.get("quant_method") if isinstance(settings, dict) else settings.quant_method
    return "bitsandbytes" if told is None else str(getattr(told, "value", told))


def check_quantised(config: Any, source: str) -> None:
    """Raises `DataError` where this teacher cannot be read here, with what is missing."""
    method = method_of(config)
    if method is None:
        return
    keep_out_kernels()
    from transformers.quantizers import AutoHfQuantizer

    said = f"{source}: its weights are quantised ({method})"
    try:
        settings = as_plain(config).quantization_config
        AutoHfQuantizer.from_config(settings, pre_quantized=True).validate_environment(device_map=None)
    except (AttributeError, ImportError, RuntimeError, TypeError, ValueError) as error:
        raise DataError(f"{said}, which does not run here: {first_line(error)}") from error
    if method not in READ:
        raise DataError(
            f"{said}: transformers does not turn these into the plain weights that students are cut from:"
            " name the model that was quantised"
        )


def keep_out_kernels() -> None:
    """Before bitsandbytes is imported: where the package `kernels` is installed, it would fetch code of a hub and
    run that.
    """
    sys.modules.setdefault("kernels", None)  # type: ignore[arg-type]
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it would say a line for each product


def as_plain(config: Any) -> Any:
    """A configuration with which fp8 is read as plain numbers."""
    if method_of(config) == "fp8":
        config.quantization_config = {**config.quantization_config, "dequantize": True}
    return config


def plain(model: Any) -> Any:
    """A model that was just loaded with the numbers in float32 that its bits stand for; a plain one as it is. One
    that has answered is no longer what its file says: bitsandbytes packs 4 bits anew for a processor.
    """
    import torch

    quantizer = getattr(model, "hf_quantizer", None)
    if quantizer is None:
        return model
    if method_of(model.config) == "fp8":  # plain by now, and not said to be
        quantizer.remove_quantization_config(model)
        return model.float()
    model = model.dequantize(dtype=torch.float32)
    # How the bits were read has no way back, and transformers 5.20 takes that way when it writes plain weights.
    vars(model).pop("_weight_conversions", None)
    return model
