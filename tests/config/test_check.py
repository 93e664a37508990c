"""Trials out of a sweep: what is wrong is one line, every corner is validated, overrides are merged."""

from __future__ import annotations

import copy

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kdray.config import (
    Choice,
    Range,
    Trial,
    contains,
    is_whole,
    load_sweep,
    merge,
    parse_overrides,
    satisfies,
    sweep_from,
)
from kdray.errors import ConfigError

DATA = {
    "name": "study",
    "task": "assertion",
    "trial": {
        "shards": "signal",
        "suite": "suite",
        "student": {
            "family": "t5",
            "encoder_layers": 3, "decoder_layers": 3, "hidden": 128, "heads": 4, "feed_forward": 512,
        },
        "budget": {"steps": 3000, "rungs": [300, 1000, 3000]},
    },
    "space": {
        "distil.alpha": {"range": [0.0, 1.0]},
        "student.hidden": [64, 96],
        "student.decoder_layers": {"range": [1, 4]},
    },
}  # fmt: skip

NARROW = DATA["trial"] | {
    "student": {"family": "llama", "layers": 1, "hidden": 16, "heads": 2, "feed_forward": 32},
    "optim": {"slice_share": 0.5},
}
LLAMA = {"family": "llama", "layers": 2, "hidden": 64, "heads": 4, "feed_forward": 96}


def changed(path, value):
    data = copy.deepcopy(DATA)
    node = data
    *parents, leaf = path.split("/")
    for parent in parents:
        node = node.setdefault(parent, {})
    node[leaf] = value
    return data


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("nam", "x", "unknown key 'nam', did you mean 'name'?"),
        ("trial/student/hiden", 3, "unknown key 'trial.student.hiden', did you mean 'hidden'?"),
        ("trial/distil/alfa", 0.1, "unknown key 'trial.distil.alfa', did you mean 'alpha'?"),
        ("trial/distil/alpha", 3, r"trial\.distil\.alpha: .* less than or equal to 1 \(found 3\)"),
        ("trial/distil/temperature", 0.05, r"trial\.distil\.temperature"),
        (
            "trial/distil",
            {"loss": "bucketed", "temperature": 0.1},
            "0.1 is not in 0.5 to 8.*only loss decoupled",
        ),
        ("trial/distil", {"loss": "jsd", "temperature": 9}, "9 is not in 0.5 to 8"),
        ("trial/budget/rungs", [300], "the last rung 300 must equal steps 3000"),
        ("trial/budget/rungs", [300, 200, 3000], "must rise"),
        ("trial/shards", None, "has no effect without shards"),
        ("trial/optim/context_weight", 0.3, "has no effect on an encoder-decoder"),
        ("trial", NARROW, "cuts slices out of student.hidden, 32 or more, not 16"),
        ("trial/deepspeed/optimizer", {}, r"deepspeed\.optimizer is set by kdray"),
        ("space/distil.alph", [0.1], "unknown path 'distil.alph', did you mean 'distil.alpha'?"),
        ("space/student.decoder_layers", {"range": [0, 4]}, r"space\.student\.decoder_layers = 0"),
        ("space/distil.alpha", {"range": [0.0, 1.5]}, r"space\.distil\.alpha = 1\.5"),
        ("space/distil.alpha", {"range": [1.0, 0.0]}, "must rise"),
        ("space/distil.temperature", {"range": [0.0, 4.0], "log": True}, "begins above 0"),
        (
            "space/student.heads",
            {"choices": [2], "when": {"student.hiden": 64}},
            "did you mean 'student.hidden'?",
        ),
        (
            "space/seed",
            {"choices": [1], "when": {"student.hidden": [64, 69]}},
            r"space\.seed\.when\.student\.hidden: 69 is not in the space, known: 64, 96",
        ),
        ("search/start", [{"distil.alpha": 2.0}], "lies outside the space"),
        ("search/start", [{"distil.alfa": 0.5}], "did you mean 'distil.alpha'?"),
        ("constraints/student_parms", "<= 5", "did you mean 'student_params'?"),
        ("constraints/student_params", "small", "is not like"),
        ("objectives/assertion_accuracy", "maximum", "objectives.assertion_accuracy"),
        ("name", "../up", "name"),
        (
            "search/storage",
            "postgresql://me:secret@host/db",
            r"search\.storage: .* write \$\{VARIABLE\} for it$",
        ),
        ("resources/drivers", 2, r"resources\.drivers: 2 share a study in a database: search\.storage must"),
    ],
)
def test_a_mistake_is_one_line_that_names_field_value_and_nearest_choice(path, value, said):
    with pytest.raises(ConfigError, match=said) as caught:
        sweep_from(changed(path, value), "file.yaml")
    assert str(caught.value).startswith("file.yaml: ")
    assert "\n" not in str(caught.value)


