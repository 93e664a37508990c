"""A tiny teacher, its tokenizer and a few tests that it might write assertions for."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from kdray.config import LlamaStudent, T5Student
from kdray.corpus.example import Example
from kdray.students.families import build
from kdray.tasks.assertion import AssertionTask
from kdray.tasks.tokenizer import train_line_tokenizer
from kdray.teacher.codecs import make
from kdray.teacher.manifest import ShardHeader

BODIES = (
    ("values = [1, 2, {n}]\n    total = sum(values)\n", "assert total == {m}"),
    (
        "graph = Graph()\n    graph.add_edge(0, {n})\n    count = {n}\n    count += 1\n",
        "assert len(graph) == count",
    ),
    (
        "text = 'abc'\n    if text is None:\n        text = ''\n    else:\n        text = text + 'd'\n",
        "assert text == 'abcd'",
    ),
    ("seen = []\n    for i in range({n}):\n        seen.append(i)\n", "assert len(seen) == {n}"),
)


def make_examples(count: int) -> list[Example]:
    examples = []
    for number in range(count):
        body, target = (part.format(n=number, m=number + 3) for part in BODIES[number % len(BODIES)])
        context = f"def test_{number}():\n    {body}    "
        examples.append(
            Example(f"{number:016x}", "p/test_a.py", "python", f"test_{number}", "", context, target, "test")
        )
    return examples


class Kit:
    """What building a suite takes."""

    def __init__(self, encoder_decoder: bool) -> None:
        self.examples = make_examples(12)
        tokenizer = train_line_tokenizer([example.context + example.target for example in self.examples], 300)
        self.task = AssertionTask(tokenizer, encoder_decoder, max_target=12)
        self.vocab = len(tokenizer)
        self.header = ShardHeader("assertion", "t" * 16, 1, self.task.fingerprint, self.vocab, "c" * 16)
        self.codec = make("head")

    def model(self, seed: int) -> Any:
        torch.manual_seed(seed)
        student = (
            T5Student(
                family="t5",
                encoder_layers=1,
                decoder_layers=1,
                hidden=32,
                heads=2,
                head_dim=16,
                feed_forward=48,
            )
            if self.task.encoder_decoder
            else LlamaStudent(family="llama", layers=2, hidden=32, heads=2, head_dim=16, feed_forward=48)
        )
        model = build(student, self.vocab, pad_id=self.task.pad_id, end_id=self.task.end_id).eval()
        for name, parameter in model.named_parameters():
            # A model that is sure of something, so that relations about confidence count something.
            parameter.data.mul_(1 if "norm" in name else 6)
        return model


@pytest.fixture(scope="session", params=[False, True], ids=["llama", "t5"])
def kit(request: pytest.FixtureRequest) -> Kit:
    return Kit(request.param)
