"""Hidden states and vocabulary head of any family, apart.

The loss projects hidden states to the vocabulary in chunks of positions, so a model is used in two steps and
its own `forward` (which would hold the whole [B, T, V] logits) is not called in training.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def hidden_states(model: Any, input_ids_BT: Tensor, mask_BT: Tensor, decoder_ids_BL: Tensor | None) -> Tensor:
    """The last hidden states: [B, T, D] of a decoder-only model, [B, L, D] of an encoder-decoder's decoder.

    Sequences are padded on the right: a causal model's padding is seen by no real token, so it needs no mask
    (and without one the attention kernel is the fast, purely causal one). A classifier gives [B, 1, D + 1].
    """
    if is_classifier(model):
        return model.inner(input_ids_BT)  # type: ignore[no-any-return]
    if decoder_ids_BL is None:
        output = model.model(input_ids=input_ids_BT, use_cache=False)
        return output.last_hidden_state  # type: ignore[no-any-return]
    encoded = model.encoder(input_ids=input_ids_BT, attention_mask=mask_BT).last_hidden_state
    output = model.decoder(
        input_ids=decoder_ids_BL,
        encoder_hidden_states=encoded,
        encoder_attention_mask=mask_BT,
        use_cache=False,
    )
    return output.last_hidden_state  # type: ignore[no-any-return]


def is_classifier(model: Any) -> bool:
    """Whether a model is a `CodeClassifier`; asked without importing it."""
    return bool(model.config.model_type == "roberta")


def labels_apart(model: Any) -> bool:
    """Whether a row's labels are a sequence of their own: an encoder-decoder's, or one class."""
    return bool(model.config.is_encoder_decoder) or is_classifier(model)


def head(model: Any) -> tuple[Tensor, float]:
    """The projection to the vocabulary, or to the classes: logits = (hidden * scale) @ weight_VD.T.

    T5 with tied embeddings scales by D ** -0.5; leaving that out makes a teacher one-hot at every
    temperature.
    """
    if is_classifier(model):
        return model.projection(), 1.0
    weight_VD: torch.nn.Parameter = model.get_output_embeddings().weight
    scaled = getattr(model.config, "scale_decoder_outputs", False)
    return weight_VD, (weight_VD.shape[1] ** -0.5 if scaled else 1.0)
