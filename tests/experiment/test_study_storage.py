from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kdray.errors import ConfigError, KdrayError
from kdray.experiment.study_storage import open_storage


def test_the_password_of_a_database_is_taken_from_the_environment(
    make_sweep: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = make_sweep(1, search={"storage": f"sqlite:///{tmp_path}/${{KDRAY_SECRET}}.db"})
    with pytest.raises(ConfigError, match="the environment has no KDRAY_SECRET"):
        open_storage(sweep, tmp_path)
    monkeypatch.setenv("KDRAY_SECRET", "a@b")
    open_storage(sweep, tmp_path)
    assert (tmp_path / "a@b.db").exists()  # an @ as it is would end the password of a URL


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql+nodriver://me@host/db", "search.storage: 'mysql\\+nodriver://me@host/db'"),
        (
            "postgresql+pg8000://me:${KDRAY_SECRET}@127.0.0.1:1/db",
            "search.storage: 'postgresql.*KDRAY_SECRET}@",
        ),
    ],
)
def test_a_database_that_does_not_answer_is_said_in_a_line_without_its_password(
    make_sweep: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, said: str
) -> None:
    monkeypatch.setenv("KDRAY_SECRET", "hush")
    with pytest.raises(KdrayError, match=said) as caught:
        open_storage(make_sweep(1, search={"storage": url}), tmp_path)
    assert "hush" not in str(caught.value)
    assert "\n" not in str(caught.value)
