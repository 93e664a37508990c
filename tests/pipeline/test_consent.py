"""What a sweep from somebody else may tell the hosts that it names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kdray import results
from kdray.config import OWN_VARIABLES
from kdray.errors import ConfigError
from kdray.experiment.study_storage import open_storage
from kdray.pipeline.consent import check_told, hosts
from kdray.pipeline.folders import check_trials, where_it_lies


def test_a_sweep_names_variables_of_kdray_alone_unless_others_are_allowed(
    make_sweep: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_TOKEN", "token")
    monkeypatch.setenv("KDRAY_DB", "db")
    foreign = make_sweep(1, search={"storage": f"sqlite:///{tmp_path}/${{MY_TOKEN}}.db"})
    with pytest.raises(ConfigError, match=r"would tell MY_TOKEN .* --allow-env MY_TOKEN"):
        open_storage(foreign, tmp_path)
    assert list(tmp_path.iterdir()) == []
    open_storage(foreign, tmp_path, (*OWN_VARIABLES, "MY_TOKEN"))
    own = make_sweep(1, search={"storage": f"sqlite:///{tmp_path}/${{KDRAY_DB}}.db"})
    open_storage(own, tmp_path)
    with pytest.raises(ConfigError, match="--allow-env KDRAY_DB"):  # as an experiment's own file has it
        open_storage(own, tmp_path, ())


def test_the_hosts_of_a_sweep_are_known_before_anything_connects(make_sweep: Any) -> None:
    sweep = make_sweep(
        1,
        search={"storage": "postgresql+pg8000://me:${KDRAY_DB}@db.example/x"},
        tracking={"mlflow": "https://follow.example/"},
        storage="s3://bucket/runs?endpoint_override=minio.example:9000",
    )
    assert hosts(sweep) == {
        "search.storage": "db.example",
        "tracking.mlflow": "follow.example",
        "storage": "minio.example:9000",
    }
    assert hosts(make_sweep(1)) == {}


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("MLFLOW_TRACKING_TOKEN", {"tracking": {"mlflow": "https://follow.example/"}}),
        ("AWS_SESSION_TOKEN", {"storage": "s3://bucket/runs?endpoint_override=minio.example"}),
    ],
)
def test_credentials_go_to_no_host_of_an_experiment_unasked(
    make_sweep: Any, monkeypatch: pytest.MonkeyPatch, name: str, more: dict[str, Any]
) -> None:
    sweep = make_sweep(1, **more)
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)
    monkeypatch.setenv(name, "secret")
    with pytest.raises(ConfigError, match=f"example.*--allow-env {name}"):
        check_told(sweep, ())
    check_told(sweep, (name,))
    check_told(sweep, OWN_VARIABLES)


def test_an_experiment_goes_on_where_it_lies(make_sweep: Any, tmp_path: Path) -> None:
    sweep = make_sweep(1, storage="/somewhere/else")
    assert where_it_lies(sweep, str(tmp_path / "small")).storage == str(tmp_path)
    assert where_it_lies(sweep, "s3://bucket/runs/small?region=eu").storage == "s3://bucket/runs?region=eu"
    with pytest.raises(ConfigError, match="must have its name"):
        where_it_lies(sweep, str(tmp_path / "copy"))


def test_a_sweep_is_not_asked_for_fewer_trials_than_have_ended(tmp_path: Path) -> None:
    from tests.report.simulated import simulate

    folder = str(simulate(tmp_path / "x", 5, cases=0))
    ended = sum(record.state != "running" for record in results.read(folder))
    with pytest.raises(ConfigError, match=f"--trials 1: {ended} trials have ended"):
        check_trials(1, folder, asked=True)
    check_trials(ended, folder, asked=True)
