"""The distillation loss: what a student learns from the ground truth and from a truncated teacher.

Value and gradient of a batch (`chunked`), the divergences by name, and a teacher's signal as tensors at a trial's
temperature. Not here: models and batches (`kdray.train`), how a signal is stored (`kdray.teacher`).
"""

from kdray.losses.chunked import LossParts, loss
from kdray.losses.divergences import DIVERGENCES
from kdray.losses.tensors import SignalTensors, to_tensors

__all__ = ["DIVERGENCES", "LossParts", "SignalTensors", "loss", "to_tensors"]
