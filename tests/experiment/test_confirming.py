"""The likeliest of the front, trained again with further seeds once the search has ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from kdray import results
from kdray.config import as_data
from kdray.errors import ConfigError
from kdray.experiment import lifecycle
from kdray.experiment.fork import point_of
from kdray.search import space
from kdray.search.proposer import Proposer
from tests.sweeping.check import trials_of
from tests.sweeping.drive import conduct, drive, driving

TWICE = {"halving": False, "confirm": {"top": 2, "seeds": 2}}


def confirming(folder: Path) -> list[tuple[str, int]]:
    return [(record.confirms, record.trial["seed"]) for record in results.read(folder) if record.confirms]


def test_the_likeliest_are_trained_again_and_are_in_the_study_as_what_they_are(
    make_sweep: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Any] = []
    told: list[Any] = []
    monkeypatch.setattr(Proposer, "tell", lambda self, *args: told.append(args))
    sweep = make_sweep(4, search={**TWICE, "sampler": "random"})
    drive(sweep, tmp_path, on_event=heard.append)
    records = results.read(tmp_path)
    assert [bool(record.confirms) for record in records] == [False] * 4 + [True] * 4
    pairs = confirming(tmp_path)
    assert [seed for _, seed in pairs] == [1, 1, 2, 2]
    assert len(set(pairs)) == 4 and len({key for key, _ in pairs}) == 2
    by_key = {record.key: record for record in records}
    for record in records[4:]:
        assert record.overrides == by_key[record.confirms].overrides
        assert record.state == "complete"
    attrs = [trial.user_attrs for trial in trials_of(tmp_path)[4:]]
    assert [(found["confirms"], found["seed"]) for found in attrs] == pairs
    assert len(told) == 4  # the sampler hears of the search alone
    assert (heard[-1].finished, heard[-1].asked) == (8, 8)
    assert lifecycle.status(tmp_path).asked == 8
    # They are no trials that a fork could have asked for.
    assert all(point_of(record, sweep, space.build(sweep)) is None for record in records[4:])


@pytest.mark.parametrize("steps", [14, 19])
def test_a_sweep_left_while_it_confirms_goes_on_with_the_same(
    make_sweep: Any, tmp_path: Path, steps: int
) -> None:
    sweep = make_sweep(4, search={**TWICE, "sampler": "random"})
    drive(sweep, tmp_path / "whole")
    with driving(sweep, tmp_path / "left") as driver:
        for _ in range(steps):
            driver.step()
    drive(sweep, tmp_path / "left")
    assert confirming(tmp_path / "left") == confirming(tmp_path / "whole")
    assert {record.state for record in results.read(tmp_path / "left")} == {"complete"}


def test_more_trials_are_asked_for_after_a_confirmation_and_what_is_new_is_confirmed(
    make_sweep: Any, tmp_path: Path
) -> None:
    drive(make_sweep(3, search=TWICE), tmp_path)
    before = confirming(tmp_path)
    drive(make_sweep(6, search=TWICE), tmp_path)
    records = results.read(tmp_path)
    assert sum(not record.confirms for record in records) == 6
    now = confirming(tmp_path)
    assert now[: len(before)] == before and len(set(now)) == len(now)


def test_an_experiment_that_was_begun_without_it_trains_nothing_more(make_sweep: Any, tmp_path: Path) -> None:
    sweep = make_sweep(3, search={"halving": False})
    assert sweep.search.confirm is None  # no test suite
    drive(sweep, tmp_path)
    data = as_data(make_sweep(3, search=TWICE))
    del data["search"]["confirm"]
    data["trial"]["test_suite"] = "c"
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump(data))
    old = results.read_sweep(tmp_path)
    assert old.search.confirm is None
    assert conduct(old, tmp_path).done


def test_it_is_on_where_there_is_a_test_suite_and_off_where_the_file_says_so(make_sweep: Any) -> None:
    data = as_data(make_sweep(3))
    data["trial"]["test_suite"] = "c"
    said = {name: dict(data["search"]) for name in ("nothing", "no", "top")}
    del said["nothing"]["confirm"]
    said["no"]["confirm"] = False
    said["top"]["confirm"] = {"top": 5}
    read = {
        name: type(make_sweep(3)).model_validate({**data, "search": search}) for name, search in said.items()
    }
    found = {name: sweep.search.confirm for name, sweep in read.items()}
    assert found["nothing"] is not None and (found["nothing"].top, found["nothing"].seeds) == (3, 2)
    assert found["no"] is None
    assert found["top"] is not None and found["top"].most == 10
    with pytest.raises(ConfigError, match=r"search\.confirm trains further seeds itself"):
        make_sweep(3, search=TWICE, space={"seed": [0, 1]})


def test_confirmations_answer_all_cases_of_the_suite(make_sweep: Any, tmp_path: Path) -> None:
    from kdray.experiment.confirming import Confirming

    whole = make_sweep(3).trial
    for cases, known, expected in (("all", 900, 900), ("all", None, 400), (500, 900, 500), (100, 900, 400)):
        confirm = {"top": 2, "seeds": 1, "cases": cases}
        found = Confirming(make_sweep(3, search={"confirm": confirm}), None, known).trial(whole, 7)
        assert (found.seed, found.evaluation.cases) == (7, expected)
