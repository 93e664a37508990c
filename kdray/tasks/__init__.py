"""What a model is asked to do: encode an example, and judge an answer."""

from kdray.tasks.assertion import AssertionTask
from kdray.tasks.classification import ClassificationTask

AnyTask = AssertionTask | ClassificationTask

__all__ = ["AnyTask"]
