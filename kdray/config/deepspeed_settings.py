"""Which of DeepSpeed's settings a trial may hold.

DeepSpeed takes any key and is silent about those it does not know; some that it knows write files wherever they
say (its profiler, its monitors, offloading to a disk) or read a checkpoint by unpickling it. A trial file is
something that people hand to each other, so only what shapes the training is let through.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kdray.errors import nearest

OWNED = (
    "train_batch_size",
    "train_micro_batch_size_per_gpu",
    "gradient_accumulation_steps",
    "gradient_clipping",
    "optimizer",
    "scheduler",
    "torch_autocast",
)
"""Set by kdray from `optim` and `resources`."""

TOP = frozenset(
    {
        "bf16",
        "communication_data_type",
        "data_types",
        "disable_allgather",
        "fp16",
        "gradient_predivide_factor",
        "prescale_gradients",
        "zero_force_ds_cpu_optimizer",
        "zero_optimization",
    }
)
ZERO = frozenset(
    {
        "allgather_bucket_size",
        "allgather_partitions",
        "contiguous_gradients",
        "legacy_stage1",
        "offload_optimizer",
        "overlap_comm",
        "reduce_bucket_size",
        "reduce_scatter",
        "round_robin_gradients",
        "stage",
        "use_multi_rank_bucket_allreduce",
    }
)
OFFLOAD = frozenset({"device", "pin_memory", "ratio", "fast_init"})
STAGES = (0, 1, 2)


def refusal(settings: Mapping[str, Any]) -> str:
    """Why `settings` may not stand in a trial; "" where they may."""
    for key in settings:
        if key in OWNED:
            return f"deepspeed.{key} is set by kdray from optim and resources: leave it out"
    if unknown := _unknown(settings, TOP, "deepspeed"):
        return unknown
    zero = settings.get("zero_optimization", {})
    if not isinstance(zero, Mapping):
        return f"deepspeed.zero_optimization holds settings such as {{stage: 1}}, not {zero!r}"
    if unknown := _unknown(zero, ZERO, "deepspeed.zero_optimization"):
        return unknown
    stage = zero.get("stage", 0)
    if stage not in STAGES or isinstance(stage, bool):
        known = ", ".join(map(str, STAGES))
        return f"deepspeed.zero_optimization.stage {stage!r}: a student fits one device, stages are {known}"
    return _offload_refusal(zero.get("offload_optimizer") or {}, stage)


def _offload_refusal(offload: Any, stage: int) -> str:
    path = "deepspeed.zero_optimization.offload_optimizer"
    if not isinstance(offload, Mapping):
        return f"{path} holds settings such as {{device: cpu}}, not {offload!r}"
    if unknown := _unknown(offload, OFFLOAD, path):
        return unknown
    device = offload.get("device", "none")
    if device not in ("cpu", "none"):
        return f"{path}.device {device!r}: cpu or none"
    if device == "cpu" and stage == 0:
        return f"{path} has no effect at stage 0, where no optimizer is shared out: set stage 1 or 2"
    return ""


def _unknown(settings: Mapping[str, Any], known: frozenset[str], path: str) -> str:
    for key in settings:
        if key not in known:
            return f"{path}.{key} is no setting that kdray hands to DeepSpeed{nearest(str(key), known)}"
    return ""
