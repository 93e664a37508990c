"""What of DeepSpeed a trial may ask for."""

import pytest

from kdray.config.deepspeed_settings import refusal


@pytest.mark.parametrize("stage", [1, 2])
def test_what_shapes_the_training_is_let_through(stage):
    zero = {"stage": stage, "reduce_bucket_size": 1000, "offload_optimizer": {"device": "cpu"}}
    assert refusal({"zero_optimization": zero, "bf16": {"enabled": False}}) == ""


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"zero_optimisation": {}}, "zero_optimisation is no setting.*did you mean 'zero_optimization'"),
        ({"zero_optimization": {"stge": 1}}, "zero_optimization.stge.*did you mean 'stage'"),
        ({"zero_optimization": {"stage": 3}}, "stage 3.*0, 1, 2"),
        ({"zero_optimization": {"stage": True}}, "stage True"),
        ({"zero_optimization": 1}, "holds settings"),
        ({"gradient_checkpointing": True}, "gradient_checkpointing is no setting"),
        ({"flops_profiler": {"enabled": True, "output_file": "/x"}}, "flops_profiler is no setting"),
        ({"csv_monitor": {"enabled": True, "output_path": "/x"}}, "csv_monitor is no setting"),
        ({"checkpoint": {"load_universal": True}}, "checkpoint is no setting"),
        ({"zero_optimization": {"offload_optimizer": {"device": "nvme"}}}, "device 'nvme': cpu or none"),
        ({"zero_optimization": {"offload_optimizer": {"nvme_path": "/x"}}}, "nvme_path is no setting"),
        ({"zero_optimization": {"offload_param": {"device": "cpu"}}}, "offload_param is no setting"),
        (
            {"zero_optimization": {"offload_optimizer": {"device": "cpu"}}},
            "no effect at stage 0.*stage 1 or 2",
        ),
        ({"optimizer": {}}, "set by kdray"),
    ],
)
def test_what_has_no_effect_or_writes_elsewhere_is_refused(settings, message):
    import re

    assert re.search(message, refusal(settings)), refusal(settings)
