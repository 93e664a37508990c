"""Which of the two ways a model goes on by: over a cache where that says what reading anew says, else anew.

The families that kdray builds itself are known to (`tests/evaluation/test_generate.py`); any other is asked, once,
on two short prompts, with a draft that is partly taken back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from kdray.evaluation import decoding, rereading

KNOWN = ("llama", "t5")
"""Model types that need not be asked."""
TOLERANCE = 1e-3
"""Largest difference of a hidden state, in the states' own standard deviations."""
SHORT, LONG = 4, 9
"""Tokens of the prompts."""


@dataclass(frozen=True)
class Way:
    """The functions of `decoding`, or of `rereading`."""

    prefill: Callable[..., tuple[Tensor, Any]]
    step: Callable[..., Tensor]
    pack: Callable[..., Any]


CACHED = Way(decoding.prefill, decoding.step, decoding.pack)
REREAD = Way(rereading.prefill, rereading.step, rereading.pack)

_found: WeakKeyDictionary[Any, Way] = WeakKeyDictionary()


def way_of(model: Any) -> Way:
    """The faster way that is right for a model."""
    if model.config.model_type in KNOWN:
        return CACHED
    if model not in _found:
        _found[model] = CACHED if _cache_is_right(model) else REREAD
    return _found[model]


@torch.inference_mode()
def _cache_is_right(model: Any) -> bool:
    try:
        cached_ND = _tried(model, CACHED)
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError):
        return False  # keeps something else than keys and values, or does not take what it is told
    reread_ND = _tried(model, REREAD)
    return bool((cached_ND - reread_ND).abs().max() <= TOLERANCE * reread_ND.std().clamp(min=1e-6))


def _tried(model: Any, way: Way) -> Tensor:
    """Hidden states of two prompts of different lengths and of two steps behind them."""
    rng = np.random.default_rng(0)
    vocab = model.config.get_text_config().vocab_size
    long, short, draft = (rng.integers(0, vocab, size).astype(np.int32) for size in (_long(model), SHORT, 4))
    hidden_ND, state = way.prefill(model, [long, short], [draft, draft[:1]], 0)
    state.length_B = state.length_B - torch.tensor([1, 0], device=model.device)  # a token is taken back
    state = way.pack([(state, torch.tensor([1, 0], device=model.device))])
    found = [hidden_ND]
    for token in draft[:2].tolist():
        found.append(way.step(model, state, torch.full((2,), token, device=model.device)))
    return torch.cat(found).float()


def _long(model: Any) -> int:
    """Longer than a sliding window, where one is short enough to be tried."""
    config = model.config
    window = getattr(config, "sliding_window", None) or getattr(config, "window_size", None)
    return window + LONG if isinstance(window, int) and window <= 512 else LONG
