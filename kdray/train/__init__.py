"""One trial: data, model, DeepSpeed's engine, the loop from rung to rung. Knows no Ray."""

from kdray.train.engine import World
from kdray.train.run import TrialRun, train

__all__ = ["TrialRun", "World", "train"]
