"""BERT and DistilBERT that sort code into classes: transformers' own models, in the pieces that kdray asks for.

They read one text (`[CLS] code [SEP]`); a pair in one text is told by its kind of token, which no student learns
here. What `kdray.students.classifier` says of pieces holds for these: the hidden state that the loss sees is the
head's inner layer with a 1 behind it.

Shape suffixes: B inputs, S snippets of an input (one), T tokens, D width, C classes.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import BertForSequenceClassification, DistilBertForSequenceClassification


class _OneText:
    """What both have, beside `pooled`: [B, D] before the projection, out of the first states [B, D]."""

    snippets = 1
    config: Any
    base_model: Any
    classifier: Any

    def pooled(self, states_BD: Tensor) -> Tensor:
        raise NotImplementedError

    def encode(self, ids_BT: Tensor) -> Tensor:
        """[B, D], the first state of each input; padding is told by its token."""
        mask_BT = (ids_BT != self.config.pad_token_id).long()
        return self.base_model(input_ids=ids_BT, attention_mask=mask_BT).last_hidden_state[:, 0]  # type: ignore[no-any-return]

    def decide(self, states_BSD: Tensor) -> Tensor:
        """Logits [B, C] from the first states."""
        return self.classifier(self.pooled(states_BSD[:, 0]))  # type: ignore[no-any-return]

    def inner(self, ids_BT: Tensor) -> Tensor:
        """[B, 1, D + 1], the head's inner layer and a 1."""
        inner_BD = self.pooled(self.encode(ids_BT))
        return torch.cat([inner_BD, torch.ones_like(inner_BD[:, :1])], 1)[:, None]

    def projection(self) -> Tensor:
        """[C, D + 1], the weights of `inner`'s last layer with their bias."""
        return torch.cat([self.classifier.weight, self.classifier.bias[:, None]], 1)

    def forward(self, input_ids: Tensor, **_: Any) -> Tensor:
        """Logits [B, C]."""
        return self.inner(input_ids)[:, 0] @ self.projection().T


class BertClassifier(_OneText, BertForSequenceClassification):  # type: ignore[misc]
    """A BERT."""

    def pooled(self, states_BD: Tensor) -> Tensor:
        """See `_OneText`."""
        return self.dropout(self.bert.pooler(states_BD[:, None]))  # type: ignore[no-any-return]


class DistilBertClassifier(_OneText, DistilBertForSequenceClassification):  # type: ignore[misc]
    """A DistilBERT."""

    def pooled(self, states_BD: Tensor) -> Tensor:
        """See `_OneText`."""
        return self.dropout(torch.relu(self.pre_classifier(states_BD)))  # type: ignore[no-any-return]
