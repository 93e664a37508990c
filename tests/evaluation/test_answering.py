"""Both kinds of output, asked in the same words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from kdray.config import LlamaStudent, RobertaStudent
from kdray.corpus.example import Example
from kdray.evaluation import kept_logits
from kdray.evaluation.answering import answering
from kdray.evaluation.shares import text_metrics
from kdray.students.families import build
from kdray.students.load import task_name
from kdray.tasks import AssertionTask, ClassificationTask, task_class

CODE = "int add(int a, int b) { return a + b; }"
EXAMPLES = [
    Example(str(n), "f.py", "python", "t", CODE.replace("a", "b" * n), CODE, str(n % 2), "test")
    for n in range(5)
]
WRITER = LlamaStudent(family="llama", layers=1, hidden=32, heads=1, feed_forward=32)
CHOOSER = RobertaStudent(family="roberta", layers=1, hidden=32, heads=1, feed_forward=32, snippets=2)


@pytest.fixture(params=["assertion", "clone"])
def asked(request):
    """A model, its task and prompts."""
    torch.manual_seed(0)
    tokenizer = task_class(request.param).train_tokenizer([CODE] * 3, 300)
    if request.param == "assertion":
        task, student = AssertionTask(tokenizer, False, max_target=6), WRITER
    else:
        task, student = ClassificationTask(tokenizer, 2), CHOOSER
    ids = {"pad_id": task.pad_id, "end_id": task.end_id, "start_id": task.start_id}
    model = build(student, len(tokenizer), **ids).eval()
    for parameter in model.parameters():
        parameter.data.mul_(8)  # a fresh model says the same to everything
    return model, task, [task.prompt(example) for example in EXAMPLES]


def test_a_models_task_is_told_by_the_model(asked):
    model, task, _ = asked
    assert task_name(model.config) == task.name


@pytest.mark.parametrize("held", [None, 0], ids=["in memory", "on disk"])
def test_the_logits_are_those_that_the_outputs_are_the_greatest_of(asked, held, monkeypatch):
    model, task, prompts = asked
    monkeypatch.setattr(kept_logits, "HELD_BYTES", held if held is not None else kept_logits.HELD_BYTES)
    how = answering(task)
    outputs, logits = how.with_logits(model, task, prompts, batch_size=2, vocab=len(task.tokenizer))
    for output, own_LV in zip(outputs, logits, strict=True):
        assert own_LV.argmax(1).tolist() == output.ids.tolist()
        logprob_LV = torch.from_numpy(own_LV).double().log_softmax(1)
        assert output.logprob == pytest.approx(logprob_LV.max(1).values.numpy(), abs=1e-4)
        assert output.confidence == pytest.approx(np.exp(output.logprob.mean()), abs=1e-6)
    alone = how.outputs(model, task, prompts, batch_size=2)
    assert [output.ids.tolist() for output in alone] == [output.ids.tolist() for output in outputs]


def test_a_draft_is_seen_with_its_logits_and_changes_no_output(asked):
    model, task, prompts = asked
    how = answering(task)
    outputs, logits = how.with_logits(model, task, prompts, batch_size=2, vocab=len(task.tokenizer))
    seen = {}

    def on_draft(numbers, logits_NV):
        parts = torch.split(logits_NV, [len(outputs[n].ids) for n in numbers])
        seen.update(zip(numbers, parts, strict=True))

    again = how.outputs(model, task, prompts, 3, [output.ids for output in outputs], on_draft)
    assert [output.ids.tolist() for output in again] == [output.ids.tolist() for output in outputs]
    for number, own_LV in enumerate(logits):
        torch.testing.assert_close(seen[number], torch.from_numpy(own_LV), atol=1e-4, rtol=1e-4)


def test_classes_have_precision_and_texts_have_none(asked):
    _, task, _ = asked
    metrics = answering(task).class_metrics(["0", "1", "1"], ["0", "1", "0"])
    assert metrics == ({} if task.writes else metrics | {"precision": 0.5, "recall": 1.0})
    assert bool(metrics) != task.writes


def test_baselines_of_classes_need_no_data_and_those_of_texts_no_more_than_a_corpus(asked):
    _, task, _ = asked
    told = []
    how, references = answering(task), [example.target for example in EXAMPLES]
    without = how.baselines(references, None, lambda done, total: None)
    train = [replace(example, target="assert x") for example in EXAMPLES]
    found = how.baselines(references, lambda: (train, train), lambda done, total: told.append(done))
    if task.writes:
        assert without == {}
        targets = [example.target for example in train]
        assert text_metrics(found["retrieval"], targets)["assertion_accuracy"] == 1.0
        assert text_metrics(found["repeat_last"], targets)["assertion_accuracy"] == 0.0
        assert told == [1, 2, 3, 4, 5]
    else:
        assert without == found
        assert text_metrics(found["majority"], references, "accuracy")["accuracy"] == 0.6
