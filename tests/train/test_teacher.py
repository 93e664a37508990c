"""A teacher's folder and the recipe it was made by."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch

from kdray.config import TeacherRecipe, as_data, parse
from kdray.corpus.layouts import import_examples
from kdray.corpus.store import read_corpus, write_corpus
from kdray.errors import ConfigError
from kdray.students.load import load_model
from kdray.tasks import kept_rows
from kdray.train import TrialRun, teacher, trial_data
from kdray.train.teacher import train_teacher
from tests import java_world


def test_a_folder_of_an_older_version_holds_the_same_teacher_and_one_of_another_recipe_does_not(
    tmp_path: Path,
) -> None:
    examples = import_examples(java_world.write_masked(tmp_path / "source")).examples
    write_corpus(tmp_path / "corpus", examples, ["source"])
    recipe = java_world.recipe(tmp_path / "corpus", "llama")
    train_teacher(recipe, tmp_path / "teacher")
    path = tmp_path / "teacher" / "training.json"
    record = json.loads(path.read_text())
    del record["recipe"]["evaluation"]  # as if recorded before there was any
    path.write_text(json.dumps(record))
    assert train_teacher(recipe, tmp_path / "teacher") == record
    with pytest.raises(ConfigError, match="a teacher of another recipe"):
        train_teacher(recipe.model_copy(update={"seed": 5}), tmp_path / "teacher")


def test_the_rows_of_a_corpus_are_learnt_from_where_they_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples = import_examples(java_world.write_masked(tmp_path / "source")).examples
    write_corpus(tmp_path / "corpus", examples, ["source"])
    monkeypatch.setattr(kept_rows, "EXAMPLES", 3)
    monkeypatch.setattr(trial_data, "HELD_OUT_ROWS", 2)
    data = trial_data.open_data(java_world.recipe(tmp_path / "corpus", "llama"))
    assert isinstance(data.source._rows, kept_rows.KeptRows)  # type: ignore[attr-defined]
    whole = data.task.rows(read_corpus(tmp_path / "corpus", "train"))
    found, _ = data.source.take(range(len(whole)))
    assert data.source.lengths().tolist() == [len(row.input_ids) for row in whole]
    for one, other in zip(found, whole, strict=True):
        assert one.id == other.id and np.array_equal(one.input_ids, other.input_ids)
        assert np.array_equal(one.labels, other.labels)
    assert data.held_out is not None and len(data.held_out.lengths()) == 2


@pytest.mark.parametrize(("older", "vocab"), [(378, 310), (378, 360), (310, 360)])
def test_a_teacher_goes_on_from_another_whose_pieces_keep_their_embeddings(
    older: int, vocab: int, tmp_path: Path
) -> None:
    examples = import_examples(java_world.write_masked(tmp_path / "source")).examples
    write_corpus(tmp_path / "corpus", examples, ["source"])
    first = java_world.recipe(tmp_path / "corpus", "llama").model_copy(update={"vocab": older})
    curve = train_teacher(first, tmp_path / "first")["learning_curve"]
    data = as_data(first) | {"teacher": str(tmp_path / "first"), "vocab": vocab}
    data["student"] = data["student"] | {"init": "layers"}
    second = parse(TeacherRecipe, data, "second")
    with closing(TrialRun(second)) as run:
        old, new = load_model(tmp_path / "first"), dict(run.model.named_parameters())
        for name, tensor in old.named_parameters():
            assert "embed_tokens" in name or torch.equal(new[name], tensor), name
        known, pieces = run.data.teacher_task.tokenizer.get_vocab(), run.data.task.tokenizer.get_vocab()
        assert (len(known), len(pieces)) == (older, vocab)
        table_WD, own_VD = new["model.embed_tokens.weight"], old.get_input_embeddings().weight
        for piece in set(known) & set(pieces):
            assert torch.equal(table_WD[pieces[piece]], own_VD[known[piece]])
    goes_on = train_teacher(second, tmp_path / "second")["learning_curve"]
    assert goes_on[0]["held_out_loss"] < curve[0]["held_out_loss"]


@pytest.mark.parametrize(
    ("teacher", "init"), [(None, "layers"), (None, "sliced"), ("t", "random"), ("t", "sliced")]
)
def test_a_recipe_goes_on_from_a_teacher_with_all_its_width_or_from_nothing(
    teacher: str | None, init: str
) -> None:
    data = as_data(java_world.recipe(Path("c"), "llama")) | {"teacher": teacher}
    data["student"] = data["student"] | {"init": init}
    with pytest.raises(ConfigError, match=r"begins with init '(layers|random)'"):
        parse(TeacherRecipe, data, "test")


def test_a_teacher_that_is_killed_between_rungs_goes_on_from_its_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples = import_examples(java_world.write_masked(tmp_path / "source")).examples
    write_corpus(tmp_path / "corpus", examples, ["source"])
    data = as_data(java_world.recipe(tmp_path / "corpus", "llama")) | {"budget": {"steps": 6, "rungs": []}}
    recipe = parse(TeacherRecipe, data, "test")
    whole = train_teacher(recipe, tmp_path / "whole")["learning_curve"]
    monkeypatch.setattr(teacher, "KEPT_EVERY_S", 0.0)
    steps: list[int] = []

    def killed(step: int, loss: float) -> None:
        steps.append(step)
        if step == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_teacher(recipe, tmp_path / "teacher", progress=killed)
    kept = [path.name for path in (tmp_path / "teacher" / "unfinished").glob("step-*")]
    goes_on: list[int] = []
    curve = train_teacher(recipe, tmp_path / "teacher", progress=lambda step, loss: goes_on.append(step))
    assert kept[0].startswith("step-") and goes_on[0] == int(kept[0].removeprefix("step-")) + 1 > 1
    (rung,) = curve["learning_curve"]
    assert {**rung, "seconds": 0} == {**whole[0], "seconds": 0}
