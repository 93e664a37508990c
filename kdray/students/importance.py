"""In which order a teacher's heads, feed-forward units and hidden dimensions are given up.

Scores are activations on a few hundred rows, weighed with what reads them (in the manner of Minitron, arXiv
2407.14679): a hidden dimension by its mean magnitude behind all norms; a head by the mean length of what it adds
to the residual stream; a unit, and a dimension of values within a head, by its mean magnitude times the length of
its column in the output projection; a dimension of queries and keys by the product of their mean squares.

A teacher whose leading blocks were trained to work alone (`optim.slice_share`) has a better order already than any
score finds. So two orders are tried, the teacher's own and the scores', each by the loss of the half-size model
that it gives on the same rows, and the better one is kept.

Shape suffixes: N tokens, H heads, D width of a head or of the model, U units.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kdray.config import RobertaStudent, Student
from kdray.students.axes import (
    HEADS,
    HIDDEN,
    INNER,
    MIXED,
    PAIRED,
    SCORED,
    UNITS,
    Order,
    Reordered,
    axes_of,
    by_head,
)
from kdray.students.families import build, describe
from kdray.students.logits import TargetLogits
from kdray.students.slices import head_dim
from kdray.students.warm_start import slices
from kdray.tasks.row import IGNORED, Row

ROWS = 256
"""Rows that are plenty."""
BATCH = 8
QUERIES, KEYS = "queries", "keys"
"""Scores that together make `SCORED`."""
Add = Callable[[str, Tensor], None]
"""Adds to the score of an axis."""


def best_order(teacher: Any, rows: Sequence[Row], pad_id: int) -> Order:
    """The better one of the teacher's own order (an empty `Order`) and the one by importance.

    Args:
        teacher: a model that `describe` knows.
        rows: encoded for it.
        pad_id: its padding token.
    """
    shape, state = describe(teacher.config), dict(teacher.named_parameters())
    scored = importance_order(teacher, rows, pad_id)
    own, by_score = (
        mean_loss(
            cut_model(Reordered(state, order, shape), shape, _half(shape, teacher.config), teacher.config),
            rows,
            pad_id,
        )
        for order in ({}, scored)
    )
    return scored if by_score < own else {}


def importance_order(teacher: Any, rows: Sequence[Row], pad_id: int) -> dict[str, Tensor]:
    """Every axis of a teacher by its scores, the most important first (see `axes.Order`)."""
    shape = describe(teacher.config)
    scores: dict[str, Tensor] = {}

    def add(key: str, score: Tensor) -> None:
        scores[key] = scores.get(key, torch.zeros_like(score, dtype=torch.float32)) + score

    with _listening(teacher, shape, add):
        mean_loss(teacher, rows, pad_id)
    if isinstance(shape, RobertaStudent):
        if (
            shape.position_type == "absolute"
        ):  # a table of relative positions reads the same dimensions of all heads
            for site in [key.removesuffix(f"/{QUERIES}") for key in scores if key.endswith(f"/{QUERIES}")]:
                scores[f"{site}/{SCORED}"] = scores[f"{site}/{QUERIES}"] * scores[f"{site}/{KEYS}"]
    else:  # heads keep their width: nothing is cut within them
        scores = {key: score for key, score in scores.items() if not key.endswith(f"/{MIXED}")}
        if getattr(teacher.config, "num_key_value_heads", shape.heads) != shape.heads:
            # Heads that share keys and values are cut by whole groups, in the teacher's own order.
            scores = {key: score for key, score in scores.items() if not key.endswith(f"/{HEADS}")}
    wanted = {k: v for k, v in scores.items() if not k.endswith((f"/{QUERIES}", f"/{KEYS}"))}
    return {key: score.argsort(dim=-1, descending=True, stable=True) for key, score in wanted.items()}


@torch.no_grad()
def mean_loss(model: Any, rows: Sequence[Row], pad_id: int) -> float:
    """Mean cross-entropy of the rows' targets in nats."""
    forward, total, count = TargetLogits(model, pad_id), 0.0, 0
    ordered = sorted(rows, key=lambda row: len(row.input_ids))
    for start in range(0, len(ordered), BATCH):
        batch = ordered[start : start + BATCH]
        logits_NV = np.concatenate(forward(batch)).astype(np.float64)
        labels_N = np.concatenate([row.labels[row.labels != IGNORED] for row in batch])
        top_N = logits_NV.max(1)
        normaliser_N = top_N + np.log(np.exp(logits_NV - top_N[:, None]).sum(1))
        total += float((normaliser_N - logits_NV[np.arange(len(labels_N)), labels_N]).sum())
        count += len(labels_N)
    return total / count


