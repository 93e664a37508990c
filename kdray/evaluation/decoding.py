"""A model's two ways of going on: whole prefixes at once, then one token at a time over a key-value cache.

Prefixes are padded on the right, where a causal model needs no mask at all. Before the first step `pack`
gathers the rows that go on into a left-padded cache: all rows then end in the same column, so one column a
step serves every row, relative positions (T5) and rotary positions (Llama) stay right, and rows can leave,
join or lose their last tokens at any pack. The cache keeps room at its end: transformers' own copies
everything it holds at every token.

Not covered: models whose positions cannot be told (BART), or that keep something else than keys and values
(Mamba): they go on by `rereading`, and `ways` finds out which.

Shape suffixes: B sequences, T columns of the cache, S encoder positions, L decoder positions, N flat
positions, D width.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import Cache, DynamicCache, DynamicLayer, EncoderDecoderCache

from kdray.students.forward import start_of, with_one

ROOM = 32
"""Columns that a full cache layer grows by."""


class RoomyLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values [B, H, T, D] with room at the end; `keys` and `values` are views of what is filled."""

    keys: Tensor
    values: Tensor
    room: tuple[Tensor, Tensor]

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Appends columns. The first call copies nothing: a prefix is packed before it grows."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self.fill(key_states, value_states)
            return self.keys, self.values
        begin = self.keys.shape[2]
        end = begin + key_states.shape[2]
        if end > self.room[0].shape[2]:
            self.room = (_with_room(self.keys, end), _with_room(self.values, end))
        self.room[0][:, :, begin:end] = key_states
        self.room[1][:, :, begin:end] = value_states
        self.keys, self.values = self.room[0][:, :, :end], self.room[1][:, :, :end]
        return self.keys, self.values

    def fill(self, keys: Tensor, values: Tensor, room: tuple[Tensor, Tensor] | None = None) -> None:
        """Makes these the whole content; they may be views of something roomier."""
        self.is_initialized, self.dtype, self.device = True, keys.dtype, keys.device
        self.keys, self.values, self.room = keys, values, room or (keys, values)


def _with_room(filled_BHTD: Tensor, end: int) -> Tensor:
    b, h, t, d = filled_BHTD.shape
    roomy = filled_BHTD.new_empty((b, h, end + ROOM, d))
    roomy[:, :, :t] = filled_BHTD
    return roomy


@dataclass
class State:
    """Where B sequences stand.

    Attributes:
        cache: of the decoder's own attention.
        begin_B: int64, the column of each row's first token.
        length_B: int64, its number of tokens in the cache; they stand in neighbouring columns.
        cross: cache of the attention to the encoder, or None.
        encoder_mask_BS: int64, or None.
    """

    cache: Any
    begin_B: Tensor
    length_B: Tensor
    cross: Any = None
    encoder_mask_BS: Tensor | None = None


def prefill(
    model: Any, prompts: Sequence[NDArray[np.int32]], drafts: Sequence[NDArray[np.int32]], pad_id: int
) -> tuple[Tensor, State]:
    """Reads prompts, each with the first tokens of an output to be checked.

    Args:
        model: decoder-only or encoder-decoder.
        prompts: B inputs, none empty.
        drafts: B outputs to read along, each maybe empty. The last token of a draft is not read: nothing is
            predicted from it here.
        pad_id: the padding token.

    Returns:
        hidden_ND, the states that predict output token 0, 1, ... of row 0, then of row 1, ... (as many as the
        draft has, at least one), and the state to go on from.
    """
    device = model.device
    read = [draft[:-1] for draft in drafts]
    if model.config.is_encoder_decoder:
        encoder_ids_BS, encoder_mask_BS = padded(prompts, pad_id, device)
        encoded_BSD = model.get_encoder()(
            input_ids=encoder_ids_BS, attention_mask=encoder_mask_BS
        ).last_hidden_state
        first = np.array([start_of(model, pad_id)], np.int32)
        sequences = [np.concatenate([first, draft]) for draft in read]
        ids_BL, _ = padded(sequences, pad_id, device)
        caches = EncoderDecoderCache(Cache(layer_class_to_replicate=RoomyLayer), DynamicCache())
        hidden_BLD = _decode(
            model, ids_BL, caches, encoder_hidden_states=encoded_BSD, encoder_attention_mask=encoder_mask_BS
        )
        cache, cross = caches.self_attention_cache, caches.cross_attention_cache
    else:
        sequences = [np.concatenate([prompt, draft]) for prompt, draft in zip(prompts, read, strict=True)]
        ids_BL, _ = padded(sequences, pad_id, device)
        cache, cross, encoder_mask_BS = Cache(layer_class_to_replicate=RoomyLayer), None, None
        hidden_BLD = _decode(model, ids_BL, cache)
    rows = np.concatenate([np.full(len(draft) + 1, b) for b, draft in enumerate(read)])
    columns = np.concatenate(
        [np.arange(len(s) - len(draft) - 1, len(s)) for s, draft in zip(sequences, read, strict=True)]
    )
    hidden_ND = hidden_BLD[torch.from_numpy(rows).to(device), torch.from_numpy(columns).to(device)]
    length_B = torch.tensor([len(sequence) for sequence in sequences], device=device)
    return hidden_ND, State(cache, torch.zeros_like(length_B), length_B, cross, encoder_mask_BS)


