"""An encoder that sorts code into classes: RoBERTa, and a head on the first state of each snippet.

A pair is read snippet by snippet, each alone, and the two first states stand side by side before the head (as in
Compressor's clone detectors); one snippet makes transformers' `RobertaForSequenceClassification`, whose
parameter names these are. The loss sees a classifier as a decoder that writes one token out of C: its hidden
state is the head's inner layer with a 1 behind it, which carries the bias.

A snippet longer than the model's positions is cut; its last token becomes the end token. Positions are absolute,
or relative (`relative`), where transformers' own class has none.

Not here: BERT and DistilBERT (`bert`).

Shape suffixes: B inputs, S snippets of an input, T tokens, D width, C classes.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import RobertaConfig, RobertaModel, RobertaPreTrainedModel

from kdray.config import RobertaStudent
from kdray.students.positions import positions_of
from kdray.students.published_cost import CLASSES
from kdray.students.relative import use_relative_positions


class Head(nn.Module):
    """Dense, tanh, projection, with dropout before both."""

    def __init__(self, width: int, snippets: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.dense = nn.Linear(width * snippets, width)
        self.dropout = nn.Dropout(dropout)
        self.out_proj = nn.Linear(width, classes)

    def inner(self, states_BSD: Tensor) -> Tensor:
        """[B, D] from the first state of each snippet."""
        return self.dropout(torch.tanh(self.dense(self.dropout(states_BSD.flatten(1)))))  # type: ignore[no-any-return]

    def forward(self, states_BSD: Tensor) -> Tensor:
        """Logits [B, C]."""
        return self.out_proj(self.inner(states_BSD))  # type: ignore[no-any-return]


class CodeClassifier(RobertaPreTrainedModel):  # type: ignore[misc]
    """The model; `config.snippets` says how many snippets an input has, 1 where a folder does not say."""

    config_class = RobertaConfig

    def __init__(self, config: RobertaConfig) -> None:
        super().__init__(config)
        self.snippets = int(getattr(config, "snippets", 1))
        self.roberta = RobertaModel(config, add_pooling_layer=False)
        relative = getattr(config, "position_embedding_type", "absolute") != "absolute"
        if relative:
            use_relative_positions(self.roberta)
        self.classifier = Head(
            config.hidden_size, self.snippets, config.num_labels, config.hidden_dropout_prob
        )
        self.post_init()
        if relative:  # the mask it adds to its scores is the eager one
            self.set_attn_implementation("eager")

    def encode(self, ids_BT: Tensor) -> Tensor:
        """[B, D], the first state of each snippet; padding is told by its token."""
        ids_BT = self._cut(ids_BT)
        mask_BT = (ids_BT != self.config.pad_token_id).long()
        return self.roberta(input_ids=ids_BT, attention_mask=mask_BT).last_hidden_state[:, 0]  # type: ignore[no-any-return]

    def _cut(self, ids_BT: Tensor) -> Tensor:
        """As many tokens as there are positions for; what is cut ends in the end token all the same."""
        room = positions_of(self.config)
        if ids_BT.shape[1] <= room:
            return ids_BT
        kept_BT, longer_B = ids_BT[:, :room].clone(), ids_BT[:, room] != self.config.pad_token_id
        kept_BT[longer_B, -1] = self.config.eos_token_id
        return kept_BT

    def decide(self, states_BSD: Tensor) -> Tensor:
        """Logits [B, C] from the first state of each snippet."""
        return self.classifier(states_BSD)  # type: ignore[no-any-return]

    def inner(self, ids_BT: Tensor) -> Tensor:
        """[B, 1, D + 1], the head's inner layer and a 1, of inputs whose snippets stand one after another."""
        snippets = split(ids_BT, self.snippets, self.config.bos_token_id, self.config.pad_token_id)
        states_BSD = self.encode(snippets).view(len(ids_BT), self.snippets, -1)
        inner_BD = self.classifier.inner(states_BSD)
        return torch.cat([inner_BD, torch.ones_like(inner_BD[:, :1])], 1)[:, None]

    def projection(self) -> Tensor:
        """[C, D + 1], the weights of `inner`'s last layer with their bias."""
        out = self.classifier.out_proj
        return torch.cat([out.weight, out.bias[:, None]], 1)

    def forward(self, input_ids: Tensor, **_: Any) -> Tensor:
        """Logits [B, C]."""
        return self.inner(input_ids)[:, 0] @ self.projection().T


def classifier_class(model_type: str) -> Any:
    """The class of classifiers of a family."""
    from kdray.students.bert import BertClassifier, DistilBertClassifier

    return {"roberta": CodeClassifier, "bert": BertClassifier, "distilbert": DistilBertClassifier}[model_type]


def split(ids_BT: Tensor, snippets: int, start_id: int, pad_id: int) -> Tensor:
    """[B * S, T'] snippets of inputs, each beginning with the start token, padded on the right.

    Raises:
        ValueError: an input does not have `snippets` start tokens.
    """
    if snippets == 1:
        return ids_BT
    starts = (ids_BT == start_id).nonzero()
    if len(starts) != snippets * len(ids_BT) or (starts[::snippets, 1] != 0).any():
        raise ValueError(f"every input must hold {snippets} snippets, each with its start token")
    begin_BS = starts[:, 1].view(-1, snippets)
    end_BS = torch.cat([begin_BS[:, 1:], torch.full_like(begin_BS[:, :1], ids_BT.shape[1])], 1)
    width = int((end_BS - begin_BS).max())
    at_BST = begin_BS[..., None] + torch.arange(width, device=ids_BT.device)
    own_BST = at_BST < end_BS[..., None]
    rows = torch.arange(len(ids_BT), device=ids_BT.device)[:, None, None]
    ids_BST = ids_BT[rows, at_BST.clamp(max=ids_BT.shape[1] - 1)].where(own_BST, pad_id)
    ids = ids_BST.flatten(0, 1)
    return ids[:, : int((ids != pad_id).sum(1).max())]


def build(student: RobertaStudent, vocab: int, *, pad_id: int, start_id: int, end_id: int) -> CodeClassifier:
    """A randomly initialised classifier of two classes."""
    config = RobertaConfig(
        vocab_size=vocab,
        hidden_size=student.hidden,
        num_hidden_layers=student.layers,
        num_attention_heads=student.heads,
        intermediate_size=student.feed_forward,
        hidden_act=student.activation,
        max_position_embeddings=student.positions,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        hidden_dropout_prob=student.dropout,
        attention_probs_dropout_prob=student.attention_dropout,
        pad_token_id=pad_id,
        bos_token_id=start_id,
        eos_token_id=end_id,
        num_labels=CLASSES,
    )
    config.snippets = student.snippets
    if student.position_type != "absolute":
        config.position_embedding_type = student.position_type
    return CodeClassifier(config)
