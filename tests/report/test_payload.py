"""What the page knows of a sweep."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kdray import results
from kdray.config import Sweep, parse
from kdray.report import html
from kdray.report.front import front
from tests.report.simulated import SWEEP, simulate
from tests.report.test_html import data_of


@pytest.fixture(scope="session")
def page(experiment, found):
    return html.render(experiment, found)


def test_the_history_ends_at_the_hypervolume_and_never_falls(page, found):
    history = data_of(page)["history"]
    assert history["volume"] == sorted(history["volume"])
    assert history["volume"][-1] == pytest.approx(found.hypervolume, rel=1e-5)
    assert history["seconds"] == sorted(history["seconds"])


def test_a_range_written_in_whole_numbers_is_an_axis_of_numbers_where_the_field_is_a_fraction(tmp_path):
    experiment = results.experiment(simulate(tmp_path / "x", 5))
    space = SWEEP["space"] | {"distil.alpha": {"range": [0, 1]}}
    written = replace(experiment, sweep=parse(Sweep, SWEEP | {"space": space}, "test"))
    page = html.render(written, front(written.records, written.sweep.objectives))
    levels = {one["path"]: one["levels"] for one in data_of(page)["settings"]}
    assert levels["distil.alpha"] is None
    assert levels["student.layers"] is not None


def test_a_setting_is_an_axis_of_numbers_or_of_levels(tmp_path):
    experiment = results.experiment(simulate(tmp_path / "x", 5))
    page = html.render(experiment, front(experiment.records, experiment.sweep.objectives))
    settings = {one["path"]: one for one in data_of(page)["settings"]}
    assert list(settings)[: len(experiment.sweep.space)] == list(experiment.sweep.space)
    assert settings["distil.alpha"]["levels"] is None  # however few values a range has
    assert settings["distil.temperature"]["log"]
    sizes = {record.overrides["student.hidden"] for record in experiment.records}
    assert settings["student.hidden"]["levels"] == sorted(sizes)
    assert set(settings["distil.loss"]["levels"]) <= {"decoupled", "bucketed", "reverse"}


def test_what_all_trials_share_is_written_once(page):
    data = data_of(page)
    assert data["common"]["optim.batch_size"] == 32
    assert "optim.batch_size" not in data["trials"]["settings"]


def test_the_way_that_is_better_is_known_by_name():
    from kdray.report.payload import direction

    names = ("student_params", "clean_prediction_agreement_violated", "agreement", "confidence")
    assert [direction(name) for name in names] == ["min", "min", "max", None]
