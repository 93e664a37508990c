"""How a student learns: the loss, the optimizer, for how long."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from kdray.config.read import Part

MOST, MOST_ROWS = 10**9, 2**20
"""What nobody trains, nor holds at a time: a slip of the hand, or somebody's idea of a joke."""
MOST_PARTS = 100_000
"""Machines, processes, trials at a time."""


class Distil(Part):
    """Loss = (1 - alpha) * cross-entropy(ground truth) + alpha * T^2 * divergence(teacher, student at T).

    `sequence` is the cross-entropy of the teacher's own answers, which the shards must hold (`capture.targets`).
    """

    loss: Literal[
        "decoupled", "bucketed", "spread", "reverse", "jsd", "tvd", "sampled", "cosine", "sequence"
    ] = "decoupled"
    alpha: float = Field(0.5, ge=0, le=1)
    temperature: float = Field(1.0, ge=0.1, le=10)

    @model_validator(mode="after")
    def _a_sequence_is_learnt_whole(self) -> Distil:
        if self.loss == "sequence" and (self.alpha, self.temperature) != (1.0, 1.0):
            raise ValueError(
                "loss sequence learns the teacher's own answers as they stand: set alpha 1.0 and temperature 1.0"
            )
        return self

    @property
    def reads_signal(self) -> bool:
        """Whether the teacher's word on each token is looked at; its own answers are labels like any other."""
        return self.loss != "sequence" and self.alpha > 0


class Optim(Part):
    """AdamW with a warm-up and a decay to `final_lr_ratio`."""

    optimizer: Literal["adamw", "adamw_8bit"] = Field(
        "adamw", description="adamw_8bit keeps its two moments in 8 bits (extra adam8bit)"
    )
    lr: float = Field(1e-3, gt=0)
    warmup_steps: int = Field(20, ge=0, le=MOST)
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    final_lr_ratio: float = Field(0.1, ge=0, le=1)
    weight_decay: float = Field(0.01, ge=0)
    clip_norm: float = Field(1.0, gt=0)
    batch_size: int = Field(32, ge=1, le=MOST_ROWS, description="sequences per step over all workers")
    micro_batch: int | None = Field(
        None,
        ge=1,
        le=MOST_ROWS,
        description="sequences that a worker holds at a time: its share of a batch goes in pieces, with the same "
        "gradient; None: about 2,048 tokens on a processor, all at once on an accelerator",
    )
    context_weight: float = Field(
        0.0,
        ge=0,
        le=1,
        description="weight of the context tokens' cross-entropy beside 1 for the targets (decoder-only)",
    )
    context_until: int | None = Field(
        None, ge=0, description="step from which on the context weighs nothing: the rest is the task alone"
    )
    slice_share: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of steps that train a random slice of the model, so that slices start warm",
    )
    gradient_checkpointing: bool = Field(
        False,
        description="whether what layers compute is forgotten and computed again for the gradient: less memory,"
        " about a third more time",
    )
    precision: Literal["float32", "bfloat16"] = "bfloat16"

    @model_validator(mode="after")
    def _pieces_are_even(self) -> Optim:
        if uneven := self.uneven(1):
            raise ValueError(uneven)
        return self

    def uneven(self, workers: int) -> str | None:
        """What does not come out even where so many workers share a batch, in words; None where all does."""
        share, rest = divmod(self.batch_size, workers)
        if rest:
            near = max(1, round(self.batch_size / workers)) * workers
            return f"optim.batch_size {self.batch_size} is not shared evenly by {workers} workers: try {near}"
        if self.micro_batch is None or share % self.micro_batch == 0:
            return None
        near = min(divisors(share), key=lambda size: abs(size - (self.micro_batch or 0)))
        return (
            f"optim.micro_batch {self.micro_batch} does not divide a worker's {share} sequences: try {near}"
        )


def divisors(number: int) -> list[int]:
    """Of a positive number, rising."""
    return [size for size in range(1, number + 1) if number % size == 0]


class Budget(Part):
    """How long a trial trains (optimizer steps) and where it reports."""

    steps: int = Field(ge=1, le=MOST)
    rungs: tuple[int, ...] = ()

    @model_validator(mode="after")
    def _rungs_end_at_steps(self) -> Budget:
        if self.rungs and (list(self.rungs) != sorted(set(self.rungs)) or self.rungs[0] < 1):
            raise ValueError(f"rungs {list(self.rungs)} must rise and begin at 1 or later")
        if self.rungs and self.rungs[-1] != self.steps:
            raise ValueError(f"the last rung {self.rungs[-1]} must equal steps {self.steps}")
        return self

    @property
    def reports(self) -> tuple[int, ...]:
        """The steps at which a trial is evaluated; the last one is always `steps`."""
        return self.rungs or (self.steps,)
