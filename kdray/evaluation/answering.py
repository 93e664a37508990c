"""How a model answers a task and how good that is, for the two kinds of output: texts that it writes, and classes.

Whoever has a model and a task asks `answering(task)`; what needs no model is asked of the task itself.

Shape suffixes: N inputs, C classes, V vocabulary.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kdray.console import Advance
from kdray.corpus.example import Example
from kdray.evaluation.baselines import copied, majority
from kdray.evaluation.classify import Classifier, class_logits
from kdray.evaluation.generate import Generation, OnDraft, greedy
from kdray.evaluation.kept_logits import KeptLogits
from kdray.evaluation.metrics import binary_metrics, classification_metrics
from kdray.evaluation.shares import share, text_metrics
from kdray.tasks import ClassificationTask, Task

Ids = NDArray[np.int32]
AnyTask = TypeVar("AnyTask", bound=Task)
Data = Callable[[], tuple[Iterable[Example], Sequence[Example]]]
"""Gives the training examples, read once, and those that are asked about."""


@dataclass(frozen=True)
class Choice:
    """The class that a model chose, like a `Generation` of one token.

    Attributes:
        ids: int32 [1], the class.
        logprob: float64 [1], its natural log-probability.
        confidence: its probability.
    """

    ids: Ids
    logprob: NDArray[np.float64]
    confidence: float


Output = Generation | Choice


class Answering(ABC, Generic[AnyTask]):
    """What differs between models that write and models that classify."""

    @abstractmethod
    def outputs(
        self,
        model: Any,
        task: AnyTask,
        prompts: Sequence[Ids],
        batch_size: int,
        drafts: Sequence[Ids] | None = None,
        on_draft: OnDraft | None = None,
    ) -> Sequence[Output]:
        """A model's outputs; `drafts` and `on_draft` as for `greedy`."""

    @abstractmethod
    def with_logits(
        self, model: Any, task: AnyTask, prompts: Sequence[Ids], batch_size: int, vocab: int
    ) -> tuple[Sequence[Output], Iterable[NDArray[np.float32]]]:
        """A model's outputs, and its logits [L, V] at each of an output's L positions."""

    @abstractmethod
    def one(self, model: Any, task: AnyTask, ids_1T: Tensor) -> None:
        """One output as transformers makes it, whatever it is: to be timed."""

    @abstractmethod
    def examined(self, model: Any, task: AnyTask, examples: Sequence[Example]) -> dict[str, Any]:
        """How good a model's outputs are against the examples' targets, with intervals."""

    @abstractmethod
    def class_metrics(self, outputs: Sequence[str], references: Sequence[str]) -> dict[str, float]:
        """What is said of classes beside how often they are right; nothing of texts."""

    @abstractmethod
    def baselines(
        self, references: Sequence[str], data: Data | None, progress: Advance
    ) -> dict[str, list[str]]:
        """Name -> what is said without learning anything, to each of the examples.

        Args:
            references: the truth.
            data: None where the corpus is not there.
            progress: called with (done, total) examples.
        """


class Writing(Answering[Task]):
    """Texts, token by token."""

    def outputs(
        self,
        model: Any,
        task: Task,
        prompts: Sequence[Ids],
        batch_size: int,
        drafts: Sequence[Ids] | None = None,
        on_draft: OnDraft | None = None,
    ) -> Sequence[Generation]:
        """The greedy ones."""
        return greedy(
            model,
            prompts,
            end_id=task.end_ids,
            pad_id=task.pad_id,
            max_new_tokens=task.max_target,
            batch_size=batch_size,
            drafts=drafts,
            on_draft=on_draft,
            vocab=task.vocab,
        )

    def with_logits(
        self, model: Any, task: Task, prompts: Sequence[Ids], batch_size: int, vocab: int
    ) -> tuple[Sequence[Generation], KeptLogits]:
        """See `Answering`: kept as they are written."""
        kept = KeptLogits(len(prompts), vocab, task.max_target)

        def keep(numbers: list[int], logits_NV: Tensor) -> None:
            for i, own_V in zip(numbers, logits_NV[:, :vocab].float().cpu().numpy(), strict=True):
                kept.keep(i, own_V)

        outputs = greedy(
            model,
            prompts,
            end_id=task.end_ids,
            pad_id=task.pad_id,
            max_new_tokens=task.max_target,
            batch_size=batch_size,
            on_token=keep,
            vocab=min(vocab, task.vocab),
        )
        return outputs, kept

    def one(self, model: Any, task: Task, ids_1T: Tensor) -> None:
        """A text by `generate`."""
        model.generate(
            ids_1T,
            attention_mask=torch.ones_like(ids_1T),
            max_new_tokens=task.max_target,
            do_sample=False,
            eos_token_id=sorted(task.end_ids),
            pad_token_id=task.pad_id,
        )

    def examined(self, model: Any, task: Task, examples: Sequence[Example]) -> dict[str, Any]:
        """See `text_metrics`."""
        outputs = self.outputs(model, task, [task.prompt(example) for example in examples], batch_size=64)
        said = [task.decode(output.ids) for output in outputs]
        return text_metrics(said, [example.target for example in examples])

    def class_metrics(self, outputs: Sequence[str], references: Sequence[str]) -> dict[str, float]:
        """None."""
        return {}

    def baselines(
        self, references: Sequence[str], data: Data | None, progress: Advance
    ) -> dict[str, list[str]]:
        """Nearest-neighbour retrieval and repeating the last assertion, on the examples of `data`."""
        return {} if data is None else copied(*data(), progress)


