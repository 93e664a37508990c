"""One trial: its data opened, its student's first weights, DeepSpeed's engine, the loop from rung to rung.

A teacher is trained by the same loop. Not here: which trials there are (`kdray.search`, `kdray.experiment`), and
the processes they run in (`kdray.workers`): no Ray.
"""

from kdray.train.engine import World, free_port, leave_process_group
from kdray.train.trial_run import TrialRun, train

__all__ = ["TrialRun", "World", "free_port", "leave_process_group", "train"]
