"""A model in two pieces, hidden states and vocabulary head, which together are its own forward pass.

The loss projects hidden states to the vocabulary in chunks of positions, so a model is used in two steps and
its own `forward` (which would hold the whole [B, T, V] logits) is not called in training. That the pieces say what
`forward` says is checked whenever a model is loaded (`students.pieces`).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from kdray.students.derive import CLASSIFIERS

PIECE = 1 << 14
"""Rows of a vocabulary head in another precision that are read as float32 at a time."""


def hidden_states(model: Any, input_ids_BT: Tensor, mask_BT: Tensor, decoder_ids_BL: Tensor | None) -> Tensor:
    """The last hidden states: [B, T, D] of a decoder-only model, [B, L, D] of an encoder-decoder's decoder; with a
    1 behind each where the head has a bias (see `head`).

    Sequences are padded on the right: a causal model's padding is seen by no real token, so it needs no mask
    (and without one the attention kernel is the fast, purely causal one). A classifier gives [B, 1, D + 1].
    """
    if is_classifier(model):
        return model.inner(input_ids_BT)  # type: ignore[no-any-return]
    if decoder_ids_BL is None:
        output = model.base_model(input_ids=input_ids_BT, use_cache=False)
        return with_one(model, output.last_hidden_state)
    encoded = model.get_encoder()(input_ids=input_ids_BT, attention_mask=mask_BT).last_hidden_state
    return decoded(model, encoded, mask_BT, decoder_ids_BL)


def decoded(model: Any, encoded_BSD: Tensor, mask_BS: Tensor, decoder_ids_BL: Tensor) -> Tensor:
    """An encoder-decoder's last hidden states [B, L, D] behind what its encoder made."""
    output = model.get_decoder()(
        input_ids=decoder_ids_BL,
        encoder_hidden_states=encoded_BSD,
        encoder_attention_mask=mask_BS,
        use_cache=False,
    )
    return with_one(model, output.last_hidden_state)


def whole_logits(model: Any, input_ids_BT: Tensor, mask_BT: Tensor, decoder_ids_BL: Tensor | None) -> Tensor:
    """The logits of transformers' own forward pass, [B, T, V] or [B, L, V]; a classifier's [B, 1, C]."""
    if is_classifier(model):
        return model(input_ids_BT)[:, None]  # type: ignore[no-any-return]
    decoder = {} if decoder_ids_BL is None else {"decoder_input_ids": decoder_ids_BL}
    output = model(input_ids=input_ids_BT, attention_mask=mask_BT, use_cache=False, **decoder)
    return output.logits  # type: ignore[no-any-return]


def is_classifier(model: Any) -> bool:
    """Whether a model is one of `students.classifier` or `students.bert`; asked without importing them."""
    return bool(model.config.model_type in CLASSIFIERS)


def labels_apart(model: Any) -> bool:
    """Whether a row's labels are a sequence of their own: an encoder-decoder's, or one class."""
    return bool(model.config.is_encoder_decoder) or is_classifier(model)


def start_of(model: Any, pad_id: int) -> int:
    """The token that a decoder of its own begins with; T5's convention where the configuration is silent."""
    start = getattr(model.config, "decoder_start_token_id", None)
    return pad_id if start is None else int(start)


def head(model: Any) -> tuple[Tensor, float]:
    """The projection to the vocabulary, or to the classes: logits = `capped`((hidden * scale) @ weight_VD.T).

    T5 with tied embeddings scales by D ** -0.5; leaving that out makes a teacher one-hot at every temperature.
    Cohere multiplies its logits, Granite divides them. A bias (Phi, GPT-J, CodeGen) is a column more, and a 1
    behind each hidden state.
    """
    if is_classifier(model):
        return model.projection(), 1.0
    weight_VD: Tensor = model.get_output_embeddings().weight
    scale, bias_V = _scale(model.config, weight_VD.shape[1]), _bias(model)
    if bias_V is not None:
        weight_VD = torch.cat([weight_VD, bias_V[:, None] / scale], 1)
    return weight_VD, scale


def _scale(config: Any, width: int) -> float:
    # transformers 5.20 has UMT5 scale where its embeddings are tied, without a field that says so.
    if getattr(config, "scale_decoder_outputs", config.model_type == "umt5" and config.tie_word_embeddings):
        return float(width**-0.5)
    if (divisor := getattr(config, "logits_scaling", None)) is not None:
        return 1 / float(divisor)
    factor = getattr(config, "logit_scale", None)
    return 1.0 if factor is None else float(factor)


def _bias(model: Any) -> Tensor | None:
    """[V], of the projection, or BART's, which belongs to no layer and is nearly always nothing."""
    bias_V: Tensor | None = getattr(model.get_output_embeddings(), "bias", None)
    final_1V: Tensor | None = getattr(model, "final_logits_bias", None)
    if bias_V is None and final_1V is not None and bool(final_1V.any()):
        return final_1V[0]
    return bias_V


def with_one(model: Any, hidden: Tensor) -> Tensor:
    """Hidden states [..., D] with a 1 behind each where the model's head has a bias."""
    if _bias(model) is None:
        return hidden
    return torch.cat([hidden, torch.ones_like(hidden[..., :1])], -1)


def soft_cap(model: Any) -> float | None:
    """The bound that logits are squeezed into (Gemma 2); None for nearly all models."""
    cap = getattr(model.config, "final_logit_softcapping", None)
    return None if cap is None or is_classifier(model) else float(cap)


def project(hidden_ND: Tensor, weight_VD: Tensor, scale: float, cap: float | None) -> Tensor:
    """Logits [N, V] in float32, whatever the precision of the model: bfloat16 has no more than 8 bits for the
    differences between them. Of the head no copy is made but of a piece at a time.
    """
    hidden_ND = hidden_ND.float() * scale
    if weight_VD.dtype == torch.float32:
        return capped(hidden_ND @ weight_VD.T, cap)
    logits_NV = hidden_ND.new_empty(len(hidden_ND), len(weight_VD))
    for first in range(0, len(weight_VD), PIECE):
        piece = slice(first, first + PIECE)
        logits_NV[:, piece] = hidden_ND @ weight_VD[piece].float().T
    return capped(logits_NV, cap)


def capped(logits: Tensor, cap: float | None) -> Tensor:
    """Logits within the bound, if there is one."""
    return logits if cap is None else cap * torch.tanh(logits / cap)