class Choosing(Answering[ClassificationTask]):
    """Classes, all at once."""

    def outputs(
        self,
        model: Any,
        task: ClassificationTask,
        prompts: Sequence[Ids],
        batch_size: int,
        drafts: Sequence[Ids] | None = None,
        on_draft: OnDraft | None = None,
    ) -> Sequence[Choice]:
        """The likeliest ones; a draft's logits are those of its prompt."""
        choices, logits_NC = self._read(model, task, prompts, batch_size)
        if on_draft is not None:
            on_draft(list(range(len(prompts))), torch.from_numpy(logits_NC))
        return choices

    def with_logits(
        self, model: Any, task: ClassificationTask, prompts: Sequence[Ids], batch_size: int, vocab: int
    ) -> tuple[Sequence[Choice], list[NDArray[np.float32]]]:
        """See `Answering`."""
        choices, logits_NC = self._read(model, task, prompts, batch_size)
        return choices, list(logits_NC[:, None, :vocab])

    def _read(
        self, model: Any, task: ClassificationTask, prompts: Sequence[Ids], batch_size: int
    ) -> tuple[list[Choice], NDArray[np.float32]]:
        any_class = np.zeros(1, np.int32)
        asked = [task.answer(prompt, any_class) for prompt in prompts]
        logits_NC = np.concatenate(class_logits(model, task, asked, batch_size))
        wide_NC = logits_NC.astype(np.float64)
        logprob_N = -np.log(np.exp(wide_NC - wide_NC.max(1, keepdims=True)).sum(1))
        confidence_N = torch.from_numpy(logits_NC).double().softmax(1).numpy().max(1)
        classes_N1 = wide_NC.argmax(1).astype(np.int32)[:, None]
        choices = [
            Choice(ids, logprob_N[i : i + 1], float(confidence_N[i])) for i, ids in enumerate(classes_N1)
        ]
        return choices, logits_NC

    def one(self, model: Any, task: ClassificationTask, ids_1T: Tensor) -> None:
        """A class by one forward pass."""
        model(ids_1T)

    def examined(self, model: Any, task: ClassificationTask, examples: Sequence[Example]) -> dict[str, Any]:
        """How often the class is right, precision, recall, F1 and calibration."""
        probabilities_NC = Classifier(model, task)([task.parts(example) for example in examples])
        truth_N = np.array([int(example.target) for example in examples])
        hits_N = probabilities_NC.argmax(1) == truth_N
        return share(hits_N, task.accuracy) | classification_metrics(probabilities_NC, truth_N)

    def class_metrics(self, outputs: Sequence[str], references: Sequence[str]) -> dict[str, float]:
        """See `binary_metrics`."""
        said_N, truth_N = (np.array([int(text) for text in texts]) for texts in (outputs, references))
        return binary_metrics(said_N, truth_N)

    def baselines(
        self, references: Sequence[str], data: Data | None, progress: Advance
    ) -> dict[str, list[str]]:
        """Saying the commoner class every time."""
        return {"majority": majority(references)}


ANSWERING: dict[bool, Answering[Any]] = {True: Writing(), False: Choosing()}
"""By whether a task writes."""


def answering(task: Task | type[Task]) -> Answering[Any]:
    """How models answer a task."""
    return ANSWERING[task.writes]
