"""A teacher's folder and the recipe it was made by."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kdray.corpus.layouts import import_examples
from kdray.corpus.store import write_corpus
from kdray.errors import ConfigError
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
