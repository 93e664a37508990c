"""A teacher on several devices of one machine: its layers dealt out in turn, all else on the first.

accelerate moves what passes from layer to layer. The vocabulary head has to be where logits are made of hidden
states by hand (`forward.project`), so what stands outside of the layers is on the first device. Layers that no
device has room for stay in memory and are fetched for each batch: they are read and never trained.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Any

from kdray.errors import ConfigError, DataError
from kdray.students.derive import new_model

MEMORY = "cpu"
"""The last of the devices, in accelerate's words."""


def check_accelerate() -> None:
    """Raises `ConfigError` where the extra is missing."""
    if importlib.util.find_spec("accelerate") is None:
        raise ConfigError("capture.parallel needs accelerate: pip install 'kdray[parallel]'")


def room_on(gpus: int, gpu_gb: float | None, cpu_gb: float) -> dict[int | str, float]:
    """Bytes for weights on each device, of the GPUs that this process sees. Raises `DataError` where these are
    too few.
    """
    import torch

    seen = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if seen < gpus:
        raise DataError(f"capture.parallel.gpus {gpus}: this process sees {seen}")
    room: dict[int | str, float] = {
        gpu: 1e9 * gpu_gb if gpu_gb else 0.9 * torch.cuda.mem_get_info(gpu)[0] for gpu in range(gpus)
    }
    return room | ({MEMORY: 1e9 * cpu_gb} if cpu_gb else {})


def deal_out(config: Any, dtype: str, room: Mapping[int | str, float], source: str) -> dict[str, int | str]:
    """Module -> device, as `from_pretrained` takes it.

    Args:
        config: the teacher's.
        dtype: precision that it is run in, as torch names it.
        room: device -> bytes, in the order in which they are filled.
        source: names the teacher in an error.

    Raises:
        DataError: it does not fit, or transformers does not say what its layers are.
    """
    import torch

    with torch.device("meta"):
        model = new_model(config).to(getattr(torch, dtype))
    kinds = set(model._no_split_modules or ())
    layers = [name for name, module in model.named_modules() if type(module).__name__ in kinds]
    if not layers:
        raise DataError(f"{source}: transformers does not say what layers a {config.model_type} is made of")
    sizes = {name: sum(p.nbytes for p in model.get_submodule(name).parameters()) for name in layers}
    owned = [*model.named_parameters(), *model.named_buffers()]
    outside = [
        (name, one.nbytes) for name, one in owned if not name.startswith(tuple(f"{n}." for n in layers))
    ]
    devices, left = list(room), dict(room)
    first = devices[0]
    left[first] -= sum(size for _, size in outside)
    placed: dict[str, int | str] = {_module_of(name): first for name, _ in outside}
    placed |= {
        name: first for name, module in model.named_modules() if module is model.get_output_embeddings()
    }
    at = 0
    for name, size in sizes.items():
        while at < len(devices) and left[devices[at]] < size:
            at += 1
        if left[first] < 0 or at == len(devices):
            need, have = sum(p.nbytes for p in model.parameters()), sum(room.values())
            raise DataError(
                f"{source}: {need / 1e9:,.1f} GB of weights do not fit into {have / 1e9:,.1f} GB on"
                f" {len(devices)} devices: set capture.parallel.gpus, cpu_gb, or capture.dtype bfloat16"
            )
        placed[name] = devices[at]
        left[devices[at]] -= size
    return placed


def _module_of(name: str) -> str:
    return name.rpartition(".")[0]
