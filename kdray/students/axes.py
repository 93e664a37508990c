"""What each axis of each parameter stands for, and how a smaller one is taken out of it.

Reordering an axis everywhere it occurs leaves a model's function as it is; taking the leading part of it makes a
smaller model. Where an axis has an order of its own in each layer, its *site* says which: the prefix of the
parameter's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from kdray.config import Student
from kdray.students.slices import head_dim

VOCAB, HIDDEN, FIXED = "vocab", "hidden", "fixed"
HEADS = "heads"
"""Of T5's table of position biases: one column a head."""
SCORED, MIXED = "scored", "mixed"
"""heads x head_dim of queries and keys, which make the scores, and of values, which are mixed by them."""
UNITS = "units"
"""Of the feed-forward."""
INNER, PAIRED = "inner", "paired"
"""Of a classifier's head: its inner layer, and the hidden states of its snippets side by side."""
DISTANCES, HEAD_DIM = "distances", "head_dim"
"""Of a table of relative positions; its rows are centred, and its columns belong to every head."""

_AXES: dict[str, dict[str, tuple[str, ...]]] = {
    "llama": {
        r"(?P<site>)(model\.embed_tokens|lm_head)\.weight": (VOCAB, HIDDEN),
        r"(?P<site>.*self_attn)\.[qk]_proj\.weight": (SCORED, HIDDEN),
        r"(?P<site>.*self_attn)\.v_proj\.weight": (MIXED, HIDDEN),
        r"(?P<site>.*self_attn)\.o_proj\.weight": (HIDDEN, MIXED),
        r"(?P<site>.*mlp)\.(gate|up)_proj\.weight": (UNITS, HIDDEN),
        r"(?P<site>.*mlp)\.down_proj\.weight": (HIDDEN, UNITS),
        r"(?P<site>.*self_attn)\.[qk]_proj\.bias": (SCORED,),
        r"(?P<site>.*self_attn)\.v_proj\.bias": (MIXED,),
        r"(?P<site>.*mlp)\.(gate|up)_proj\.bias": (UNITS,),
        r"(?P<site>).*(self_attn\.o_proj|mlp\.down_proj)\.bias": (HIDDEN,),
        r"(?P<site>).*norm\.weight": (HIDDEN,),
    },
    "t5": {
        r"(?P<site>)(shared|lm_head)\.weight": (VOCAB, HIDDEN),
        # One table of biases serves all layers of a stack: so do the heads' places.
        r"(?P<site>encoder|decoder)\..*\.relative_attention_bias\.weight": (FIXED, HEADS),
        r"(?P<site>encoder|decoder)\..*\.SelfAttention\.[qk]\.weight": (SCORED, HIDDEN),
        r"(?P<site>encoder|decoder)\..*\.SelfAttention\.v\.weight": (MIXED, HIDDEN),
        r"(?P<site>encoder|decoder)\..*\.SelfAttention\.o\.weight": (HIDDEN, MIXED),
        r"(?P<site>.*EncDecAttention)\.[qk]\.weight": (SCORED, HIDDEN),
        r"(?P<site>.*EncDecAttention)\.v\.weight": (MIXED, HIDDEN),
        r"(?P<site>.*EncDecAttention)\.o\.weight": (HIDDEN, MIXED),
        r"(?P<site>.*DenseReluDense)\.wi\.weight": (UNITS, HIDDEN),
        r"(?P<site>.*DenseReluDense)\.wo\.weight": (HIDDEN, UNITS),
        r"(?P<site>).*layer_norm\.weight": (HIDDEN,),
    },
    "roberta": {
        r"(?P<site>)roberta\.embeddings\.word_embeddings\.weight": (VOCAB, HIDDEN),
        r"(?P<site>)roberta\.embeddings\.(position|token_type)_embeddings\.weight": (FIXED, HIDDEN),
        r"(?P<site>.*attention)\.self\.(query|key)\.weight": (SCORED, HIDDEN),
        r"(?P<site>.*attention)\.self\.(query|key)\.bias": (SCORED,),
        r"(?P<site>.*attention)\.self\.value\.weight": (MIXED, HIDDEN),
        r"(?P<site>.*attention)\.self\.value\.bias": (MIXED,),
        r"(?P<site>.*attention)\.self\.distance_embedding\.weight": (DISTANCES, HEAD_DIM),
        r"(?P<site>.*attention)\.output\.dense\.weight": (HIDDEN, MIXED),
        r"(?P<site>.*\.\d+)\.intermediate\.dense\.weight": (UNITS, HIDDEN),
        r"(?P<site>.*\.\d+)\.intermediate\.dense\.bias": (UNITS,),
        r"(?P<site>.*\.\d+)\.output\.dense\.weight": (HIDDEN, UNITS),
        r"(?P<site>)roberta.*(LayerNorm\.(weight|bias)|output\.dense\.bias)": (HIDDEN,),
        r"(?P<site>)classifier\.dense\.weight": (INNER, PAIRED),
        r"(?P<site>)classifier\.dense\.bias": (INNER,),
        r"(?P<site>)classifier\.out_proj\.weight": (FIXED, INNER),
        r"(?P<site>)classifier\.out_proj\.bias": (FIXED,),
    },
}


