"""Models as plain functions from arrays to arrays, as an ONNX graph is one, over their key-value caches.

Names of inputs and outputs are those that other programs know (Optimum, transformers.js). An encoder-decoder's
encoder hands on the keys and values that its decoder attends to, not the states that these are made of.

Shape suffixes: B sequences, T tokens, P cached ones, H heads, D their width.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache, EncoderDecoderCache

from kdray.errors import ConfigError
from kdray.students.forward import start_of
from kdray.students.positions import positions_of

BATCH, TOKENS, PAST, READ = 2, 3, 5, 7
"""Sizes of the inputs that a graph is traced with: all different, and none is 1, which would be kept."""


@dataclass(frozen=True)
class Part:
    """One graph to be.

    Attributes:
        module: called with the inputs in order.
        inputs: by name.
        dynamic: for each, the dimensions that any size will do for.
        outputs: names.
    """

    module: nn.Module
    inputs: dict[str, Tensor]
    dynamic: list[dict[int, Any]]
    outputs: list[str]


class _Step(nn.Module):
    """A decoder-only model's next tokens over its cache."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model, self.argument = model, _cache_argument(model)
        self.places = "position_ids" in signature(type(model).forward).parameters

    def forward(self, ids_BT: Tensor, mask_BP: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
        more = {"position_ids": others[0]} if self.places else {}
        cache = _cache(others[1:] if self.places else others)
        output = self.model(
            input_ids=ids_BT, attention_mask=mask_BP, use_cache=True, **{self.argument: cache}, **more
        )
        return output.logits, *_flat(cache)


class _Encode(nn.Module):
    """An encoder-decoder's keys and values of a prompt; what its decoder would write is not asked for."""

    def __init__(self, model: Any, start_id: int) -> None:
        super().__init__()
        self.model, self.start_id, self.argument = model, start_id, _cache_argument(model)

    def forward(self, ids_BT: Tensor, mask_BT: Tensor) -> tuple[Tensor, ...]:
        caches = EncoderDecoderCache(DynamicCache(), DynamicCache())
        self.model(
            input_ids=ids_BT,
            attention_mask=mask_BT,
            decoder_input_ids=torch.full_like(ids_BT[:, :1], self.start_id),
            use_cache=True,
            **{self.argument: caches},
        )
        return tuple(_flat(caches.cross_attention_cache))


class _Decode(nn.Module):
    """An encoder-decoder's next tokens over both caches."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model, self.argument = model, _cache_argument(model)

    def forward(self, ids_BT: Tensor, mask_BS: Tensor, *pasts: Tensor) -> tuple[Tensor, ...]:
        own, cross = _cache(pasts[: len(pasts) // 2]), _cache(pasts[len(pasts) // 2 :])
        # Its keys are cached; only the shape of the encoder's states is looked at.
        states = torch.zeros((1, 1, 1), dtype=self.model.dtype).expand(*mask_BS.shape, 1)
        output = self.model(
            encoder_outputs=(states,),
            attention_mask=mask_BS,
            decoder_input_ids=ids_BT,
            use_cache=True,
            **{self.argument: EncoderDecoderCache(own, cross)},
        )
        return output.logits, *_flat(own)


class _Classify(nn.Module):
    """A classifier of one snippet, or of several that come one by one."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, *snippets: Tensor) -> Tensor:
        return self.model.decide(torch.stack([self.model.encode(ids_BT) for ids_BT in snippets], 1))  # type: ignore[no-any-return]


def classifier_part(model: Any) -> Part:
    """`input_ids` of a snippet in, or `input_ids_0` and `input_ids_1`; `logits` out."""
    names = ["input_ids"] if model.snippets == 1 else [f"input_ids_{n}" for n in range(model.snippets)]
    low = model.config.pad_token_id + 3
    inputs = {name: torch.full((BATCH, TOKENS + n), low) for n, name in enumerate(names)}
    batch = torch.export.Dim("batch", min=1, max=4096)
    dynamic = [
        {0: batch, 1: torch.export.Dim(f"tokens_{n}", min=1, max=positions_of(model.config))}
        for n in range(len(names))
    ]
    return Part(_Classify(model), inputs, dynamic, ["logits"])


def decoder_part(model: Any) -> Part:
    """The one graph of a decoder-only model. Raises `ConfigError` for one without keys and values."""
    with torch.inference_mode():
        output = model(input_ids=torch.tensor([[1, 2]]), use_cache=True)
    shapes = _shapes(model, getattr(output, "past_key_values", None) or getattr(output, "cache", None))
    module, any_ = _Step(model), torch.export.Dim.DYNAMIC
    inputs = {
        "input_ids": torch.ones((BATCH, TOKENS), dtype=torch.long),
        "attention_mask": torch.ones((BATCH, PAST + TOKENS), dtype=torch.long),
    }
    if module.places:
        inputs["position_ids"] = torch.arange(PAST, PAST + TOKENS).repeat(BATCH, 1)
    dynamic: list[dict[int, Any]] = [{0: any_, 1: any_}] * len(inputs)
    past = {name: torch.zeros(BATCH, h, PAST, d) for name, (h, d) in _named("past_key_values", shapes)}
    names = [name for name, _ in _named("present", shapes)]
    return Part(module, inputs | past, [*dynamic, *[{0: any_, 2: any_}] * len(past)], ["logits", *names])


def encoder_decoder_parts(model: Any, pad_id: int) -> list[Part]:
    """Its encoder and its decoder. Raises `ConfigError` as `decoder_part`."""
    start_id, any_ = start_of(model, pad_id), torch.export.Dim.DYNAMIC
    ids, mask = torch.full((BATCH, READ), pad_id + 2), torch.ones((BATCH, READ), dtype=torch.long)
    caches = EncoderDecoderCache(DynamicCache(), DynamicCache())
    with torch.inference_mode():
        model(
            input_ids=ids,
            decoder_input_ids=ids[:, :1],
            use_cache=True,
            **{_cache_argument(model): caches},
        )
    own, cross = _shapes(model, caches.self_attention_cache), _shapes(model, caches.cross_attention_cache)
    encoder = Part(
        _Encode(model, start_id),
        {"input_ids": ids, "attention_mask": mask},
        [{0: any_, 1: any_}] * 2,
        [name for name, _ in _named("present", cross, "encoder.")],
    )
    past = {
        name: torch.zeros(BATCH, h, PAST, d) for name, (h, d) in _named("past_key_values", own, "decoder.")
    }
    read = {
        name: torch.zeros(BATCH, h, READ, d) for name, (h, d) in _named("past_key_values", cross, "encoder.")
    }
    inputs = {"input_ids": ids[:, :TOKENS], "encoder_attention_mask": mask, **past, **read}
    dynamic = [{0: any_, 1: any_}] * 2 + [{0: any_, 2: any_}] * (len(past) + len(read))
    names = [name for name, _ in _named("present", own, "decoder.")]
    return [encoder, Part(_Decode(model), inputs, dynamic, ["logits", *names])]


def _named(
    first: str, shapes: list[tuple[int, int]], which: str = ""
) -> Iterator[tuple[str, tuple[int, int]]]:
    for number, shape in enumerate(shapes):
        for part in ("key", "value"):
            yield f"{first}.{number}.{which}{part}", shape


def _shapes(model: Any, cache: Any) -> list[tuple[int, int]]:
    """Heads and their width, of each layer's keys."""
    keys = [getattr(layer, "keys", None) for layer in getattr(cache, "layers", [])]
    if not keys or any(not isinstance(one, Tensor) or one.ndim != 4 for one in keys):
        raise ConfigError(
            f"a {model.config.model_type} keeps something else than keys and values: export it without --onnx"
        )
    return [(one.shape[1], one.shape[3]) for one in keys if one is not None]


def _cache(pasts: tuple[Tensor, ...]) -> Any:
    cache = DynamicCache()
    for number, (keys, values) in enumerate(zip(pasts[::2], pasts[1::2], strict=True)):
        cache.update(keys, values, number)
    return cache


def _flat(cache: Any) -> Iterator[Tensor]:
    for layer in cache.layers:
        yield from (layer.keys, layer.values)


def _cache_argument(model: Any) -> str:
    """`cache` since transformers 5.24, which forgets `past_key_values` in 5.40."""
    return "cache" if "cache" in signature(type(model).forward).parameters else "past_key_values"
