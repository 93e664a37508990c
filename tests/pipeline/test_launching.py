"""What a launch makes of `search.confirm`: as the file says, as an experiment was begun, or as is asked for."""

from __future__ import annotations

import pytest
import yaml

from kdray.config import as_data, sweep_from
from kdray.errors import ConfigError
from kdray.pipeline.launching import _confirming
from tests.world import sweep_data


def two_suites(folder, **search):
    data = sweep_data(folder)
    data["trial"]["test_suite"] = str(folder / "test")
    data["search"] |= search
    return sweep_from(data, "test")


def begun(folder, confirm):
    """An experiment with, without or with nothing said of a confirmation."""
    data = as_data(two_suites(folder))
    data["search"] |= {"confirm": confirm}
    if confirm == "never heard of":
        del data["search"]["confirm"]
    (folder / "runs" / "tiny").mkdir(parents=True)
    (folder / "runs" / "tiny" / "sweep.yaml").write_text(yaml.safe_dump(data))


@pytest.mark.parametrize("was", [None, "never heard of"])
def test_an_experiment_that_was_begun_without_it_is_gone_on_with_without_it(tmp_path, was, capsys):
    sweep = two_suites(tmp_path)
    assert sweep.search.confirm is not None
    assert _confirming(sweep, False, None) == sweep  # a new one
    begun(tmp_path, was)
    assert _confirming(sweep, True, None).search.confirm is None
    assert "--confirm trains more" in capsys.readouterr().err
    assert _confirming(sweep, True, True) == sweep


def test_it_goes_on_as_it_was_begun_and_is_turned_off_where_that_is_asked_for(tmp_path):
    sweep = two_suites(tmp_path, confirm={"top": 4})
    begun(tmp_path, {"top": 4})
    assert _confirming(sweep, True, None) == sweep
    assert _confirming(sweep, True, False).search.confirm is None


def test_it_is_not_turned_on_where_seeds_are_searched_over(tmp_path):
    data = as_data(two_suites(tmp_path))
    data["space"]["seed"] = [0, 1]
    del data["search"]["confirm"]
    with pytest.raises(ConfigError, match=r"leave space\.seed out"):
        _confirming(sweep_from(data, "test"), True, True)
