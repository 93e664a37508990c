"""What a student says to the rows of a suite, beside what its teacher said.

One pass reads every prompt with the teacher's output behind it: that gives the student's distributions under
teacher forcing, and as far as the student would have written the same, its own greedy output too. Only where
it goes its own way are tokens decoded one by one.

Shape suffixes: N rows, P target positions, K kept tokens, V vocabulary, C classes or buckets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kdray.evaluation.answering import answering
from kdray.evaluation.metrics import matches
from kdray.metamorphic.relations import Answers, jsd_bits
from kdray.metamorphic.suite import Suite
from kdray.tasks import Task
from kdray.tasks.reread import Reread
from kdray.teacher.signal import TeacherSignal


def answer(
    model: Any, task: Task, suite: Suite, numbers: Sequence[int], batch_size: int
) -> tuple[Answers, list[str]]:
    """What a student says to some rows, beside what the teacher said; and its texts."""
    if suite.reread is not None and task.writes:
        return _write_in_other_tokens(model, task, suite, suite.reread, numbers, batch_size)
    prompts, drafts, signal = suite.read(numbers)
    ends = np.cumsum([len(draft) for draft in drafts])
    divergence_N, logprob_N = np.zeros(len(drafts)), np.zeros(len(drafts))

    def compare(rows: list[int], logits_PV: Tensor) -> None:
        positions = np.concatenate([np.arange(ends[row] - len(drafts[row]), ends[row]) for row in rows])
        labels = np.concatenate([drafts[row] for row in rows])
        jsd_P, logprob_P = _compare(signal, positions, labels, logits_PV)
        at = 0
        for row in rows:
            end = at + len(drafts[row])
            divergence_N[row], logprob_N[row] = jsd_P[at:end].mean(), logprob_P[at:end].mean()
            at = end

    outputs = answering(task).outputs(model, task, prompts, batch_size, drafts, compare)
    texts = [task.decode(output.ids) for output in outputs]
    said = [suite.teacher_texts[number] for number in numbers]
    answers = Answers(
        agrees=matches(texts, said),
        divergence=divergence_N,
        teacher_confidence=suite.teacher_confidence[list(numbers)],
        student_confidence=np.array([output.confidence for output in outputs], np.float64),
        student_on_teacher=np.exp(logprob_N),
    )
    return answers, texts


def _write_in_other_tokens(
    model: Any, task: Task, suite: Suite, reread: Reread, numbers: Sequence[int], batch_size: int
) -> tuple[Answers, list[str]]:
    """The same where teacher and student share no tokens. Ours: they are compared on two events, the teacher's
    whole answer and any other; a confidence is the geometric mean over the *teacher's* tokens of a text.
    """
    prompts, drafts, _ = suite.read(numbers)
    answers = [reread.answer(draft) for draft in drafts]
    on_teacher_N = np.zeros(len(numbers))

    def compare(rows: list[int], logits_PV: Tensor) -> None:
        labels_P = torch.from_numpy(np.concatenate([answers[row] for row in rows]).astype(np.int64))
        logprob_P = logits_PV.float().log_softmax(1).cpu().gather(1, labels_P[:, None])[:, 0].double()
        for row, part in zip(rows, torch.split(logprob_P, [len(answers[row]) for row in rows]), strict=True):
            on_teacher_N[row] = float(part.sum())

    outputs = answering(task).outputs(model, task, prompts, batch_size, answers, compare)
    texts = [task.decode(output.ids) for output in outputs]
    lengths_N = np.array([len(draft) for draft in drafts])
    own_N = np.array([output.logprob.sum(dtype=np.float64) for output in outputs])
    own_lengths_N = np.array([reread.teacher.output_length(text) for text in texts])
    confidence_N = suite.teacher_confidence[list(numbers)]
    events_N2 = [np.stack([p_N, 1 - p_N], 1) for p_N in (confidence_N**lengths_N, np.exp(on_teacher_N))]
    return Answers(
        agrees=matches(texts, [suite.teacher_texts[number] for number in numbers]),
        divergence=jsd_bits(*events_N2),
        teacher_confidence=confidence_N,
        student_confidence=np.exp(own_N / own_lengths_N),
        student_on_teacher=np.exp(on_teacher_N / lengths_N),
    ), texts


def _compare(
    signal: TeacherSignal, positions_P: NDArray[Any], labels_P: NDArray[Any], logits_PV: Tensor
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """JSD in bits over the head and tail of the teacher, and the log-probability of the labels; [P] each."""
    ids_PK, logprobs_PK = signal.ids_NK[positions_P], signal.logprobs_NK[positions_P]
    student_PV = logits_PV.float().log_softmax(1)
    device = logits_PV.device
    on_head_PK = student_PV.gather(1, torch.from_numpy(ids_PK).to(device)).double().exp().cpu().numpy()
    on_label_P = student_PV.gather(1, torch.from_numpy(labels_P.astype(np.int64)).to(device)[:, None])[:, 0]
    teacher_PK = np.exp(logprobs_PK.astype(np.float64))
    on_head_PK = np.where(np.isneginf(logprobs_PK), 0.0, on_head_PK)
    tail_P = np.exp(signal.tail_N[positions_P].astype(np.float64))
    teacher_PC = np.concatenate([teacher_PK, tail_P[:, None]], 1)
    student_PC = np.concatenate([on_head_PK, np.clip(1 - on_head_PK.sum(1, keepdims=True), 0, 1)], 1)
    # What is stored is rounded: both are made to sum to one.
    jsd_P = jsd_bits(
        teacher_PC / teacher_PC.sum(1, keepdims=True), student_PC / student_PC.sum(1, keepdims=True)
    )
    return jsd_P, on_label_P.double().cpu().numpy()
