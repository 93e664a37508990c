"""A model as a callable from rows to the logits of their targets: what capture, verification and the suite
run.

Not for training: the logits of a batch's targets are held whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from kdray.students.forward import (
    head,
    hidden_states,
    labels_apart,
    project,
    soft_cap,
    start_of,
    whole_logits,
)
from kdray.tasks.row import IGNORED, Row


class TargetLogits:
    """Teacher-forced logits of rows, in float32."""

    def __init__(self, model: Any, pad_id: int, vocab: int | None = None) -> None:
        """`vocab` keeps the first so many columns: the ids that teacher, student and tokenizer share."""
        self._model, self._pad_id = model.eval(), pad_id
        weight_VD, self._scale = head(model)
        self._weight_VD, self._cap = weight_VD.detach()[:vocab], soft_cap(model)
        self.vocab = len(self._weight_VD)

    @torch.no_grad()
    def __call__(self, rows: Sequence[Row]) -> list[NDArray[np.float32]]:
        """float32 [targets of the row, V] for each row."""
        device = self._weight_VD.device
        input_ids_BT = self._pad([row.input_ids for row in rows], self._pad_id)
        labels_BL = self._pad([row.labels for row in rows], IGNORED)
        lengths_B = torch.tensor([len(row.input_ids) for row in rows])
        mask_BT = (torch.arange(input_ids_BT.shape[1]) < lengths_B[:, None]).long()
        decoder_ids_BL = None
        if labels_apart(self._model):
            decoder_ids_BL = torch.full_like(labels_BL, start_of(self._model, self._pad_id))
            decoder_ids_BL[:, 1:] = labels_BL[:, :-1].masked_fill(labels_BL[:, :-1] == IGNORED, self._pad_id)
            is_target_BL = labels_BL != IGNORED
        else:
            # Token t + 1 is predicted from the hidden state of token t.
            is_target_BL = torch.zeros_like(labels_BL, dtype=torch.bool)
            is_target_BL[:, :-1] = labels_BL[:, 1:] != IGNORED
        decoder_ids_BL = None if decoder_ids_BL is None else decoder_ids_BL.to(device)
        logits_NV = self._logits(
            input_ids_BT.to(device), mask_BT.to(device), decoder_ids_BL, is_target_BL.to(device)
        )
        return np.split(logits_NV.float().cpu().numpy(), np.cumsum(is_target_BL.sum(1).numpy())[:-1])

    def _logits(self, ids_BT: Tensor, mask_BT: Tensor, decoder_ids_BL: Any, chosen_BL: Tensor) -> Tensor:
        """[N, V] at the chosen positions."""
        hidden = hidden_states(self._model, ids_BT, mask_BT, decoder_ids_BL)
        return project(hidden[chosen_BL], self._weight_VD, self._scale, self._cap)

    @staticmethod
    def _pad(sequences: Sequence[NDArray[np.int32]], value: int) -> Tensor:
        tensors = [torch.from_numpy(np.asarray(sequence, np.int64)) for sequence in sequences]
        return pad_sequence(tensors, batch_first=True, padding_value=value)


class WholeLogits(TargetLogits):
    """The same out of the model's own forward pass, at whatever memory that takes: what the pieces are held to."""

    def _logits(self, ids_BT: Tensor, mask_BT: Tensor, decoder_ids_BL: Any, chosen_BL: Tensor) -> Tensor:
        return whole_logits(self._model, ids_BT, mask_BT, decoder_ids_BL)[chosen_BL][:, : self.vocab]
