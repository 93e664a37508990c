from __future__ import annotations

import pytest

from kdray.config import Resources
from kdray.errors import ConfigError
from kdray.search.session import check_room


def test_a_trial_fits_across_nodes_and_a_gpu_may_be_shared() -> None:
    check_room(Resources(workers=2, cpus_per_worker=2), [{"CPU": 2.0}, {"CPU": 3.0}])
    check_room(Resources(workers=2, gpus_per_worker=0.5, max_concurrent=8), [{"CPU": 2.0, "GPU": 1.0}])
    check_room(Resources(workers=3, cpus_per_worker=0.1), [{"CPU": 0.3}])


@pytest.mark.parametrize(
    ("resources", "nodes", "message"),
    [
        (Resources(gpus_per_worker=1), [{"CPU": 8.0}], "one trial takes 1 GPU, there are 0"),
        (Resources(workers=4), [{"CPU": 2.0}], "one trial takes 4 CPU, there are 2"),
        (
            Resources(workers=2, cpus_per_worker=3),
            [{"CPU": 4.0}, {"CPU": 2.0}],
            "a worker takes 3 CPU of one node; the nodes have room for 1 of 2",
        ),
        (
            Resources(gpus_per_worker=0.5),
            [{"CPU": 4.0}, {"CPU": 0.0, "GPU": 1.0}],
            "a worker takes 1 CPU and 0.5 GPU of one node; the nodes have room for 0 of 1",
        ),
    ],
)
def test_what_never_fits_is_refused_with_the_reason(
    resources: Resources, nodes: list[dict[str, float]], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        check_room(resources, nodes)
