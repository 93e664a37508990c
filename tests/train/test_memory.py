"""What a trial takes is there again for the next one."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch

from kdray.config import merge
from kdray.students.families import build
from kdray.train import TrialRun
from kdray.train.learner import _template
from tests import labelled_world, world

TRIALS = 6


def live_bytes():
    """Of all tensors that the collector knows and that hold memory (those of a tracer hold none)."""
    gc.collect()
    tensors = [value for value in gc.get_objects() if type(value) in (torch.Tensor, torch.nn.Parameter)]
    return sum({t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}.values())


def trained(trial):
    """Weak references to what a trial is made of, after its end."""
    run = TrialRun(trial)
    learner = run._engine._engine.module
    found = [weakref.ref(part) for part in (run, run.model, run._engine._engine, learner)]
    while not run.done:
        run.next_rung()
    run.close()
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    "overrides", [{}, {"deepspeed.zero_optimization": {"stage": 2}}], ids=["plain", "zero"]
)
def test_nothing_of_a_finished_trial_stays(overrides, small_world):
    trial = merge(world.sweep(small_world).trial, overrides)
    parts = trained(trial)  # the first one also fills caches that stay
    before = live_bytes()
    for seed in range(1, TRIALS):
        parts += trained(merge(trial, {"seed": seed}))
    assert live_bytes() <= 1.05 * before
    assert [part() for part in parts if part() is not None] == []


def test_nothing_of_a_finished_classifier_stays(clone_world):
    trial = labelled_world.sweep(clone_world, "clone").trial
    parts = trained(trial) + trained(trial)
    gc.collect()
    assert [part() for part in parts if part() is not None] == []


def test_slices_that_are_kept_as_templates_hold_no_weights(small_world):
    student = world.sweep(small_world).trial.student
    whole = build(student, 340, pad_id=0, end_id=1).config.to_json_string(use_diff=False)
    template = _template(student, whole)
    assert {parameter.device.type for parameter in template.parameters()} == {"meta"}