def test_merge_validates_the_whole_trial_again():
    base = sweep_from(DATA, "f").trial
    assert merge(base, {"distil.alpha": 0.25, "student.hidden": 64}).student.hidden == 64
    assert (
        merge(base, {"deepspeed.zero_optimization": {"stage": 1}}).deepspeed["zero_optimization"]["stage"]
        == 1
    )
    assert isinstance(merge(base, {}), Trial)
    with pytest.raises(ConfigError, match="must equal steps 10"):
        merge(base, {"budget.steps": 10})
    with pytest.raises(ConfigError, match=r"unknown path 'student\.layers'"):
        merge(base, {"student.layers": 2})


def test_overrides_on_the_command_line_are_yaml_values():
    found = parse_overrides(["a.b=1e-3", "c=[1, 2]", "d=x=y"])
    assert found == {"a.b": 1e-3, "c": [1, 2], "d": "x=y"}
    with pytest.raises(ConfigError, match=r"expected a\.b=c"):
        parse_overrides(["a.b"])


@given(st.floats(0, 1), st.floats(-1, 2))
def test_a_range_contains_what_lies_between_its_ends(low, value):
    spec = Range(range=(low, low + 1))
    assert contains(spec, value) == (low <= value <= low + 1)


def test_a_range_between_whole_ends_is_whole_only_where_its_field_is():
    sweep = sweep_from(
        {**DATA, "space": {"distil.alpha": {"range": [0, 1]}, "optim.batch_size": {"range": [8, 32]}}}, "test"
    )
    whole = {path: is_whole(sweep, path, spec) for path, spec in sweep.space.items()}
    assert whole == {"distil.alpha": False, "optim.batch_size": True}


def test_constraints_speak_of_the_teacher():
    teacher = {"teacher_params": 100.0}
    assert satisfies("<= 0.25 * teacher_params", 25, teacher)
    assert not satisfies("<= 0.25 * teacher_params", 26, teacher)
    assert satisfies(">= 2e1", 20, teacher)


def test_a_corner_may_need_another_value_beside_it():
    data = changed("space/student.heads", [1, 2, 3])
    data["trial"]["student"] = LLAMA
    data["space"] |= {"student.hidden": {"range": [16, 96], "step": 16}, "distil.alpha": [0.5]}
    del data["space"]["student.decoder_layers"]
    assert sweep_from(data, "file.yaml")
    data["space"]["student.hidden"] = [64, 80]
    with pytest.raises(ConfigError, match=r"space\.student\.heads = 3: .*heads 3 must divide hidden"):
        sweep_from(data, "file.yaml")


def test_a_sweep_file_is_read_with_some_of_its_keys_replaced(tmp_path):
    path = tmp_path / "sweep.yaml"
    path.write_text(yaml.safe_dump(DATA))
    changed = ["name=again", "search.seed=7", "trial.distil.alpha=0.25", "space.distil.alpha=[0.0, 0.5]"]
    sweep = load_sweep(path, changed)
    assert (sweep.name, sweep.search.seed, sweep.trial.distil.alpha) == ("again", 7, 0.25)
    assert sweep.space["distil.alpha"] == Choice(choices=[0.0, 0.5])
    assert load_sweep(path) == sweep_from(DATA, "file")
    for wrong, said in [
        ("serch.seed=1", "unknown key 'serch', did you mean 'search'"),
        ("name.first=x", "name is .* has no parts"),
        ("search.seed", "expected a.b=c"),
        ("space.distil.alph=[0.5]", "unknown path 'distil.alph', did you mean 'distil.alpha'"),
    ]:
        with pytest.raises(ConfigError, match=said):
            load_sweep(path, [wrong])
