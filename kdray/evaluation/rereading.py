"""The slow way of going on: everything is read anew for each token, without a cache.

For models whose cache `decoding` cannot keep: learned positions that cannot be told (BART), states that are no
keys and values (Mamba). Right for every model that reads from left to right; the same functions as `decoding`.

Shape suffixes: B sequences, T tokens, S encoder positions, N flat positions, D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kdray.evaluation.decoding import padded
from kdray.students.forward import decoded, hidden_states, start_of

Ids = NDArray[np.int32]


@dataclass
class Texts:
    """Where B sequences stand.

    Attributes:
        ids: what was read of each, at least `length_B` tokens.
        length_B: int64, how many of them count.
        encoded: states [S, D] of each prompt behind the encoder, or None.
    """

    ids: list[Ids]
    length_B: Tensor
    encoded: list[Tensor] | None = None


def prefill(model: Any, prompts: Sequence[Ids], drafts: Sequence[Ids], pad_id: int) -> tuple[Tensor, Texts]:
    """See `decoding.prefill`."""
    read = [draft[:-1] for draft in drafts]
    encoded = None
    if model.config.is_encoder_decoder:
        ids_BS, mask_BS = padded(prompts, pad_id, model.device)
        states_BSD = model.get_encoder()(input_ids=ids_BS, attention_mask=mask_BS).last_hidden_state
        encoded = [states[: len(prompt)] for states, prompt in zip(states_BSD, prompts, strict=True)]
        first = np.array([start_of(model, pad_id)], np.int32)
        ids = [np.concatenate([first, draft]) for draft in read]
    else:
        ids = [np.concatenate(pair) for pair in zip(prompts, read, strict=True)]
    hidden_BTD = _read(model, ids, encoded, pad_id)
    hidden = [
        states[len(own) - len(draft) - 1 : len(own)]
        for states, own, draft in zip(hidden_BTD, ids, read, strict=True)
    ]
    return torch.cat(hidden), Texts(
        ids, torch.tensor([len(own) for own in ids], device=model.device), encoded
    )


def step(model: Any, state: Texts, tokens_B: Tensor) -> Tensor:
    """See `decoding.step`."""
    lengths, tokens = state.length_B.tolist(), tokens_B.tolist()
    state.ids = [
        np.append(own[:length], np.int32(token))
        for own, length, token in zip(state.ids, lengths, tokens, strict=True)
    ]
    state.length_B = state.length_B + 1
    hidden_BTD = _read(model, state.ids, state.encoded, 0)
    return hidden_BTD[torch.arange(len(lengths), device=hidden_BTD.device), state.length_B - 1]


def pack(pieces: Sequence[tuple[Texts, Tensor]]) -> Texts:
    """See `decoding.pack`."""
    chosen = [(state, row) for state, rows in pieces for row in rows.tolist()]
    encoded = [state.encoded[row] for state, row in chosen if state.encoded is not None]
    length_B = torch.stack([state.length_B[row] for state, row in chosen])
    return Texts([state.ids[row] for state, row in chosen], length_B, encoded or None)


def _read(model: Any, ids: Sequence[Ids], encoded: list[Tensor] | None, pad_id: int) -> Tensor:
    """The last hidden states [B, T, D] of whole sequences."""
    ids_BT, mask_BT = padded(ids, pad_id, model.device)
    if encoded is None:
        return hidden_states(model, ids_BT, mask_BT, None)
    states_BSD = torch.nn.utils.rnn.pad_sequence(encoded, batch_first=True)
    lengths_B = torch.tensor([len(states) for states in encoded], device=model.device)
    mask_BS = torch.arange(states_BSD.shape[1], device=model.device) < lengths_B[:, None]
    return decoded(model, states_BSD, mask_BS.long(), ids_BT)