def cut_model(state: Mapping[str, Tensor], teacher: Student, student: Student, config: Any) -> Any:
    """A smaller model of the leading parts of a teacher's parameters, for the same tokenizer."""
    ids = {
        "pad_id": config.pad_token_id,
        "end_id": config.eos_token_id,
        "start_id": getattr(config, "bos_token_id", None) or 0,
    }
    model = build(student, config.vocab_size, like=config, **ids)
    shapes = {name: parameter.shape for name, parameter in model.named_parameters()}
    cut = dict(slices(state, teacher, student, shapes))
    model.load_state_dict({name: tensor.detach().clone() for name, tensor in cut.items()}, strict=False)
    return model.eval()


def _half(shape: Student, config: Any) -> Student:
    """All layers at half the width, groups of heads whole."""
    group = shape.heads // getattr(config, "num_key_value_heads", shape.heads)
    heads = max(group, shape.heads // 2 // group * group)
    hidden = shape.hidden * heads // shape.heads if shape.heads > 1 else shape.hidden // 2
    fields = {"heads": heads, "hidden": max(8, hidden), "feed_forward": max(8, shape.feed_forward // 2)}
    return shape.model_copy(update=fields)


@contextmanager
def _listening(teacher: Any, shape: Student, add: Add) -> Iterator[None]:
    """Scores all that passes through the teacher meanwhile."""
    weights = {
        name.removesuffix(".weight") for name, _ in teacher.named_parameters() if name.endswith(".weight")
    }
    handles = [
        module.register_forward_hook(hook)
        for name, module in teacher.named_modules()
        if name in weights and (hook := _hook(name, shape, teacher, add))
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _hook(name: str, shape: Student, teacher: Any, add: Add) -> Callable[..., None] | None:
    """What listens to one module, by the axes of its weight; None where nothing is to be learned from it."""
    site, axes = axes_of(shape.family, f"{name}.weight")
    heads, width = shape.heads, head_dim(shape)

    def hidden(module: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        add(f"/{HIDDEN}", output.flatten(0, -2).abs().mean(0))

    def units(module: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        add(f"{site}/{UNITS}", inputs[0].flatten(0, -2).abs().mean(0) * module.weight.norm(dim=0))

    def mixed(module: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        x_NHD = by_head(inputs[0].flatten(0, -2), -1, heads, width)
        weight_OHD = by_head(module.weight, -1, heads, width)
        add(f"{site}/{HEADS}", torch.einsum("nhd,ohd->nho", x_NHD, weight_OHD).norm(dim=-1).mean(0))
        add(f"{site}/{MIXED}", x_NHD.abs().mean(0) * weight_OHD.norm(dim=0))

    def scored(module: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        side = KEYS if name.endswith("key") else QUERIES
        add(f"{site}/{side}", by_head(output.flatten(0, -2).square().mean(0), 0, heads, width))

    def inner(module: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        add(f"/{INNER}", output.tanh().abs().mean(0) * teacher.classifier.out_proj.weight.norm(dim=0))

    adders: dict[tuple[str, ...], Callable[..., None]] = {
        (HIDDEN,): hidden,
        (HIDDEN, UNITS): units,
        (HIDDEN, MIXED): mixed,
        (INNER, PAIRED): inner,
    }
    if shape.family == "roberta":
        adders[(SCORED, HIDDEN)] = scored
    return adders.get(axes)
