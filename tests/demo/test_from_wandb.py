"""`kdray init --from-wandb`: the space of a W&B sweep in a sweep file of ours."""

from pathlib import Path

import pytest
import yaml

from kdray.config import Range, load_sweep
from kdray.demo.begin import begin
from kdray.errors import ConfigError

WANDB = {
    "program": "train.py",
    "method": "random",
    "metric": {"name": "val/assertion_accuracy", "goal": "maximize"},
    "run_cap": 40,
    "early_terminate": {"type": "hyperband", "eta": 4},
    "parameters": {
        "alpha": {"min": 0.0, "max": 1.0},
        "T": {"distribution": "log_uniform_values", "min": 0.5, "max": 8},
        "learning_rate": {"distribution": "log_uniform", "min": -8, "max": -5},
        "layers": {"values": [2, 3]},
        "weight_decay": {"distribution": "q_uniform", "min": 0.0, "max": 0.1, "q": 0.05},
        "batch_size": {"value": 16},
        "student": {"parameters": {"hidden": {"values": [96, 128]}}},
    },
}


@pytest.fixture
def wandb_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(**changes):
        (tmp_path / "wb.yaml").write_text(yaml.safe_dump(WANDB | changes))
        return "wb.yaml"

    return write


def test_the_new_sweep_has_that_space_and_keeps_what_kdray_is_about(wandb_file):
    done = begin("mine", from_wandb=wandb_file())
    sweep = load_sweep("mine.yaml")
    assert {path.rpartition(".")[2] for path in sweep.space} == {
        "alpha", "temperature", "lr", "layers", "weight_decay", "hidden",
    }  # fmt: skip
    assert sweep.space["distil.temperature"] == Range(range=(0.5, 8), log=True)
    assert sweep.space["optim.lr"].range == pytest.approx((0.000335, 0.00674), rel=1e-2)
    assert sweep.space["optim.weight_decay"].step == 0.05
    assert sweep.space["student.layers"].choices == (2, 3)
    assert (sweep.trial.optim.batch_size, sweep.trial.optim.warmup_steps) == (16, 50)
    assert (sweep.search.sampler, sweep.search.trials, sweep.search.eta) == ("random", 40, 4)
    assert len(sweep.objectives) == len(sweep.search.start) == 2
    assert done.notes == ("program is not taken over",)
    assert "# a list is a choice" in Path("mine.yaml").read_text()


def test_a_starting_point_outside_that_space_is_left_out_and_a_strange_metric_is_told_of(wandb_file):
    file = wandb_file(metric={"name": "val_loss"}, parameters={"alpha": {"min": 0.1, "max": 1.0}})
    done = begin("mine", from_wandb=file)
    assert load_sweep("mine.yaml").search.start == ()
    assert done.notes[0].startswith("metric val_loss is no objective here: they are assertion_accuracy")


def test_nothing_is_left_out_in_silence(wandb_file):
    file = wandb_file(
        run_cap=0,
        early_terminate={"type": "hyperband", "min_iter": 3},
        parameters={
            "alpha": {"values": [0.1, 0.2], "probabilities": [0.1, 0.9]},
            "lr": {"distribution": "q_log_uniform_values", "min": 1e-4, "max": 1e-2, "q": 1e-4},
        },
    )
    assert begin("mine", from_wandb=file).notes[:4] == (
        "probabilities of parameters.alpha is not taken over",
        "q of parameters.lr is not taken over",
        "run_cap is not taken over: trials stays as it is",
        "early_terminate is not taken over: eta stays as it is",
    )


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"alhpa": {"values": [0.5]}}, r"parameters.alhpa: no setting of a trial, did you mean 'alpha'\?"),
        ({"lr": {"distribution": "normal", "mu": 0}}, "parameters.lr: normal has no ends here"),
        ({"lr": {"distribution": "inv_log_uniform", "min": 1, "max": 2}}, "no counterpart"),
        ({"lr": {"value": 0.1}}, "there is nothing to search"),
        ({}, "no parameters"),
        ({"lr": 3}, "expected values, value, or min and max"),
        ({"alpha": {"values": [0.5, 3]}}, "space.distil.alpha = 3"),
        ({"alpha": {"values": 0.5}}, "parameters.alpha: values 0.5 is no list"),
        ({"alpha": {"min": 0, "max": float("inf")}}, "max inf .* must be numbers"),
        ({"alpha": {"distribution": "q_uniform", "min": 0, "max": 1, "q": None}}, "must be numbers"),
        ({"lr": {"distribution": "log_uniform", "min": 1, "max": 1000}}, "max 1000 is an exponent of e"),
        ({"lr": {"value": 0.1}, "learning_rate": {"min": 0.1, "max": 1}}, "a second name of optim.lr"),
    ],
)
def test_what_cannot_be_taken_over_is_one_line_that_names_it(wandb_file, parameters, said):
    with pytest.raises(ConfigError, match=said) as caught:
        begin("mine", from_wandb=wandb_file(parameters=parameters))
    assert "\n" not in str(caught.value)
