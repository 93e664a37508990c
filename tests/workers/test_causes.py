from __future__ import annotations

import pytest
from ray.exceptions import RayActorError, RayTaskError

from kdray.errors import StorageError, TrialFailed
from kdray.workers.causes import describe, origin_of


def raised(cause: Exception) -> RayTaskError:
    return RayTaskError("step", "a long traceback", cause)


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (None, "the worker was lost"),
        (TrialFailed("the loss is nan at step 2"), "the loss is nan at step 2"),
        (ValueError("no such layer\nwith a long story"), "ValueError: no such layer"),
        (MemoryError(), "MemoryError: "),
    ],
)
def test_a_cause_is_one_line(cause: Exception | None, said: str) -> None:
    assert describe(cause) == said


def test_what_a_peer_raised_is_what_counts() -> None:
    full = StorageError("no space left")
    assert origin_of(raised(raised(full))) is full
    assert describe(raised(raised(full))) == "no space left"


def test_a_dead_worker_says_how_it_ended() -> None:
    assert describe(RayActorError()).startswith("the worker was lost: ")
