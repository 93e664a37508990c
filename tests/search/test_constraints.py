"""What a teacher allows is known before a point becomes a trial."""

from __future__ import annotations

import pytest

from kdray.config import merge
from kdray.errors import ConfigError
from kdray.pipeline.prepare import prepare
from kdray.search.constraints import gate_of
from tests import world


def test_points_that_cannot_be_cut_out_of_the_teacher_are_refused(small_world):
    sweep = world.sweep(small_world)
    context = prepare(sweep).context
    gate = gate_of(sweep, context)
    assert gate.refusal({"student.hidden": 48}) == ""
    assert "student.layers 3 is larger than the teacher's 2" in gate.refusal({"student.layers": 3})
    assert "student.head_dim 16 must equal the teacher's 32" in gate.refusal({"student.head_dim": 16})
    assert gate.refusal({"student.head_dim": 16, "student.init": "random"}) == ""
    with pytest.raises(ConfigError, match="is larger than the teacher's 64"):
        prepare(sweep.model_copy(update={"trial": merge(sweep.trial, {"student.hidden": 128})}))


def test_flops_can_be_constrained(small_world):
    sweep = world.sweep(small_world, constraints={"student_flops": "<= 1e7"})
    gate = gate_of(sweep, prepare(sweep).context)
    assert "student_flops" in gate.refusal({"student.hidden": 64})
    assert gate.refusal({"student.hidden": 32, "encoding.max_input": 16, "encoding.max_target": 4}) == ""
