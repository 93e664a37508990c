"""Students of their teacher's own family: exact, costed beforehand, plain folders; or refused by field."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from kdray.config import LlamaStudent, TeacherStudent
from kdray.errors import ConfigError
from kdray.students.cuts import check_cut
from kdray.students.derive import config_of, sizes_of
from kdray.students.derived_cost import counted
from kdray.students.families import build, describe, shape_of
from kdray.students.forward import head, hidden_states
from kdray.students.kept_weights import own_weights
from kdray.students.load import load_model
from kdray.students.logits import TargetLogits
from kdray.students.preflight import check_weights
from kdray.students.slices import evenly_spaced
from kdray.students.warm_start import check_taken, cut_state, slices
from tests.students.test_zoo import ACCEPTED, made, rows_of  # noqa: F401 - a fixture
from tests.students.zoo import END, PAD, VOCAB, ZOO

UNCOUNTED = ("mixtral", "gpt-oss", "mamba", "mamba2", "led", "longt5")
"""Whose products torch's counter does not see, or which are no products, or not over all pairs of positions."""
UNEVEN = ("deepseek3",)
"""Whose layers are not alike, so that fewer may lack a kind."""


def own(**fields: Any) -> TeacherStudent:
    return TeacherStudent(family="teacher", **fields)


def cut(teacher: Any, student: Any, **ids: Any) -> Any:
    """A student with its first weights, as a trial begins with."""
    config = teacher.config
    teacher.set_attn_implementation("eager")  # as students have it on a processor
    check_cut(shape_of(config), student, config)
    model = build(student, config.vocab_size, pad_id=PAD, end_id=END, like=config)
    weights, shapes = own_weights(teacher), {n: p.shape for n, p in own_weights(model).items()}
    if student.family == "teacher":
        state = cut_state(weights, config.model_type, shapes)
    else:
        state = dict(slices(weights, describe(config), student, shapes))
        check_taken(weights, state)
    model.load_state_dict({n: t.detach().clone() for n, t in state.items()}, strict=False)
    return model.eval()


def assert_same(one: Any, other: Any, atol: float = 1e-4) -> None:
    rows = rows_of(one)
    for mine, yours in zip(TargetLogits(one, PAD)(rows), TargetLogits(other, PAD)(rows), strict=True):
        np.testing.assert_allclose(mine, yours, atol=atol, rtol=1e-4)


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_cut_with_all_layers_is_the_teacher(name, made):  # noqa: F811 - the fixture
    assert_same(cut(made(name), own()), made(name))


def left_out(teacher: Any, kept: Any, layers: int) -> None:
    """Has all but some of a teacher's layers hand on what they are given."""

    def hand_on(layer: Any, args: Any, kwargs: Any, output: Any) -> Any:
        given = args[0] if args else kwargs["hidden_states"]
        return given if isinstance(output, torch.Tensor) else (given, *output[1:])

    stacks = [m for m in teacher.modules() if isinstance(m, torch.nn.ModuleList) and len(m) == layers]
    assert stacks
    for stack in stacks:
        for number, layer in enumerate(stack):
            if number not in kept:
                layer.register_forward_hook(hand_on, with_kwargs=True)


@pytest.mark.parametrize("name", ACCEPTED)
def test_fewer_layers_are_the_teacher_without_the_others(name):
    """With what each has of its own: a kind of attention, a window, a table, an expert's bias."""
    teacher = ZOO[name](4)
    layers = [field for field in sizes_of(teacher.config) if field.endswith("layers")]
    student = cut(teacher, own(**dict.fromkeys(layers, 3)))
    left_out(teacher, evenly_spaced(3, 4), 4)
    assert_same(student, teacher)


@pytest.mark.parametrize("name", [name for name in ACCEPTED if name.startswith("llama")])
def test_a_llama_by_name_carries_everything_over_too(name, made):  # noqa: F811
    teacher = made(name)
    assert_same(cut(teacher, describe(teacher.config, "layers")), teacher)


@pytest.mark.parametrize("name", ["t5-buckets", "t5-distance", "t5-eps", "t5-start", "t5-untied", "t5-gelu"])
def test_a_t5_by_name_carries_everything_over_too(name, made):  # noqa: F811
    teacher = made(name)
    assert_same(cut(teacher, describe(teacher.config, "layers")), teacher)


def test_a_head_that_is_a_table_of_its_own_stays_one():
    teacher = ZOO["t5-gated-untied"]()
    teacher.lm_head.weight = torch.nn.Parameter(torch.randn_like(teacher.lm_head.weight))
    assert_same(cut(teacher, own()), teacher)


@pytest.mark.parametrize("name", UNEVEN)
def test_layers_of_a_kind_that_would_be_left_out_are_told_without_weights(name, made):  # noqa: F811
    config = made(name).config
    check_weights(config, own())
    with pytest.raises(
        ConfigError, match=r"a cut has no place for the teacher's model.layers.\*.mlp.experts"
    ):
        check_weights(config, own(layers=1))


@pytest.mark.parametrize("name", [name for name in ACCEPTED if name not in UNEVEN])
def test_fewer_layers_cost_what_was_said_before_there_were_weights(name, made):  # noqa: F811
    config = made(name).config
    layers = [field for field in sizes_of(config) if field.endswith("layers")]
    student = own(**dict.fromkeys(layers, 1))
    model = cut(made(name), student)
    assert {field: sizes_of(model.config)[field] for field in layers} == dict.fromkeys(layers, 1)
    inputs, outputs = (7, 3) if config.is_encoder_decoder else (4, 3)
    params, flops = counted(config, student, VOCAB, inputs, outputs)
    assert params == sum(parameter.numel() for parameter in model.parameters())
    if name not in UNCOUNTED:
        ids_BT, decoder_BL = torch.full((1, 7), 5), torch.full((1, 3), 5)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            apart = decoder_BL if config.is_encoder_decoder else None
            hidden = hidden_states(model, ids_BT, torch.ones_like(ids_BT), apart)
            hidden[:, -outputs:] @ head(model)[0].T
        assert flops == counter.get_total_flops()


