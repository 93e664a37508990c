from __future__ import annotations

from typing import Any

import pytest
from optuna.samplers import RandomSampler
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial

from kdray.errors import ConfigError
from kdray.search import samplers, space
from kdray.search.proposer import Proposer
from kdray.search.surrogate import Surrogate

TWO = [StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE]
SMALL = {"student.hidden": [32, 64, 96], "student.heads": {"range": [1, 3]}}


def proposer(sweep: Any, name: str = "random", refusal: Any = lambda point: "", seed: int = 0) -> Proposer:
    built = space.build(sweep)
    sampler = samplers.make(name, seed=seed, conditional=built.conditional)
    model = Surrogate(built, [-1, 1], [1], seed) if name == "surrogate" else None
    return Proposer(
        built, TWO, sampler, refusal, seed=seed, asks=samplers.asks(name), grid=name == "grid", model=model
    )


@pytest.mark.parametrize("name", ["surrogate", "random", "tpe", "nsga2", "nsga3", "gp", "grid"])
def test_a_finite_space_is_emptied_without_a_double(make_sweep: Any, name: str) -> None:
    asking = proposer(make_sweep(only=SMALL), name)
    seen = set()
    for number in range(9):
        proposal = asking.propose()
        assert proposal is not None
        seen.add(space.identity(proposal.point))
        asking.tell(proposal.mirror_id, TrialState.COMPLETE, [0.1 * number, 0.5])
    assert len(seen) == 9
    assert not asking.exhausted
    assert asking.propose() is None
    assert asking.exhausted


@pytest.mark.parametrize("name", ["surrogate", "random", "tpe", "nsga2"])
def test_every_sampler_bears_pruned_failed_and_running_trials(make_sweep: Any, name: str) -> None:
    asking = proposer(make_sweep(), name)
    for number in range(40):
        proposal = asking.propose()
        assert proposal is not None
        if number % 4 == 0:
            asking.tell(proposal.mirror_id, TrialState.PRUNED)
        elif number % 4 == 1:
            asking.tell(proposal.mirror_id, TrialState.FAIL)
        elif number % 4 == 2:
            asking.tell(proposal.mirror_id, TrialState.COMPLETE, [number / 40, 1 - number / 40])


def test_a_pruned_trial_with_intermediate_values_is_bearable_in_the_mirror(make_sweep: Any) -> None:
    sweep = make_sweep(only=SMALL)
    built = space.build(sweep)
    params, distributions = built.params({"student.hidden": 32, "student.heads": 1})
    asking = proposer(sweep, "tpe")
    for _ in range(12):  # beyond TPE's random start, where it would raise
        asking.add(
            create_trial(
                state=TrialState.PRUNED,
                params=params,
                distributions=distributions,
                intermediate_values={1: 0.5},
            )
        )
    assert asking.propose() is not None


def test_refused_points_are_never_proposed(make_sweep: Any) -> None:
    def refusal(point: dict[str, Any]) -> str:
        return "too wide" if point["student.hidden"] > 32 else ""

    asking = proposer(make_sweep(only=SMALL), "tpe", refusal)
    proposals = [asking.propose() for _ in range(3)]
    assert {p.point["student.hidden"] for p in proposals if p} == {32}
    assert asking.propose() is None


def test_a_space_without_an_allowed_point_is_an_error_of_one_line(make_sweep: Any) -> None:
    asking = proposer(make_sweep(), refusal=lambda point: "student_params 5 breaks '<= 1'")
    with pytest.raises(ConfigError, match=r"no point of the space may be trained.*student_params 5"):
        asking.propose()


def test_a_start_point_keeps_its_values_even_if_they_were_tried(make_sweep: Any) -> None:
    asking = proposer(make_sweep(only=SMALL))
    for _ in range(3):
        proposal = asking.propose({"student.hidden": 96})
        assert proposal is not None
        assert proposal.point["student.hidden"] == 96


def test_a_grid_over_endless_values_is_refused(make_sweep: Any) -> None:
    with pytest.raises(ConfigError, match="infinitely many values"):
        proposer(make_sweep(), "grid")


def test_the_grid_goes_in_order(make_sweep: Any) -> None:
    asking = proposer(make_sweep(only={"student.hidden": [96, 32]}), "grid")
    assert [p.point["student.hidden"] for p in (asking.propose(), asking.propose()) if p] == [96, 32]


def test_conditional_spaces_are_proposed_whole(make_sweep: Any) -> None:
    only = {
        "student.hidden": [32, 64],
        "student.feed_forward": {"choices": [64, 128], "when": {"student.hidden": 64}},
        "distil.alpha": {"range": [0, 1]},
    }
    asking = proposer(make_sweep(only=only), "tpe")
    for number in range(30):
        proposal = asking.propose()
        assert proposal is not None
        assert ("student.feed_forward" in proposal.point) == (proposal.point["student.hidden"] == 64)
        asking.tell(proposal.mirror_id, TrialState.COMPLETE, [number / 30, 0.5])


def test_another_seed_proposes_other_points(make_sweep: Any) -> None:
    first, second = (proposer(make_sweep(), "tpe", seed=seed).propose() for seed in (1, 2))
    assert first is not None
    assert second is not None
    assert first.point != second.point


def test_an_unknown_sampler_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match=r"did you mean 'nsga."):
        samplers.make("nsga", seed=0, conditional=False)


def test_a_sampler_comes_by_its_import_path() -> None:
    made = samplers.make("optuna.samplers:RandomSampler", seed=0, conditional=False)
    assert isinstance(made, RandomSampler)


@pytest.mark.parametrize("path", ["optuna.samplers:Nothing", "no.such:Thing", "json:JSONDecoder"])
def test_an_import_path_without_a_sampler_is_refused(path: str) -> None:
    with pytest.raises(ConfigError, match=r"search\.sampler"):
        samplers.make(path, seed=0, conditional=False)