def axes_of(family: str, name: str) -> tuple[str, tuple[str, ...]]:
    """The site of a parameter and what its axes stand for. Raises `KeyError` for a name that a family has not."""
    for pattern, axes in _AXES[family].items():
        match = re.fullmatch(pattern, name)
        if match:
            return match["site"], axes
    raise KeyError(f"{family} has no parameter '{name}'")


def by_head(tensor: Tensor, at: int, heads: int, width: int) -> Tensor:
    """An axis [heads * width] as two."""
    return tensor.unflatten(at, (heads, width))  # type: ignore[no-untyped-call,no-any-return]


def lead(
    tensor: Tensor,
    axes: tuple[str, ...],
    shape: Any,
    teacher: Student,
    student: Student,
    *,
    whole_vocabulary: bool = False,
) -> Tensor:
    """The leading part of a teacher's parameter in the student's `shape`, but for a `whole_vocabulary`; a view
    wherever one can be had.
    """
    for at, (axis, size) in enumerate(zip(axes, shape, strict=True)):
        if axis in (SCORED, MIXED):
            # By the tensor's own number of heads: keys and values may have fewer than queries.
            tensor = by_head(tensor, at, tensor.shape[at] // head_dim(teacher), head_dim(teacher))
            tensor = tensor.narrow(at, 0, size // head_dim(student)).narrow(at + 1, 0, head_dim(student))
            tensor = tensor.flatten(at, at + 1)
        elif axis == PAIRED:
            tensor = by_head(tensor, at, -1, teacher.hidden).narrow(at + 1, 0, student.hidden)
            tensor = tensor.flatten(at, at + 1)
        elif axis == DISTANCES:
            tensor = tensor.narrow(at, (tensor.shape[at] - size) // 2, size)
        elif axis != VOCAB or not whole_vocabulary:
            tensor = tensor.narrow(at, 0, size)
    return tensor


Order = Mapping[str, Tensor]
"""Site and axis, as `site/axis` -> int64 indices, the most important first; an axis that is not named stays.

`heads` goes before `scored` and `mixed`, which are [heads, head_dim] by the heads' old numbers.
"""


class Reordered(Mapping[str, Tensor]):
    """A model's parameters with their axes in another order, made when they are asked for: the same function."""

    def __init__(self, state: Mapping[str, Tensor], order: Order, teacher: Student) -> None:
        self._state, self._order, self._teacher = state, order, teacher

    def __getitem__(self, name: str) -> Tensor:
        tensor = self._state[name]
        site, axes = axes_of(self._teacher.family, name)
        for at, axis in enumerate(axes):
            index = _index(self._order, site, axis, self._teacher)
            tensor = tensor if index is None else tensor.index_select(at, index.to(tensor.device))
        return tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self._state)

    def __len__(self) -> int:
        return len(self._state)


def _index(order: Order, site: str, axis: str, teacher: Student) -> Tensor | None:
    if axis in (SCORED, MIXED):
        if f"{site}/{HEADS}" not in order:
            return None
        heads_H, width = order[f"{site}/{HEADS}"], head_dim(teacher)
        within_HD = order.get(f"{site}/{axis}", torch.arange(width).expand(teacher.heads, width))
        return (heads_H[:, None] * width + within_HD[heads_H]).flatten()
    if axis == PAIRED and f"/{HIDDEN}" in order:
        snippets = getattr(teacher, "snippets", 1)
        return (order[f"/{HIDDEN}"] + teacher.hidden * torch.arange(snippets)[:, None]).flatten()
    return order.get(f"/{axis}" if axis in (HIDDEN, INNER) else f"{site}/{axis}")
