from __future__ import annotations

import pytest

from kdray.config import Resources
from kdray.errors import ConfigError
from kdray.workers.node_room import check_accelerator, check_room


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


MIXED = [{"CPU": 8.0}, {"CPU": 2.0, "accelerator_type:A10G": 1.0}, {"CPU": 2.0, "accelerator_type:T4": 1.0}]


def test_a_trial_asks_for_a_little_of_an_accelerator_and_fits_only_where_one_is() -> None:
    resources = Resources(workers=2, accelerator_type="A10G")
    assert resources.bundle() == {"CPU": 1, "GPU": 0, "accelerator_type:A10G": 0.001}
    check_room(resources, MIXED)
    with pytest.raises(ConfigError, match="one trial takes 3 CPU, there are 2"):
        check_room(Resources(workers=3, accelerator_type="A10G"), MIXED)


def test_an_accelerator_that_is_not_there_is_refused_with_the_nearest_that_is() -> None:
    wanted = Resources(accelerator_type="A10")
    with pytest.raises(ConfigError, match=r"accelerator_type: nobody knows a 'A10', did you mean 'A10G'\?"):
        check_accelerator(wanted, MIXED)
    with pytest.raises(ConfigError, match="accelerator_type: no node has a 'A100', did you mean 'A10G'"):
        check_room(Resources(accelerator_type="A100"), MIXED)
    with pytest.raises(ConfigError, match="no node has a 'A100': no node has any"):
        check_room(Resources(accelerator_type="A100"), [{"CPU": 8.0}])
    check_accelerator(Resources(accelerator_type="A100"), MIXED)  # a cluster that grows may yet have one
