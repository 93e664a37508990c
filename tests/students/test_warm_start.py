"""Cutting a student out of its teacher: every family, every axis, another vocabulary."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kdray.errors import ConfigError
from kdray.students.axes import Reordered, axes_of
from kdray.students.families import build
from kdray.students.importance import best_order, cut_model, importance_order, mean_loss
from kdray.students.slices import check_sliceable
from kdray.tasks.row import IGNORED, Row
from tests.students.architectures import (
    ARCHITECTURES,
    END,
    INPUTS,
    OUTPUTS,
    PAD,
    START,
    VOCAB,
    inputs_of,
    llama,
    logits_of,
    model_of,
    roberta,
    t5,
)

TEACHERS = {name: student for name, student in ARCHITECTURES.items() if not student.own_tokenizer}


@pytest.fixture(params=list(TEACHERS))
def teacher(request):
    return TEACHERS[request.param]


def rows_of(student) -> list[Row]:
    ids = inputs_of(student)[0].numpy().astype(np.int32)
    labels = ids[:, -OUTPUTS:] if student.family == "t5" else np.array([[0], [1]], np.int32)
    if student.family == "llama":
        labels = np.where(np.arange(ids.shape[1]) < INPUTS, IGNORED, ids).astype(np.int32)
    return [Row("x", one, label) for one, label in zip(ids, labels, strict=True)]


def weights(model):
    return dict(model.named_parameters())


def test_every_parameter_of_a_family_has_its_axes(teacher):
    for name, parameter in model_of(teacher).named_parameters():
        assert len(axes_of(teacher.family, name)[1]) == parameter.ndim, name


def test_a_teacher_in_the_order_of_importance_is_the_same_function(teacher):
    model = model_of(teacher)
    order = importance_order(model, rows_of(teacher), PAD)
    assert any(
        not torch.equal(index, torch.arange(index.shape[-1]).expand_as(index)) for index in order.values()
    )
    again = cut_model(Reordered(weights(model), order, teacher), teacher, teacher, model.config)
    assert not torch.equal(next(again.parameters()), next(model.parameters()))
    torch.testing.assert_close(logits_of(again, teacher), logits_of(model, teacher), rtol=1e-4, atol=1e-4)


def test_the_order_of_a_teacher_in_another_precision_is_nearly_the_same():
    """Scores of many batches are added up in float32: in bfloat16 they would stop to grow."""
    ids = torch.randint(3, VOCAB, (256, 12), generator=torch.Generator().manual_seed(0)).int().numpy()
    rows = [Row("x", one, np.where(np.arange(12) < 6, IGNORED, one)) for one in ids]
    whole, narrow = (
        importance_order(model_of(llama()).to(dtype), rows, PAD)["/hidden"]
        for dtype in (torch.float32, torch.bfloat16)
    )
    assert (whole == narrow).float().mean() > 0.8


def test_what_never_speaks_is_cut_first(teacher):
    """Half of the teacher is dead, at places of its own choice: the half that is cut out is the whole."""
    model = model_of(teacher)
    kill_half(model, teacher)
    order = importance_order(model, rows_of(teacher), PAD)
    half = teacher.model_copy(update={"feed_forward": teacher.feed_forward // 2})
    if teacher.family != "roberta":  # heads of another width would scale their scores anew
        half = half.model_copy(update={"heads": teacher.heads // 2})
    cut = cut_model(Reordered(weights(model), order, teacher), teacher, half, model.config)
    torch.testing.assert_close(logits_of(cut, half), logits_of(model, teacher), rtol=1e-4, atol=1e-4)
    own = cut_model(weights(model), teacher, half, model.config)
    assert not torch.allclose(logits_of(own, half), logits_of(model, teacher), rtol=1e-2, atol=1e-2)
    assert best_order(model, rows_of(teacher), PAD).keys() in ({*()}, order.keys())


def kill_half(model, teacher) -> None:
    """Silences every other feed-forward unit and every other head, the first among them."""
    width = teacher.hidden // teacher.heads if teacher.family == "roberta" else teacher.head_dim
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            axes = axes_of(teacher.family, name)[1]
            if axes == ("hidden", "units"):
                parameter[:, ::2] = 0
            if axes == ("hidden", "mixed") and teacher.family != "roberta":
                parameter.view(parameter.shape[0], teacher.heads, width)[:, ::2] = 0


@pytest.mark.parametrize(
    ("whole", "part"),
    [
        (t5(), t5(encoder_layers=2, decoder_layers=1, hidden=40, heads=3, feed_forward=50)),
        (llama(), llama(layers=2, hidden=36, heads=3, feed_forward=50, tied_embeddings=False)),
        (
            roberta(snippets=2),
            roberta(snippets=2, layers=2, hidden=24, heads=2, feed_forward=50, positions=30),
        ),
        (
            roberta(position_type="relative_key"),
            roberta(position_type="relative_key", hidden=24, heads=3, positions=30),
        ),
    ],
    ids=["t5", "llama", "roberta", "roberta-key"],
)
def test_any_smaller_architecture_is_cut_and_trains_on(whole, part):
    check_sliceable(whole, part)
    model = model_of(whole)
    order = importance_order(model, rows_of(whole), PAD)
    cut = cut_model(Reordered(weights(model), order, whole), whole, part, model.config)
    assert torch.isfinite(logits_of(cut, part)).all()
    fresh = build(part, VOCAB, pad_id=PAD, end_id=END, start_id=START)
    assert {n: p.shape for n, p in cut.named_parameters()} == {
        n: p.shape for n, p in fresh.named_parameters()
    }
    assert np.isfinite(mean_loss(cut, rows_of(part), PAD))


@pytest.mark.parametrize(
    ("whole", "part", "said"),
    [
        (roberta(), roberta(heads=2), "student.heads 2 of 64 are 32 wide"),
        (roberta(), roberta(position_type="relative_key"), "student.position_type relative_key must equal"),
        (roberta(), roberta(positions=50), "student.positions 50 is larger"),
        (t5(), t5(decoder_layers=3), "student.decoder_layers 3 is larger"),
        (llama(), llama(activation="relu"), "student.activation relu must equal the teacher's silu"),
        (llama(tied_embeddings=False), llama(), "student.tied_embeddings True: the teacher's head is not"),
    ],
)
def test_what_cannot_be_cut_is_refused_by_field(whole, part, said):
    with pytest.raises(ConfigError, match=said):
        check_sliceable(whole, part)
