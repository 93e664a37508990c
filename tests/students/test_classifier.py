"""The classifier, against transformers' own and against Compressor's layout."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from kdray.config import RobertaStudent
from kdray.errors import ConfigError, DataError
from kdray.students.classifier import split
from kdray.students.compressor_weights import load_compressor
from kdray.students.cost import params
from kdray.students.families import build, describe
from kdray.students.forward import head, hidden_states
from kdray.students.load import load_model
from kdray.students.slices import check_sliceable
from kdray.students.warm_start import slices

START, PAD, END = 0, 1, 2


def student(**fields) -> RobertaStudent:
    base = {"layers": 3, "hidden": 32, "heads": 8, "feed_forward": 24, "snippets": 2, "positions": 40}
    return RobertaStudent(family="roberta", **{**base, **fields})


def model(seed=0, vocab=50, **fields):
    torch.manual_seed(seed)
    made = build(student(**fields), vocab, pad_id=PAD, end_id=END, start_id=START).eval()
    for parameter in made.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return made


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(st.lists(st.integers(3, 9), max_size=6), min_size=2, max_size=2), min_size=1, max_size=5
    )
)
def test_pairs_come_apart_as_they_were_put_together(inputs):
    snippets = [[START, *body, END] for pair in inputs for body in pair]
    rows = [snippets[i] + snippets[i + 1] for i in range(0, len(snippets), 2)]
    width = max(map(len, rows))
    ids_BT = torch.tensor([row + [PAD] * (width - len(row)) for row in rows])
    found = split(ids_BT, 2, START, PAD)
    assert [[token for token in row if token != PAD] for row in found.tolist()] == snippets
    assert found.shape[1] == max(map(len, snippets))


def test_a_row_with_another_number_of_snippets_is_refused():
    with pytest.raises(ValueError, match="2 snippets"):
        split(torch.tensor([[START, 5, END]]), 2, START, PAD)


@pytest.mark.parametrize("snippets", [1, 2])
def test_the_parameters_are_counted_exactly(snippets):
    made = model(snippets=snippets)
    assert params(student(snippets=snippets), 50) == sum(p.numel() for p in made.parameters())


def test_the_published_size_is_what_compressor_says():
    compressor = student(layers=12, hidden=96, feed_forward=64, positions=514, snippets=1)
    assert params(compressor, 1000) * 4 / 1e6 == pytest.approx(3.06, abs=0.05)


def test_one_snippet_is_what_transformers_computes():
    from transformers import RobertaForSequenceClassification

    ours = model(snippets=1)
    theirs = RobertaForSequenceClassification(ours.config).eval()
    theirs.load_state_dict(ours.state_dict())
    ids_BT = torch.tensor([[START, 7, 8, 9, END], [START, 5, END, PAD, PAD]])
    expected = theirs(input_ids=ids_BT, attention_mask=(ids_BT != PAD).long()).logits
    torch.testing.assert_close(ours(ids_BT), expected)


def test_a_pair_is_its_snippets_read_alone():
    made = model()
    one, two = [START, 7, 8, 9, END], [START, 5, END]
    states = torch.stack([made.encode(torch.tensor([ids]))[0] for ids in (one, two)])[None]
    torch.testing.assert_close(made(torch.tensor([one + two + [PAD]])), made.classifier(states))


def test_the_loss_sees_the_same_logits_as_the_forward_pass():
    made = model()
    ids_BT = torch.tensor([[START, 7, END, START, 5, 6, END]])
    weight_CD, scale = head(made)
    hidden = hidden_states(made, ids_BT, torch.ones_like(ids_BT), None)
    torch.testing.assert_close((hidden[:, 0] * scale) @ weight_CD.T, made(ids_BT))


def test_a_saved_classifier_loads_and_says_what_it_is(tmp_path):
    made = model()
    made.save_pretrained(tmp_path)
    again = load_model(tmp_path)
    ids_BT = torch.tensor([[START, 7, END, START, 5, 6, END]])
    torch.testing.assert_close(again(ids_BT), made(ids_BT))
    assert describe(again.config) == student(init="random")


def test_a_student_of_fewer_layers_is_cut_from_its_teacher():
    teacher, small = model(), student(layers=2, init="layers")
    check_sliceable(describe(teacher.config), small)
    shapes = {n: p.shape for n, p in model(layers=2).named_parameters()}
    state = dict(slices(dict(teacher.named_parameters()), describe(teacher.config), small, shapes))
    last = "roberta.encoder.layer.{}.output.dense.weight"
    assert torch.equal(state[last.format(1)], teacher.get_parameter(last.format(2)))
    assert torch.equal(state["classifier.dense.weight"], teacher.classifier.dense.weight)


@pytest.mark.parametrize("field", ["hidden", "snippets", "positions"])
def test_a_student_of_another_shape_is_not_cut(field):
    changed = {"hidden": 16, "snippets": 1, "positions": 50}[field]
    with pytest.raises(ConfigError, match=f"student.{field}"):
        check_sliceable(student(), student(init="layers", **{field: changed}))


def published(path, made, prefix, head_prefix):
    """Writes a model as Compressor does."""
    state = {}
    for name, tensor in made.state_dict().items():
        kind, rest = name.split(".", 1)
        state[(prefix if kind == "roberta" else head_prefix) + rest] = tensor.clone()
    state[f"{prefix}embeddings.position_ids"] = torch.arange(40)[None]
    state[f"{prefix}pooler.dense.weight"] = torch.zeros(32, 32)
    save_file(state, path)


@pytest.mark.parametrize(
    ("snippets", "prefix", "head_prefix"),
    [
        (2, "encoder.", "classifier."),
        (2, "encoder.roberta.", "classifier."),
        (1, "encoder.roberta.", "encoder.classifier."),
    ],
)
def test_published_files_load_from_each_layout(tmp_path, snippets, prefix, head_prefix):
    made = model(snippets=snippets)
    published(tmp_path / "a.safetensors", made, prefix, head_prefix)
    ids_BT = torch.tensor([[START, 7, 8, END, START, 5, END][: 7 if snippets == 2 else 4]])
    logits = load_compressor(tmp_path / "a.safetensors")(ids_BT)
    # Class 0 of a published vulnerability detector is the vulnerable one.
    torch.testing.assert_close(logits, made(ids_BT) if snippets == 2 else made(ids_BT).flip(1))


def test_other_files_are_refused_in_one_line(tmp_path):
    save_file({"weight": torch.zeros(2)}, tmp_path / "a.safetensors")
    (tmp_path / "b.safetensors").write_bytes(b"no tensors")
    for name, said in (("a", "not laid out as"), ("b", "no safetensors file"), ("c", "no safetensors file")):
        with pytest.raises(DataError, match=said) as told:
            load_compressor(tmp_path / f"{name}.safetensors")
        assert "\n" not in str(told.value)
