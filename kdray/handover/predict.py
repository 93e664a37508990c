"""What the student is for: a test in, ranked assertions out.

Candidates come from a beam search and are ranked by their confidence, the geometric mean of their tokens'
probabilities. That is the confidence that evaluation calibrates, so the calibration error in the model card speaks
of the first candidate's. Imports neither torch nor transformers: `opened` brings what writes.
"""

from __future__ import annotations

import math
import textwrap
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from kdray.corpus import java_tree
from kdray.corpus.example import Example
from kdray.corpus.python_tree import parse_source
from kdray.errors import ConfigError
from kdray.handover.beams import Writer, beams
from kdray.tasks import Task

MOST = 64
"""Candidates that may be asked for."""


@dataclass(frozen=True)
class Candidate:
    """One assertion.

    Attributes:
        assertion: its text.
        confidence: geometric mean of its tokens' probabilities, in [0, 1].
        probability: of the whole, their product.
        parses: whether it is a statement of its language.
        verdict: what running it says: `passes`, `fails`, `raises`; "" where it was not run.
    """

    assertion: str
    confidence: float
    probability: float
    parses: bool = True
    verdict: str = ""

    def as_dict(self) -> dict[str, Any]:
        """JSON-able; nobody is told to be confident of what does not parse."""
        told = asdict(self) if self.verdict else {k: v for k, v in asdict(self).items() if k != "verdict"}
        return told | ({} if self.parses else {"confidence": None, "probability": None})


def predict(writer: Writer, task: Task, test: Example, count: int = 5) -> list[Candidate]:
    """The most confident assertions for a test, at most `count`, best first, no text twice; what does not
    parse comes last.

    Raises:
        ConfigError: a count below 1, or above `MOST`.
    """
    if not 1 <= count <= MOST:
        raise ConfigError(f"--count {count} must be at least 1 and at most {MOST}")
    found = beams(
        writer,
        task.prompt(test),
        end_ids=task.end_ids,
        max_new_tokens=task.max_target,
        count=count,
        vocab=task.vocab,
    )
    by_text: dict[str, Candidate] = {}
    for beam in found:  # best first
        text = task.decode(np.array(beam.ids, np.int32))
        if text and text not in by_text:
            sure = is_statement(text, test.language)
            by_text[text] = Candidate(text, math.exp(beam.mean), math.exp(beam.logprob), sure)
    return sorted(by_text.values(), key=lambda candidate: (not candidate.parses, -candidate.confidence))


def is_statement(text: str, language: str) -> bool:
    """Whether a text alone is one or several statements of a language."""
    if language == "java":
        return not java_tree.parse(f"class X {{ void m() {{ {text} }} }}".encode()).has_error
    tree = parse_source(textwrap.dedent(text))
    return tree is not None and bool(tree.body)
