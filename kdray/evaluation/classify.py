"""What a classifier says about code: class probabilities (`metrics` tells how good they are).

Shape suffixes: N inputs, C classes, D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kdray.stream import pad
from kdray.students.logits import TargetLogits
from kdray.tasks.classification import ClassificationTask
from kdray.tasks.row import Row

MOST_KEPT = 20_000
"""Snippets whose states are remembered: attacks and variants ask for the other half of a pair again and again."""


class Classifier:
    """A model and its task as a function from inputs to class probabilities.

    Every distinct snippet is read once, in batches of like length.
    """

    def __init__(self, model: Any, task: ClassificationTask, batch_size: int = 16) -> None:
        """`model` is a `CodeClassifier`, or of `students.bert`."""
        self.model, self.task = model.eval(), task
        self._batch_size = batch_size
        self._states: dict[str, NDArray[np.float32]] = {}

    @torch.inference_mode()
    def __call__(self, inputs: Sequence[tuple[str, ...]]) -> NDArray[np.float64]:
        """Class probabilities, float64 [N, C], of inputs with `task.snippets` snippets each."""
        if not inputs:
            return np.zeros((0, self.model.config.num_labels))
        self._read({snippet: None for snippets in inputs for snippet in snippets})
        states = [np.stack([self._states[snippet] for snippet in snippets]) for snippets in inputs]
        # Kept in float32; the head may be in another precision.
        logits_NC = self.model.decide(torch.from_numpy(np.stack(states)).to(next(self.model.parameters())))
        probabilities_NC: NDArray[np.float64] = logits_NC.double().softmax(1).cpu().numpy()
        return probabilities_NC

    def _read(self, snippets: dict[str, None]) -> None:
        if len(self._states) + len(snippets) > MOST_KEPT:
            self._states = {code: self._states[code] for code in snippets if code in self._states}
        new = [code for code in snippets if code not in self._states]
        tokens = self.task.encode(new)
        device = next(self.model.parameters()).device
        order = sorted(range(len(new)), key=lambda at: len(tokens[at]))
        for start in range(0, len(order), self._batch_size):
            chosen = order[start : start + self._batch_size]
            ids_BT, _ = pad([tokens[at] for at in chosen], self.task.pad_id)
            states_BD = self.model.encode(torch.from_numpy(ids_BT).to(device)).float().cpu().numpy()
            self._states |= {new[at]: states_D for at, states_D in zip(chosen, states_BD, strict=True)}


def class_logits(
    model: Any, task: ClassificationTask, rows: Sequence[Row], batch_size: int
) -> list[NDArray[np.float32]]:
    """A classifier's logits [1, C] of each row, read in batches of like length."""
    forward = TargetLogits(model, task.pad_id)
    order = sorted(range(len(rows)), key=lambda at: len(rows[at].input_ids))
    logits: list[Any] = [None] * len(rows)
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        for at, logits_1C in zip(chosen, forward([rows[at] for at in chosen]), strict=True):
            logits[at] = logits_1C
    return logits
