"""The distillation loss: what a student learns from the ground truth and from a truncated teacher."""

from kdray.losses.chunked import LossParts, loss
from kdray.losses.divergences import DIVERGENCES
from kdray.losses.tensors import SignalTensors, to_tensors

__all__ = ["DIVERGENCES", "LossParts", "SignalTensors", "loss", "to_tensors"]
