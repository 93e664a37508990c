"""What every family promises: it is built as described, costs what was said, comes back from disk as it was,
trains under DeepSpeed the same each time, and starts from a teacher of its kind.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from kdray.config import Distil, Student, Trial, as_data, parse
from kdray.stream import collate
from kdray.students.cost import flops_per_example, params, size_bytes
from kdray.students.families import build, describe, teacher_shape
from kdray.students.load import load_model
from kdray.tasks.row import IGNORED, Row
from kdray.train.engine import Engine, World
from kdray.train.learner import Learner
from tests.students.architectures import (
    ARCHITECTURES,
    END,
    INPUTS,
    OUTPUTS,
    PAD,
    VOCAB,
    inputs_of,
    logits_of,
    model_of,
)


@pytest.fixture(params=list(ARCHITECTURES))
def student(request):
    return ARCHITECTURES[request.param]


def test_it_is_what_its_configuration_says(student):
    config = build(student, VOCAB, pad_id=PAD, end_id=END).config
    whole = student.model_copy(update={"tokenizer": "teacher", "vocab": None})
    assert describe(config, student.init) == whole
    # What stands in config.json is enough, without transformers.
    assert teacher_shape(json.loads(config.to_json_string(use_diff=False))) == whole.model_copy(
        update={"init": "random"}
    )


def test_its_parameters_are_counted_exactly_without_its_weights(student):
    with torch.device("meta"):
        model = build(student, VOCAB, pad_id=PAD, end_id=END)
    assert params(student, VOCAB) == sum(parameter.numel() for parameter in model.parameters())
    assert size_bytes(student, VOCAB) == 4 * params(student, VOCAB)


def test_its_matrix_products_are_counted_exactly(student):
    model = model_of(student)
    model.set_attn_implementation("eager")  # the counter does not see into the fused kernel
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        logits_of(model, student)
    assert counter.get_total_flops() == 2 * flops_per_example(student, VOCAB, INPUTS, OUTPUTS)


def test_it_is_saved_and_comes_back_with_identical_outputs(student, tmp_path):
    model = model_of(student)
    model.save_pretrained(tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".safetensors"}
    again = load_model(tmp_path)
    model.set_attn_implementation("eager")
    again.set_attn_implementation("eager")
    assert torch.equal(logits_of(again, student), logits_of(model, student))
    assert describe(again.config, student.init) == describe(model.config, student.init)


def batch_of(student):
    ids = inputs_of(student)[0].numpy().astype(np.int32)
    labels = ids[:, -OUTPUTS:] if student.family == "t5" else np.array([[0], [1]], np.int32)
    if student.family == "llama":
        labels = np.where(np.arange(ids.shape[1]) < INPUTS, IGNORED, ids)
    rows = [Row("x", i, label.astype(np.int32)) for i, label in zip(ids, labels, strict=True)]
    return collate(rows, None, pad_id=PAD, encoder_decoder=student.family != "llama")


def trained(student: Student, seed: int = 0, steps: int = 3):
    """Losses and weights after a few steps of DeepSpeed."""
    task = {1: "vulnerability", 2: "clone"}[student.snippets] if student.family == "roberta" else "assertion"
    data = {"task": task, "corpus": "none", "student": as_data(student), "distil": {"alpha": 0.0}}
    data |= {"optim": {"batch_size": 2, "warmup_steps": 0, "lr": 1e-3}, "budget": {"steps": steps}}
    torch.manual_seed(seed)
    model = build(student, VOCAB, pad_id=PAD, end_id=END, start_id=0).train()
    engine = Engine(
        Learner(model, student, Distil(alpha=0.0), "float32"), parse(Trial, data, "test"), World()
    )
    try:
        losses = [float(engine.step([(batch_of(student), None, None)])) for _ in range(steps)]
    finally:
        engine.close()
    return losses, {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


def test_it_trains_under_deepspeed_the_same_each_time(student):
    losses, weights = trained(student)
    again, same = trained(student)
    assert losses == again
    assert all(torch.equal(weights[name], same[name]) for name in weights)
    assert losses[-1] < losses[0]
    assert trained(student, seed=1)[0] != losses


@pytest.mark.parametrize("field", ["dropout", "attention_dropout"])
def test_dropout_changes_training_and_not_answers(field):
    for plain in (ARCHITECTURES["t5"], ARCHITECTURES["llama"], ARCHITECTURES["roberta-key"]):
        if field in type(plain).model_fields:
            dropping = plain.model_copy(update={field: 0.4})
            assert trained(dropping)[0] != trained(plain)[0]
            model = model_of(dropping)
            assert torch.equal(logits_of(model, dropping), logits_of(model, dropping))
