"""What is captured of a teacher: settings of the one pass before a sweep."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from kdray.config.read import Part
from kdray.config.training import MOST, MOST_PARTS, MOST_ROWS


class Store(Part):
    """How a folder of shards keeps the teacher's signal."""

    codec: str = "head"
    codec_params: dict[str, Any] = Field(default_factory=dict)


class Parallel(Part):
    """One teacher on several GPUs of a machine: its layers are dealt out to them in turn (extra parallel)."""

    gpus: int = Field(1, ge=1, le=MOST_PARTS, description="that one teacher takes")
    gpu_gb: float | None = Field(
        None, gt=0, description="of each for weights; None: nine tenths of what is free there"
    )
    cpu_gb: float = Field(
        0, ge=0, description="of memory, for layers that no GPU has room for: fetched for each batch"
    )


class Capture(Store):
    """What is stored of the teacher, once, before the sweep."""

    rows: int | None = Field(
        None, ge=1, le=MOST, description="training rows whose signal is stored; None for the whole corpus"
    )
    targets: Literal["truth", "greedy"] = Field(
        "truth", description="what the teacher speaks of: the ground truth, or its own greedy answers"
    )
    stores: dict[str, Store] = Field(
        default_factory=dict, description="further folders of the same signal, for a space over `shards`"
    )
    parallel: Parallel | None = Field(
        None, description="a teacher larger than one device; None: each on a core or a GPU of its own"
    )
    dtype: Literal["float32", "bfloat16", "float16", "auto"] = Field(
        "float32",
        description="precision that the teacher is run in, `auto` for its own; bytes depend on it",
    )
    batch_size: int = Field(
        32, ge=1, le=MOST_ROWS, description="rows of a teacher batch; fewer where they have over 512 tokens"
    )
    rows_per_shard: int = Field(512, ge=1, le=MOST_ROWS)
    cases: int = Field(400, ge=1, le=MOST, description="held-out examples of the metamorphic suite")
    test_cases: int | None = Field(
        None, ge=1, le=MOST, description="examples of the test suite; None for as many as the suite's"
    )
    variants_per_case: int = Field(1, ge=1, le=MOST_PARTS)
    transforms: tuple[str, ...] = Field((), description="names of the transformations; none named means all")
    seed: int = Field(0, ge=0)
