"""Renaming attacks on models that write assertions.

The names of the test are changed, those in its assertion along; an answer is *flipped* when it is no longer the
right one, which is the assertion in the new names, word for word. How near a model is to that: the geometric mean
of the probabilities of the right answer's tokens (ours).

Not covered: attacks that do more than rename.

Shape suffixes: N pieces of code, P positions of answers, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kdray.config import EvaluationConfig
from kdray.console import Advance
from kdray.corpus.example import Example
from kdray.errors import ConfigError, nearest
from kdray.evaluation.answering import answering
from kdray.evaluation.metrics import matches
from kdray.metamorphic.attacks.attack import Attacked, Item, attack_by
from kdray.metamorphic.attacks.measure import damage
from kdray.metamorphic.attacks.renaming import RENAMING
from kdray.metamorphic.attacks.victim import Answer
from kdray.metamorphic.compare_models.plan import Plan
from kdray.metamorphic.compare_models.result import Duel
from kdray.tasks.assertion import AssertionTask

Asking = Callable[[Sequence[Example]], Answer]
"""What a model says to N examples."""


def check_attacks(names: Sequence[str]) -> None:
    """Raises `ConfigError` for an attack that models which write are not attacked by."""
    for name in names:
        if name not in RENAMING:
            raise ConfigError(f"--attack {name}: of models that write{nearest(name, RENAMING)}")


def writer(model: Any, task: AssertionTask) -> Asking:
    """A model that is asked for the assertions of examples, and how probable the right ones are to it."""

    def ask(examples: Sequence[Example]) -> Answer:
        targets = [example.target for example in examples]
        drafts = [task.encode_target(target) for target in targets]
        truth_N = np.zeros(len(examples))

        def look(rows: list[int], logits_PV: Tensor) -> None:
            labels_P = torch.from_numpy(np.concatenate([drafts[row] for row in rows]).astype(np.int64))
            logprob_P = logits_PV.float().log_softmax(1).cpu().gather(1, labels_P[:, None])[:, 0].double()
            for row, part in zip(rows, torch.split(logprob_P, [len(drafts[r]) for r in rows]), strict=True):
                truth_N[row] = float(part.mean().exp())

        prompts = [task.prompt(example) for example in examples]
        batch_size = EvaluationConfig().batch_size
        outputs = answering(task).outputs(model, task, prompts, batch_size, drafts, look)
        return Answer(truth_N, ~matches([task.decode(output.ids) for output in outputs], targets))

    return ask


def parted(code: str, example: Example) -> tuple[str, str]:
    """The context and what follows it of an example whose names were changed: no line has come or gone."""
    at = 0
    for _ in range(example.context.count("\n")):
        at = code.index("\n", at) + 1
    at += len(example.context.rpartition("\n")[2])
    return code[:at], code[at:]


def attack_writer(
    name: str, asking: Asking, task: AssertionTask, example: Example, plan: Plan, seed: int
) -> tuple[Item, Attacked]:
    """One attack on one example: the item that was attacked, and what came of it."""
    code = "".join(task.source(example))

    def ask(codes: Sequence[str]) -> Answer:
        return asking([task.changed(example, *parted(one, example)) for one in codes])

    names = {} if plan.propose is None else plan.propose(example.language, code)
    item = Item(code, 1, example.language, names)
    return item, attack_by(name, ask, item, budget=plan.budget, seed=seed)


def written_duels(
    teacher: Any,
    student: Any,
    task: AssertionTask,
    examples: Sequence[Example],
    plan: Plan,
    progress: Advance,
) -> tuple[Duel, ...]:
    """Each attack of a plan on both models, each for itself, on the first `plan.items` examples.

    Args:
        teacher: a model.
        student: another, over the same tokenizer.
        task: encodes and decodes for both.
        examples: in an order of chance.
        plan: what is looked at.
        progress: called with (done, total) attacked examples.
    """
    attacked = examples[: plan.items]
    total, done, duels = 2 * len(plan.attacks) * len(attacked), 0, []
    for name in plan.attacks:
        sides = []
        for model in (teacher, student):
            asking, met = writer(model, task), []
            for number, example in enumerate(attacked):
                met.append(attack_writer(name, asking, task, example, plan, plan.seed + number))
                progress(done := done + 1, total)
            sides.append(damage([item for item, _ in met], [result for _, result in met]))
        duels.append(Duel(name, *sides))
    return tuple(duels)
