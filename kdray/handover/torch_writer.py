"""A model in torch as something that writes (`beams`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kdray.evaluation.ways import way_of
from kdray.students.forward import capped, head, soft_cap

Ids = NDArray[np.int32]


class TorchWriter:
    """See `beams.Writer`."""

    def __init__(self, model: Any, pad_id: int) -> None:
        """`model` is a transformers model that writes, in evaluation mode."""
        self._model, self._pad_id, self._way = model, pad_id, way_of(model)
        self._weight_VD, self._scale = head(model)

    @torch.inference_mode()
    def read(self, prompt: Ids) -> tuple[NDArray[np.float32], Any]:
        """See `Writer`."""
        hidden_1D, state = self._way.prefill(self._model, [prompt], [np.empty(0, np.int32)], self._pad_id)
        return self._logits(hidden_1D), state

    @torch.inference_mode()
    def go_on(
        self, state: Any, rows: Sequence[int], tokens: Sequence[int]
    ) -> tuple[NDArray[np.float32], Any]:
        """See `Writer`."""
        device = self._model.device
        state = self._way.pack([(state, torch.tensor(rows, device=device))])
        return self._logits(self._way.step(self._model, state, torch.tensor(tokens, device=device))), state

    def _logits(self, hidden_BD: torch.Tensor) -> NDArray[np.float32]:
        logits_BV = (hidden_BD * self._scale).to(self._weight_VD.dtype) @ self._weight_VD.T
        capped_BV: NDArray[np.float32] = capped(logits_BV, soft_cap(self._model)).float().cpu().numpy()
        return capped_BV
