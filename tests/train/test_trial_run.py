import json
import math
import subprocess
import sys

import pytest
import torch

from kdray.config import merge
from kdray.errors import ConfigError, DataError, TrialFailed
from kdray.train import TrialRun, train
from tests import world


@pytest.fixture
def trial(small_world):
    return world.sweep(small_world).trial


def losses(run):
    return list(run._losses)


def test_a_trial_reports_both_objectives_at_every_rung(trial):
    seen = []
    last = train(trial, report=seen.append)
    assert [metrics["step"] for metrics in seen] == [3, 6]
    assert last == seen[-1]
    for metrics in seen:
        assert 0 <= metrics["assertion_accuracy"] <= 1
        assert 0 <= metrics["metamorphic_discrepancy"] <= 1
        assert metrics["student_params"] > 0
        json.dumps(metrics)


def test_the_same_seed_gives_the_same_losses_to_the_last_bit(trial):
    first, second = TrialRun(trial), None
    first.next_rung()
    kept = losses(first)
    first.close()
    second = TrialRun(trial)
    second.next_rung()
    assert losses(second) == kept
    second.close()
    other = TrialRun(merge(trial, {"seed": 1}))
    other.next_rung()
    assert losses(other) != kept
    other.close()


@pytest.mark.parametrize("stage", [0, 1, 2])
def test_a_trial_that_goes_on_from_a_checkpoint_ends_as_if_undisturbed(trial, tmp_path, stage):
    trial = merge(trial, {"deepspeed.zero_optimization": {"stage": stage}})
    whole = TrialRun(trial)
    whole.next_rung()
    whole.save(tmp_path / "checkpoint")
    expected = whole.next_rung()
    kept = losses(whole)
    whole.close()
    later = TrialRun(trial)
    later.load(tmp_path / "checkpoint")
    assert later.step == 3
    found = later.next_rung()
    assert losses(later) == kept
    assert later.done
    later.close()
    timed = ("seconds",)
    assert {k: v for k, v in found.items() if k not in timed} == {
        k: v for k, v in expected.items() if k not in timed
    }


def test_alpha_and_temperature_change_what_is_learnt(trial):
    ends = set()
    for overrides in (
        {"distil.alpha": 0.0},
        {"distil.alpha": 1.0},
        {"distil.alpha": 1.0, "distil.temperature": 4.0},
    ):
        run = TrialRun(merge(trial, overrides))
        run.next_rung()
        ends.add(losses(run)[-1])
        run.close()
    assert len(ends) == 3


def test_a_loss_that_is_not_finite_ends_the_trial_with_a_reason(trial):
    run = TrialRun(trial)
    with torch.no_grad():
        next(run.model.parameters()).fill_(math.nan)
    with pytest.raises(TrialFailed, match="loss is nan at step 0"):
        run.next_rung()
    run.close()


def test_an_exported_student_answers_like_the_trained_one(trial, tmp_path):
    from kdray.students.load import load_model, load_tokenizer

    run = TrialRun(trial)
    run.next_rung()
    run.export(tmp_path / "student")
    model = load_model(tmp_path / "student")
    for (name, saved), (_, trained) in zip(
        model.named_parameters(), run.model.named_parameters(), strict=True
    ):
        assert torch.equal(saved, trained.to(torch.bfloat16).float()), name
    assert load_tokenizer(tmp_path / "student").eos_token_id == run.data.task.end_id
    assert [path.suffix for path in (tmp_path / "student").iterdir() if path.suffix in (".bin", ".pt")] == []
    run.close()


def test_a_student_larger_than_its_teacher_is_refused_by_name(trial):
    with pytest.raises(ConfigError, match=r"student\.hidden 128 is larger than the teacher's 64"):
        TrialRun(merge(trial, {"student.hidden": 128}))


@pytest.mark.parametrize(
    ("field", "value", "captured"),
    [("max_input", 100, 192), ("end", "newline", "token"), ("start", True, False)],
)
def test_shards_of_another_encoding_are_refused_by_its_field(trial, field, value, captured):
    with pytest.raises(ConfigError, match=rf"encoding\.{field} {value}: .* was captured with {captured}: "):
        TrialRun(merge(trial, {f"encoding.{field}": value}))


def test_a_missing_suite_is_one_clear_line(trial, tmp_path):
    with pytest.raises(DataError, match=r"no manifest\.json"):
        TrialRun(merge(trial, {"suite": str(tmp_path / "nothing")}))


WITHOUT_COMPILER = """
import sys
from deepspeed.ops.op_builder.builder import OpBuilder
def refuse(self, verbose=True):
    raise SystemExit(f"{self.name} would need a compiler")
OpBuilder.jit_load = refuse
from kdray.config import merge
from kdray.train import train
from tests import world
trial = merge(world.sweep(world.Path(sys.argv[1])).trial, {"budget.steps": 3, "budget.rungs": [3]})
print(train(trial)["step"])
"""


def test_a_machine_without_a_compiler_trains(small_world):
    """DeepSpeed would build a shared-memory extension at its first start in a process; a fresh process must
    not try.
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WITHOUT_COMPILER, str(small_world)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.stdout.strip().endswith("3"), done.stderr[-2000:]
    assert done.returncode == 0


def test_from_a_step_on_the_context_weighs_nothing(small_world, monkeypatch):
    import kdray.train.trial_run as module

    weights = []
    collate = module.collate
    monkeypatch.setattr(
        module, "collate", lambda *a, **k: weights.append(k["context_weight"]) or collate(*a, **k)
    )
    recipe = world.recipe(
        small_world / "corpus",
        optim={"batch_size": 8, "context_weight": 0.3, "context_until": 2},
        budget={"steps": 4},
    )
    run = TrialRun(recipe)
    run.next_rung()
    run.close()
    assert weights == [0.3, 0.3, 0.0, 0.0]
