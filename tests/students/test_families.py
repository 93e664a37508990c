import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kdray.config import LlamaStudent, T5Student
from kdray.errors import ConfigError
from kdray.students.cost import params
from kdray.students.families import build, describe
from kdray.students.forward import head, hidden_states
from kdray.students.slices import check_sliceable, evenly_spaced
from kdray.students.warm_start import random_slice, slices

LLAMA = LlamaStudent(family="llama", layers=3, hidden=64, heads=4, head_dim=16, feed_forward=96)
T5 = T5Student(
    family="t5", encoder_layers=3, decoder_layers=2, hidden=64, heads=4, head_dim=16, feed_forward=96
)
VOCAB = 120


def model_of(student):
    torch.manual_seed(0)
    return build(student, VOCAB, pad_id=0, end_id=2).eval()


@settings(max_examples=12, deadline=None)
@given(
    st.sampled_from(["llama", "t5"]),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 4),
    st.sampled_from([4, 8]),
    st.integers(8, 40),
)
def test_parameters_are_counted_exactly_without_building(family, layers, more, heads, head_dim, feed_forward):
    sizes = {"hidden": 8 * heads, "heads": heads, "head_dim": head_dim, "feed_forward": feed_forward}
    if family == "t5":
        student = T5Student(family="t5", encoder_layers=max(layers, more), decoder_layers=more, **sizes)
    else:
        student = LlamaStudent(family="llama", layers=layers, **sizes)
    model = build(student, VOCAB, pad_id=0, end_id=2)
    assert params(student, VOCAB) == sum(p.numel() for p in model.parameters())
    assert describe(model.config, student.init) == student


@pytest.mark.parametrize("student", [LLAMA, T5], ids=["llama", "t5"])
def test_hidden_states_and_head_give_the_models_own_logits(student):
    model = model_of(student)
    input_ids = torch.randint(3, VOCAB, (2, 9))
    mask = torch.ones_like(input_ids)
    mask[1, 6:] = 0
    decoder = torch.randint(3, VOCAB, (2, 5)) if student.family == "t5" else None
    hidden = hidden_states(model, input_ids, mask, decoder)
    weight, scale = head(model)
    logits = (hidden * scale) @ weight.T
    if decoder is None:
        expected = model(input_ids=input_ids, attention_mask=mask).logits
        torch.testing.assert_close(logits[0], expected[0])
        torch.testing.assert_close(
            logits[1, :6], expected[1, :6]
        )  # what stands on padding is never looked at
    else:
        expected = model(input_ids=input_ids, attention_mask=mask, decoder_input_ids=decoder).logits
        torch.testing.assert_close(logits, expected)


@pytest.mark.parametrize("student", [LLAMA, T5], ids=["llama", "t5"])
def test_the_whole_slice_of_a_teacher_is_the_teacher(student):
    teacher, copy = model_of(student), build(student, VOCAB, pad_id=0, end_id=2)
    shapes = {name: p.shape for name, p in copy.named_parameters()}
    state = dict(slices(dict(teacher.named_parameters()), student, student, shapes))
    for name, parameter in teacher.named_parameters():
        assert torch.equal(state[name], parameter)


def test_a_slice_is_leading_blocks_of_evenly_spaced_layers_and_shares_memory():
    teacher = dict(model_of(LLAMA).named_parameters())
    small = LLAMA.model_copy(update={"layers": 2, "hidden": 32, "heads": 2, "feed_forward": 40})
    shapes = {name: p.shape for name, p in build(small, VOCAB, pad_id=0, end_id=2).named_parameters()}
    state = dict(slices(teacher, LLAMA, small, shapes))
    last = "model.layers.1.mlp.up_proj.weight"
    assert torch.equal(state[last], teacher["model.layers.2.mlp.up_proj.weight"][:40, :32])
    assert (
        state[last].untyped_storage().data_ptr()
        == teacher["model.layers.2.mlp.up_proj.weight"].untyped_storage().data_ptr()
    )


@pytest.mark.parametrize(
    ("kept", "total", "expected"),
    [(1, 6, [0]), (2, 6, [0, 5]), (3, 6, [0, 2, 5]), (6, 6, [0, 1, 2, 3, 4, 5])],
)
def test_layers_are_taken_evenly_with_the_first_and_the_last(kept, total, expected):
    assert evenly_spaced(kept, total) == expected


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hidden": 128}, "student.hidden 128 is larger"),
        ({"layers": 4}, "student.layers 4 is larger"),
        ({"head_dim": 8}, "student.head_dim 8 must equal"),
        ({"init": "layers", "hidden": 32}, "student.hidden 32 must equal the teacher's 64 for init 'layers'"),
    ],
)
def test_what_is_no_slice_is_refused_by_field(change, said):
    with pytest.raises(ConfigError, match=said):
        check_sliceable(LLAMA, LLAMA.model_copy(update=change))


def test_a_t5_student_is_not_cut_from_a_llama_teacher():
    with pytest.raises(ConfigError, match="a t5 student cannot be cut from a llama teacher"):
        check_sliceable(LLAMA, T5)


def test_random_slices_have_a_students_size_and_a_seed():
    teacher = LlamaStudent(family="llama", layers=6, hidden=256, heads=8, feed_forward=704)
    drawn = [random_slice(teacher, 4096, random.Random(seed)) for seed in range(20)]
    assert drawn[3] == random_slice(teacher, 4096, random.Random(3))
    total = params(teacher, 4096)
    for student in drawn:
        check_sliceable(teacher, student)
        assert 0.12 * total <= params(student, 4096) <= 0.25 * total