@pytest.mark.parametrize(
    "name", ["qwen3", "starcoder2", "gpt2", "t5-gated-untied", "bart", "gemma2", "gpt-neo"]
)
def test_it_is_a_plain_folder_that_comes_back_as_it_was(name, made, tmp_path):  # noqa: F811
    layers = [field for field in sizes_of(made(name).config) if field.endswith("layers")]
    model = cut(made(name), own(**dict.fromkeys(layers, 1)))
    model.save_pretrained(tmp_path)
    loaded = load_model(tmp_path)
    weights = loaded.state_dict()
    assert all(torch.equal(weights[name], tensor) for name, tensor in model.state_dict().items())
    assert_same(loaded, model, atol=1e-3)  # the same to the bit, but a loaded Gemma 2 has other kernels
    again = build(own(), VOCAB, pad_id=PAD, end_id=END, like=config_of(model.config.to_dict()))
    assert {n: p.shape for n, p in again.named_parameters()} == {
        n: p.shape for n, p in model.named_parameters()
    }


@pytest.mark.parametrize(
    ("name", "out", "down"),
    [
        ("llama-grouped", "o_proj", "down_proj"),
        ("qwen3", "o_proj", "down_proj"),
        ("t5-gated-untied", ".o.", "wo"),
    ],
)
def test_heads_are_cut_by_whole_groups_and_units_at_their_end(name, out, down):
    """What is cut says nothing in this teacher: the half that is left is the whole."""
    teacher = ZOO[name]()
    sizes = sizes_of(teacher.config)
    with torch.no_grad():
        for key, parameter in teacher.named_parameters():
            if out in key or down in key:
                parameter[:, parameter.shape[1] // 2 :] = 0
    half = {"heads": sizes["heads"] // 2, "feed_forward": sizes["feed_forward"] // 2}
    student = cut(teacher, own(init="sliced", **half))
    assert_same(student, teacher)
    if "kv_heads" in sizes:
        assert student.config.num_key_value_heads == sizes["kv_heads"] // 2


def test_gpt2s_queries_keys_and_values_are_cut_each_for_themselves(made):  # noqa: F811
    teacher = made("gpt2")
    student = cut(teacher, own(init="sliced", hidden=16, heads=2))
    ours = student.transformer.h[1].attn.c_attn.weight.view(16, 3, 16)
    assert torch.equal(ours, teacher.transformer.h[1].attn.c_attn.weight.view(32, 3, 32)[:16, :, :16])


@pytest.mark.parametrize(
    "name",
    ["llama-grouped", "qwen2", "starcoder2", "gpt2", "phi", "opt", "gptj", "olmo2", "umt5", "bart", "mt5"],
)
def test_narrower_ones_are_cut_too_and_speak(name, made):  # noqa: F811
    student = cut(made(name), own(init="sliced", hidden=16, heads=2))
    rows = rows_of(student)
    assert all(np.isfinite(logits).all() for logits in TargetLogits(student, PAD)(rows))


def llama(**fields: Any) -> LlamaStudent:
    sizes = {"layers": 2, "hidden": 32, "heads": 4, "head_dim": 8, "feed_forward": 48, "init": "layers"}
    return LlamaStudent(family="llama", **{**sizes, **fields})


@pytest.mark.parametrize(
    ("name", "student", "said"),
    [
        ("llama-grouped", own(init="sliced", heads=1), "by groups of 2, which stay whole: try 2"),
        ("llama-grouped", llama(heads=1, head_dim=8, init="sliced", tied_embeddings=False), "groups of 2"),
        ("qwen2", own(init="sliced", hidden=16), "this teacher are 8 wide and are cut whole: try hidden 32"),
        ("qwen2", own(hidden=16, heads=2), "student.hidden 16 must equal the teacher's 32 for init 'layers'"),
        ("qwen2", own(layers=3), "student.layers 3 is larger than the teacher's 2"),
        ("qwen2", own(encoder_layers=1), "encoder_layers 1 is no size of a qwen2 teacher: it has layers"),
        ("qwen2", llama(), "a llama student cannot be cut from a qwen2 teacher: use family teacher"),
        ("t5-gated-untied", llama(), "a llama student cannot be cut from a gated t5 teacher: use family teacher"),
        ("codegen", own(init="sliced", hidden=16, heads=2), "widths of a codegen teacher are not cut"),
        ("bart", own(encoder_layers=1), "student.decoder_layers 2 are more than its encoder layers"),
        ("llama-untied", llama(), "student.tied_embeddings True: the teacher's head is not its embedding"),
        ("llama-gelu", llama(), "student.activation silu must equal the teacher's gelu"),
    ],
)  # fmt: skip
def test_what_cannot_be_cut_is_refused_by_field(name, student, said, made):  # noqa: F811
    config = made(name).config
    with pytest.raises(ConfigError, match=said):
        check_cut(shape_of(config), student, config)


def test_a_teacher_with_more_to_it_than_a_student_can_take_is_refused(made):  # noqa: F811
    weights = dict(made("llama").named_parameters())
    with pytest.raises(ConfigError, match=r"no place for the teacher's model.norm.weight"):
        check_taken(
            weights, {name: tensor for name, tensor in weights.items() if name != "model.norm.weight"}
        )
