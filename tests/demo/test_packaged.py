"""What comes with the package: the demo's sweep, recipe and teacher."""

import json

import pytest

from kdray.config import TeacherRecipe, load_recipe, load_sweep, parse
from kdray.demo.run import demo_sweep
from kdray.packaged import packaged
from kdray.students.cost import params
from kdray.students.families import describe
from kdray.students.load import load_model, load_tokenizer
from kdray.students.slices import check_sliceable


def test_the_demos_sweep_is_valid_and_lies_below_the_given_folder(tmp_path):
    load_sweep(packaged("demo/sweep.yaml"))
    for train_teacher in (False, True):
        sweep = demo_sweep(str(tmp_path), train_teacher=train_teacher)
        assert sweep.search.trials >= 8
        for name in ("corpus", "shards", "suite", "test_suite"):
            assert getattr(sweep.trial, name).startswith(str(tmp_path))


def test_the_poster_s_point_and_the_control_are_the_first_trials():
    start = load_sweep(packaged("demo/sweep.yaml")).search.start
    assert start[0] == {"distil.alpha": 0.5, "distil.temperature": 1.0}
    assert start[1]["distil.alpha"] == 0.0


def test_the_packaged_teacher_is_small_bfloat16_and_on_record():
    folder = packaged("demo/teacher")
    assert (folder / "model.safetensors").stat().st_size <= 12_000_000
    record = json.loads((folder / "training.json").read_text())
    recipe = load_recipe(packaged("demo/teacher.yaml"))
    # Fields that came later have their defaults in both.
    assert parse(TeacherRecipe, record["recipe"], "training.json") == recipe
    assert [point["step"] for point in record["learning_curve"]] == list(recipe.budget.reports)
    assert record["learning_curve"][-1]["held_out_loss"] < record["learning_curve"][0]["held_out_loss"]
    assert record["seconds"] > 0


def test_the_packaged_teacher_fits_its_tokenizer_and_every_student_of_the_demo():
    model, tokenizer = load_model("kdray:python"), load_tokenizer("kdray:python")
    assert model.config.vocab_size == len(tokenizer)
    teacher = describe(model.config)
    assert params(teacher, len(tokenizer)) == sum(p.numel() for p in model.parameters())
    check_sliceable(teacher, load_sweep(packaged("demo/sweep.yaml")).trial.student)


def test_the_packaged_teacher_completes_an_obvious_test():
    from kdray.corpus.example import Example
    from kdray.evaluation.answering import answering
    from kdray.tasks import AssertionTask

    context = "def test_frame(self):\n    result = df.sort_values('a')\n"
    context += "    expected = DataFrame({'a': [1, 2]})\n    "
    example = Example("0", "pandas/tests/frame/test_x.py", "python", "test_frame", "", context, "", "test")
    task = AssertionTask(load_tokenizer("kdray:python"), False)
    model = load_model("kdray:python")
    (output,) = answering(task).outputs(model, task, [task.prompt(example)], batch_size=1)
    assert task.decode(output.ids) == "tm.assert_frame_equal(result, expected)"


@pytest.mark.parametrize("name", ["teacher.yaml", "small-teacher.yaml"])
def test_recipes_are_valid(name):
    load_recipe(packaged(f"demo/{name}"))
