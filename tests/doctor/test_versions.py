"""Installed packages beside what is declared."""

import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from kdray.doctor import versions
from kdray.doctor.versions import EXTRAS, extras, needed, package

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]


@pytest.fixture
def installed(monkeypatch):
    """Lets a few made-up distributions be all that is installed."""

    def put(**found):
        def version(name):
            if name not in found:
                raise metadata.PackageNotFoundError(name)
            return found[name][0]

        monkeypatch.setattr(versions.metadata, "version", version)
        monkeypatch.setattr(versions.metadata, "requires", lambda name: found[name][1])

    return put


def test_every_declared_dependency_is_looked_at_and_fine_in_a_tested_environment():
    found = needed()
    assert [one.name for one in found] == [Requirement(line).name for line in PROJECT["dependencies"]]
    assert [one.name for one in found if not one.fine] == []


def test_every_extra_for_users_is_explained():
    assert set(EXTRAS) == set(PROJECT["optional-dependencies"]) - {"test"}
    assert [one.name for one in extras()] == list(EXTRAS)


@pytest.mark.parametrize(
    ("version", "within"), [("2.6", True), ("2.13.0+cpu", True), ("2.14.0", False), ("2.5.9", False)]
)
def test_a_version_is_held_against_the_range(installed, version, within):
    installed(torch=(version, []))
    found = package(Requirement("torch>=2.6,<2.14"))
    assert (found.installed, found.within, found.fine) == (version, within, within)
    assert (found.declared, found.wanted) == (">=2.6,<2.14", "torch>=2.6,<2.14")


def test_a_missing_package_and_what_an_extra_lacks_are_named(installed):
    installed(
        ray=("2.60", ["pandas; extra == 'tune'", "requests; extra == 'tune'", "click"]), pandas=("3", [])
    )
    assert package(Requirement("ray[tune]>=2")).lacks == ("requests",)
    gone = package(Requirement("optuna>=5"))
    assert (gone.installed, gone.fine) == (None, False)


def test_an_extra_asks_for_its_own_packages_and_not_for_the_rest(installed):
    installed(
        kdray=("0.1.0", ["torch>=9", "resvg-py>=0.2; extra == 'png'", "wandb>=1; extra == 'wandb'"]),
        wandb=("2", []),
    )
    found = {one.name: one for one in extras()}
    assert found["png"].missing == ("resvg-py",)
    assert found["wandb"].missing == ()
    assert found["png"].wanted == "kdray[png]"
    assert [one.name for one in needed()] == ["torch"]


def test_where_kdray_is_not_installed_nothing_is_declared(installed):
    installed()
    assert needed() == []
    assert extras() == []
