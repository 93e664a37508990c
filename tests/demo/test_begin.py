"""`kdray init`: what it writes is valid, says what comes next, and runs from its capture to a trial."""

from __future__ import annotations

import math
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from kdray.config import (
    Choice,
    Sweep,
    TeacherRecipe,
    as_data,
    load_recipe,
    load_sweep,
    merge,
    parse,
)
from kdray.demo import fitting
from kdray.demo.fitting import MOST, fit
from kdray.errors import ConfigError, DataError
from kdray.packaged import studies
from kdray.pipeline.prepare import prepare
from kdray.search.constraints import gate_of
from kdray.students.cost import params
from kdray.students.load import load_model
from kdray.students.slices import check_sliceable
from kdray.train.teacher import train_teacher
from tests import tiny
from tests.one_by_one import train_each
from tests.test_cli import run

WORLDS = {
    "llama": "small_world",
    "t5": "seq2seq_world",
    "pairs": "clone_world",
    "functions": "vulnerability_world",
}


def files() -> list[str]:
    """Every file below the working folder."""
    return sorted(str(path) for path in Path().rglob("*.yaml"))


def train_one(sweep: Sweep) -> None:
    """Captures, and trains the first trial to its end."""
    prepared = prepare(sweep)
    folder = Path(sweep.storage) / sweep.name
    with closing(train_each(sweep, folder, gate_of(sweep, prepared.context))) as trials:
        _, metrics = next(trials)
    for objective in sweep.objectives:
        assert math.isfinite(metrics[objective])


def train_on(recipe: TeacherRecipe) -> None:
    """Trains a teacher that goes on from another one."""
    curve = train_teacher(recipe, "teachers/mine")["learning_curve"]
    assert all(math.isfinite(point["train_loss"]) for point in curve)


