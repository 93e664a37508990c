"""One simulated experiment for all tests of the report."""

from __future__ import annotations

import pytest

from kdray import results
from kdray.report.front import front
from tests.report.simulated import simulate


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("sweep") / "runs" / "assertion-python", 60)


@pytest.fixture(scope="session")
def experiment(folder):
    return results.experiment(folder)


@pytest.fixture(scope="session")
def found(experiment):
    return front(experiment.records, experiment.sweep.objectives)
