"""Whether a tokenizer can write what a corpus asks for: what does not come back can never be answered right, and
what is too long is not learnt.
"""

from __future__ import annotations

from collections.abc import Sequence

from kdray.console import say
from kdray.corpus.example import Example
from kdray.corpus.sample import evenly
from kdray.errors import DataError
from kdray.tasks.task import Task

CHECKED = 4096
"""Examples, evenly spaced, whose targets are encoded and decoded."""
REFUSED = 0.01
"""Share of targets that may not come back; ours."""


def check_round_trip(task: Task, examples: Sequence[Example], tokenizer: str) -> None:
    """Says which share of the targets is lost in the task's tokens, and which is left out for its length.

    Args:
        task: with the tokenizer.
        examples: of a corpus.
        tokenizer: what to call it.

    Raises:
        DataError: more than `REFUSED` of them.
    """
    checked = [examples[i] for i in evenly(len(examples), CHECKED)]
    if overlong := task.overlong(checked):
        share = f"{overlong / len(checked):.1%} of the corpus's targets"
        say(f"targets   {share} are longer than encoding.max_target and are left out of training")
    lost = task.unreadable(checked)
    if not lost:
        return
    share = f"{len(lost) / len(checked):.1%} of the corpus's targets"
    said = f"{share} do not come back from tokens, such as {lost[0]!r}"
    if len(lost) > REFUSED * len(checked):
        raise DataError(f"{tokenizer}: its tokenizer does not fit the corpus: {said}")
    say(f"tokenizer {said}")