def step(model: Any, state: State, tokens_B: Tensor) -> Tensor:
    """Appends one token to each row of a packed state; returns hidden_BD that predicts the next."""
    state.length_B = state.length_B + 1
    width = state.cache.get_seq_length() + 1
    columns_T = torch.arange(width, device=tokens_B.device)
    mask_BT = (columns_T >= state.begin_B[:, None]).long()
    if state.cross is None:
        others = {"attention_mask": mask_BT}
        if "position_ids" in _arguments(type(model.base_model).forward):
            others["position_ids"] = state.length_B[:, None] - 1
        hidden_B1D = _decode(model, tokens_B[:, None], state.cache, **others)
    else:
        # The keys of the encoder are cached; only the shape of its states is looked at.
        shape = (*cast(Tensor, state.encoder_mask_BS).shape, 1)
        hidden_B1D = _decode(
            model,
            tokens_B[:, None],
            EncoderDecoderCache(state.cache, state.cross),
            attention_mask=mask_BT,
            encoder_hidden_states=torch.zeros(1, dtype=model.dtype, device=tokens_B.device).expand(shape),
            encoder_attention_mask=state.encoder_mask_BS,
        )
    return hidden_B1D[:, -1]


def _decode(model: Any, ids_BL: Tensor, cache: Any, **others: Any) -> Tensor:
    """The decoder's last hidden states [B, L, D] of tokens that the cache grows by."""
    decoder = model.get_decoder() if model.config.is_encoder_decoder else model.base_model
    call = {"input_ids": ids_BL, _cache_argument(type(decoder).forward): cache, "use_cache": True, **others}
    return with_one(model, decoder(**call).last_hidden_state)


@functools.cache
def _arguments(forward: Callable[..., Any]) -> frozenset[str]:
    return frozenset(signature(forward).parameters)


def _cache_argument(forward: Callable[..., Any]) -> str:
    """What a decoder calls its cache: `cache` since transformers 5.24, which forgets `past_key_values` in 5.40."""
    return "cache" if "cache" in _arguments(forward) else "past_key_values"


def pack(pieces: Sequence[tuple[State, Tensor]]) -> State:
    """The chosen rows of some states, in order, as one left-padded state without needless columns.

    Args:
        pieces: states with the int64 numbers of the rows to keep of each.
    """
    width = max(int(state.length_B[rows].max()) for state, rows in pieces)
    cache = Cache(layer_class_to_replicate=RoomyLayer)
    for number in range(len(pieces[0][0].cache.layers)):
        layer = RoomyLayer()
        keys, values = (_gather(pieces, number, which, width) for which in ("keys", "values"))
        layer.fill(keys[:, :, :width], values[:, :, :width], (keys, values))
        cache.layers.append(layer)
    length_B = torch.cat([state.length_B[rows] for state, rows in pieces])
    packed = State(cache, width - length_B, length_B)
    if pieces[0][0].cross is not None:
        packed.cross, packed.encoder_mask_BS = _pack_cross(pieces)
    return packed


def _gather(pieces: Sequence[tuple[State, Tensor]], number: int, which: str, width: int) -> Tensor:
    """Rows of one layer's keys or values, each moved to end at column `width`, with room behind.

    Row by row: indexing all rows at once takes every column apart and is five times slower.
    """
    layers = [getattr(state.cache.layers[number], which) for state, _ in pieces]
    _, heads, _, size = layers[0].shape
    count = sum(len(rows) for _, rows in pieces)
    # Zeros, not whatever is there: attention multiplies masked values by 0, and 0 * nan is nan.
    moved_BHTD: Tensor = layers[0].new_zeros((count, heads, width + ROOM, size))
    at = 0
    for (state, rows), filled_BHTD in zip(pieces, layers, strict=True):
        where = zip(rows.tolist(), state.begin_B[rows].tolist(), state.length_B[rows].tolist(), strict=True)
        for row, begin, length in where:
            moved_BHTD[at, :, width - length : width] = filled_BHTD[row, :, begin : begin + length]
            at += 1
    return moved_BHTD


def _pack_cross(pieces: Sequence[tuple[State, Tensor]]) -> tuple[Any, Tensor]:
    masks = [state.encoder_mask_BS[rows] for state, rows in pieces if state.encoder_mask_BS is not None]
    width = max(int(mask.sum(1).max()) for mask in masks)
    mask_BS = torch.cat([_widen(mask, width) for mask in masks])
    cross = DynamicCache()
    for number in range(len(pieces[0][0].cross.layers)):
        both = (
            torch.cat(
                [
                    _widen(getattr(s.cross.layers[number], which)[r].transpose(1, 2), width).transpose(1, 2)
                    for s, r in pieces
                ]
            )
            for which in ("keys", "values")
        )
        cross.update(*both, number)
    return cross, mask_BS


def _widen(padded_BS: Tensor, width: int) -> Tensor:
    """Right-padded [B, S, ...] cut or filled with zeros to [B, width, ...]."""
    if padded_BS.shape[1] >= width:
        return padded_BS[:, :width]
    filling = padded_BS.new_zeros((padded_BS.shape[0], width - padded_BS.shape[1], *padded_BS.shape[2:]))
    return torch.cat([padded_BS, filling], 1)


def padded(sequences: Sequence[NDArray[np.int32]], value: int, device: Any) -> tuple[Tensor, Tensor]:
    """Sequences as int64 [B, T] padded on the right, and the mask of what is real."""
    lengths_B = np.array([len(sequence) for sequence in sequences])
    mask_BT = np.arange(lengths_B.max()) < lengths_B[:, None]
    padded_BT = np.full(mask_BT.shape, value, np.int64)
    padded_BT[mask_BT] = np.concatenate(sequences)
    return torch.from_numpy(padded_BT).to(device), torch.from_numpy(mask_BT.astype(np.int64)).to(device)