def test_a_sweep_of_the_packaged_teacher_is_written_runs_and_so_does_its_recipe(
    tmp_path, request, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(monkeypatch, capsys, "init", "mine")
    assert code == 0, err
    assert files() == ["mine.yaml", "teachers/mine.yaml"]
    said = out.splitlines()
    assert [line.split()[1] for line in said if line.startswith("wrote")] == files()
    assert "kdray corpus mine path/to/your/project --out corpora/mine" in out
    assert said[-1].strip() == "kdray launch mine.yaml"
    code, out, err = run(monkeypatch, capsys, "validate", "mine.yaml")
    assert code == 0, err
    path = Path("mine.yaml")
    assert load_sweep(path).trial.teacher == "kdray:python"
    tiny.lay_out(path, tmp_path, request)
    train_one(tiny.sweep(path))
    train_on(tiny.recipe(Path("teachers/mine.yaml")))


@pytest.mark.parametrize("kind", WORLDS)
def test_a_sweep_of_a_teacher_of_one_s_own_runs_and_so_does_its_recipe(
    kind, tmp_path, request, monkeypatch, capsys
):
    root = request.getfixturevalue(WORLDS[kind])
    made = root / ("t5/teacher" if kind == "t5" else "teacher")
    tiny.link("corpora/mine", root / "corpus", tmp_path)
    tiny.link("theirs", made, tmp_path)
    monkeypatch.chdir(tmp_path)
    code, _, err = run(monkeypatch, capsys, "init", "mine", "--teacher", "theirs")
    assert code == 0, err
    code, _, err = run(monkeypatch, capsys, "validate", "mine.yaml")
    assert code == 0, err
    sweep = load_sweep("mine.yaml")
    task = {"pairs": "clone", "functions": "vulnerability"}.get(kind, "assertion")
    assert (sweep.trial.teacher, sweep.trial.task) == ("theirs", task)
    assert sweep.trial.encoding == fit(str(made)).encoding
    train_one(tiny.sweep(Path("mine.yaml")))
    # As large as its teacher is, but for a few steps.
    data = as_data(load_recipe("teachers/mine.yaml"))
    train_on(parse(TeacherRecipe, tiny.shrink(data, tiny.LIMITS) | {"student": data["student"]}, "mine"))
    assert load_model("teachers/mine").config.model_type == load_model("theirs").config.model_type


@pytest.mark.parametrize("study", studies())
def test_a_study_is_copied_under_another_name_and_says_nothing_else(study, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(monkeypatch, capsys, "init", "mine", "--study", study)
    assert code == 0, err
    original, copy = load_sweep(studies()[study]), load_sweep("mine.yaml")
    assert copy == original.model_copy(update={"name": "mine"})
    teacher = original.trial.teacher
    named = f"put your teacher into {teacher}," in out
    assert named == (teacher not in ("kdray:python", "teachers/java"))
    assert files() == ["mine.yaml"] + ["teachers/mine.yaml"] * (teacher == "teachers/java")
    if teacher == "teachers/java":
        load_recipe("teachers/mine.yaml")
        assert "kdray teacher train teachers/mine.yaml --out teachers/java" in out
    for file in files():
        assert "sweeps/" not in Path(file).read_text()


def test_studies_are_those_of_the_repository():
    assert list(studies()) == [path.stem for path in tiny.files()]


def test_nothing_is_written_over_unasked(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for there in ("mine.yaml", "teachers/mine.yaml"):
        Path(there).parent.mkdir(exist_ok=True)
        Path(there).write_text("mine\n")
        code, out, err = run(monkeypatch, capsys, "init", "mine")
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert f"{there} is there already" in err
        assert files() == [there]
        Path(there).unlink()
    Path("mine.yaml").write_text("mine\n")
    code, _, err = run(monkeypatch, capsys, "init", "mine.yaml", "--force")
    assert code == 0, err
    assert load_sweep("mine.yaml").name == "mine"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a b"], "is no name of a sweep"),
        (["../mine"], "is no name of a sweep"),
        (["mine", "--study", "pyton-alpha"], "did you mean 'python-alpha'?"),
        (["mine", "--study", "python", "--teacher", "kdray:python"], "not both"),
        (["mine", "--teacher", "kdray:pyton"], "did you mean 'kdray:python'?"),
        (["mine", "--teacher", "nowhere"], "no model that transformers can load"),
    ],
)
def test_a_mistake_costs_one_line_and_writes_nothing(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(monkeypatch, capsys, "init", *arguments)
    unread = "nowhere" in arguments  # what cannot be is 2, data that is not there 3
    assert (code, out, err.count("\n")) == (3 if unread else 2, "", 1)
    assert said in err
    assert files() == []


CODET5 = {
    "model_type": "t5", "vocab_size": 32100, "num_layers": 12, "num_decoder_layers": 12, "d_model": 768,
    "num_heads": 12, "d_kv": 64, "d_ff": 3072, "dense_act_fn": "relu", "dropout_rate": 0.1, "is_gated_act": False,
}  # fmt: skip
LLAMA = {
    "model_type": "llama", "vocab_size": 32256, "num_hidden_layers": 24, "hidden_size": 2048,
    "num_attention_heads": 16, "num_key_value_heads": 16, "head_dim": 128, "intermediate_size": 5504,
    "hidden_act": "silu", "attention_dropout": 0.0, "tie_word_embeddings": False,
}  # fmt: skip
CODEBERT = {
    "model_type": "roberta", "vocab_size": 50265, "num_hidden_layers": 12, "hidden_size": 768,
    "num_attention_heads": 12, "intermediate_size": 3072, "max_position_embeddings": 514, "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1,
}  # fmt: skip
WORDY = CODET5 | {"vocab_size": 250_000, "num_layers": 2, "num_decoder_layers": 2}
SMALL = LLAMA | {
    "num_hidden_layers": 1, "hidden_size": 32, "num_attention_heads": 1, "num_key_value_heads": 1,
    "head_dim": 32, "intermediate_size": 32, "vocab_size": 300,
}  # fmt: skip
KINDS = [CODET5, LLAMA, CODEBERT, WORDY, SMALL]


def teacher_of(config, monkeypatch):
    monkeypatch.setattr(fitting, "load_config", lambda name: SimpleNamespace(**config))
    return fit("theirs")


@pytest.mark.parametrize("config", KINDS, ids=["codet5", "llama", "codebert", "wordy", "small"])
def test_students_of_any_teacher_are_small_slices_of_it_at_every_corner(
    config, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    found = teacher_of(config, monkeypatch)
    assert params(found.student, found.vocab) <= MOST * params(found.teacher, found.vocab)
    code, _, err = run(monkeypatch, capsys, "init", "mine", "--teacher", "theirs")
    assert code == 0, err
    sweep = load_sweep("mine.yaml")
    assert sweep.trial.student == found.student
    for path, spec in sweep.space.items():
        for value in spec.choices if isinstance(spec, Choice) else spec.range:
            check_sliceable(found.teacher, merge(sweep.trial, {path: value}).student)


def test_of_a_teacher_that_cannot_be_cut_students_begin_at_random_and_no_teacher_goes_on(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert not teacher_of(LLAMA | {"num_key_value_heads": 4}, monkeypatch).cuttable
    code, _, err = run(monkeypatch, capsys, "init", "mine", "--teacher", "theirs")
    assert code == 0, err
    assert files() == ["mine.yaml"]
    assert load_sweep("mine.yaml").trial.student.init == "random"


def test_a_teacher_of_another_family_is_refused_by_its_name(monkeypatch):
    with pytest.raises(DataError, match="theirs: model type 'gpt2' is not one kdray knows"):
        teacher_of({"model_type": "gpt2"}, monkeypatch)


def test_a_name_with_signs_that_yaml_reads_otherwise_is_written_as_it_is(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fitting, "load_config", lambda name: SimpleNamespace(**CODET5))
    teacher = "a: {b} # 'c' $d/été"
    code, _, err = run(monkeypatch, capsys, "init", "1e3", "--teacher", teacher)
    assert code == 0, err
    assert load_sweep("1e3.yaml").trial.teacher == teacher
    with pytest.raises(ConfigError):
        load_sweep("1e3")
