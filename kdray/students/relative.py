"""Self-attention of a BERT-like encoder with learned relative positions, which transformers 5 no longer has.

`relative_key` adds q . r(l - m) to the score of query l and key m, `relative_key_query` also k . r(l - m)
(Shaw et al., arXiv 1803.02155; Huang et al., arXiv 2009.13658, methods 1 and 4). Names and shape of the table are
those of transformers 4, which loads such a folder with `position_embedding_type`.

Shape suffixes: B inputs, H heads, L queries, M keys, D width of a head.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import RobertaConfig
from transformers.models.roberta.modeling_roberta import RobertaSelfAttention


class RelativeSelfAttention(RobertaSelfAttention):  # type: ignore[misc]
    """RoBERTa's self-attention; each layer has a table of 2 * positions - 1 distances."""

    def __init__(self, config: RobertaConfig, layer_idx: int) -> None:
        super().__init__(config, layer_idx=layer_idx)
        self.both = config.position_embedding_type == "relative_key_query"
        self.reach = config.max_position_embeddings - 1
        self.distance_embedding = nn.Embedding(2 * self.reach + 1, self.attention_head_size)

    def forward(
        self, hidden_states: Tensor, attention_mask: Tensor | None = None, *_: Any, **__: Any
    ) -> tuple[Tensor, Tensor]:
        """States [B, L, H * D] and attention weights [B, H, L, M]; `attention_mask` is added to the scores."""
        shape = (*hidden_states.shape[:-1], self.num_attention_heads, self.attention_head_size)
        q_BHLD, k_BHMD, v_BHMD = (
            project(hidden_states).view(shape).transpose(1, 2)
            for project in (self.query, self.key, self.value)
        )
        at = torch.arange(shape[1], device=hidden_states.device)
        r_LMD = self.distance_embedding(at[:, None] - at[None] + self.reach)
        scores_BHLM = q_BHLD @ k_BHMD.transpose(2, 3) + torch.einsum("bhld,lmd->bhlm", q_BHLD, r_LMD)
        if self.both:
            scores_BHLM = scores_BHLM + torch.einsum("bhmd,lmd->bhlm", k_BHMD, r_LMD)
        scores_BHLM = scores_BHLM * self.scaling
        if attention_mask is not None:
            scores_BHLM = scores_BHLM + attention_mask
        weights_BHLM = self.dropout(scores_BHLM.softmax(-1))
        states_BLHD = (weights_BHLM @ v_BHMD).transpose(1, 2)
        return states_BLHD.flatten(2), weights_BHLM


class NoPositions(nn.Module):
    """Stands where absolute positions are added, and adds nothing."""

    def forward(self, position_ids: Tensor) -> float:
        """0, whatever the positions."""
        return 0.0


def use_relative_positions(roberta: Any) -> None:
    """Gives a freshly built `RobertaModel` relative positions in the absolute ones' place."""
    roberta.embeddings.position_embeddings = NoPositions()
    for number, layer in enumerate(roberta.encoder.layer):
        layer.attention.self = RelativeSelfAttention(roberta.config, number)
