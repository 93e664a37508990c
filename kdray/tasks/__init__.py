"""What a model is asked to do: how examples become rows and prompts, and how an output is read.

A task is one object with all that (`kdray.tasks.task`); `TASKS` has them by name. Models are not known here: how
one answers, and how good that is, is for `kdray.evaluation`.
"""

from typing import Any

from kdray.config import SNIPPETS, Encoding
from kdray.errors import ConfigError, nearest
from kdray.tasks.assertion import AssertionTask
from kdray.tasks.classification import ClassificationTask
from kdray.tasks.task import Task

__all__ = ["TASKS", "AssertionTask", "ClassificationTask", "Task", "task_class", "task_of"]

TASKS: dict[str, type[Task]] = {"assertion": AssertionTask, **dict.fromkeys(SNIPPETS, ClassificationTask)}
"""By the name in a sweep file."""


def task_class(name: str) -> type[Task]:
    """What a task of that name is. Raises `ConfigError` with the nearest name for an unknown one."""
    if name not in TASKS:
        raise ConfigError(f"task: unknown '{name}'{nearest(name, TASKS)}")
    return TASKS[name]


def task_of(name: str, tokenizer: Any, encoder_decoder: bool, encoding: Encoding) -> Task:
    """The task of that name for a tokenizer, within the limits that a trial sets. Raises `ConfigError`."""
    return task_class(name).of(name, tokenizer, encoder_decoder, encoding)
