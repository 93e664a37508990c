"""One trial: data, model, DeepSpeed's engine, the loop from rung to rung. Knows no Ray."""

from kdray.train.engine import World, free_port, leave_process_group
from kdray.train.trial_run import TrialRun, train

__all__ = ["TrialRun", "World", "free_port", "leave_process_group", "train"]
