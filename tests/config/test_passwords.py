"""A password in a URL is found wherever it stands, and shown nowhere."""

from __future__ import annotations

import copy

import pytest

from kdray import storage
from kdray.config import sweep_from
from kdray.config.passwords import holds_password, without_password
from kdray.errors import ConfigError
from tests.config.test_check import DATA

WITH = [
    "postgresql+pg8000://u:hunter2@h/db",
    "postgresql+pg8000://u:hun/ter2@h/db",
    "postgresql+pg8000://u:hun@ter2@h/db",
    "postgresql+pg8000://u:${X}hunter2@h/db",
    "postgresql+pg8000://:hunter2@h/db",
    "postgresql://u:hunter2@[h/db",
    "postgresql+pg8000://h/db?password=hunter2",
    "postgresql+pg8000://h/db?p%61ssword=hunter2",
    "mssql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BPWD%3Dhunter2",
    "s3://AKIA:hun/ter2@bucket/x",
    "s3://AKIA:hun+/ter2==@bucket/x",
    "s3://bucket/x?secret_key=hunter2&region=eu",
    "https://u:hunter2@mlflow.example",
    "https://mlflow.example/?token=hunter2",
]
WITHOUT = [
    "postgresql+pg8000://u:${KDRAY_DB}@h/db",
    "postgresql+pg8000://u:${KDRAY_DB}@h/db?sslmode=require",
    "postgresql+pg8000://u@h:5432/db",
    "sqlite:////a/b:c@d/x.db",
    "s3://bucket/a:b/c@d?region=eu&endpoint_override=localhost:9000",
    "s3://bucket/token=1/x",
    "/a/plain/path:with@signs",
    "",
]


@pytest.mark.parametrize("url", WITH)
def test_a_password_is_found_and_not_shown(url):
    assert holds_password(url)
    shown = without_password(f"cannot open {url}: refused")
    assert "hunter2" not in shown
    assert "ter2" not in shown


@pytest.mark.parametrize("url", WITHOUT)
def test_what_is_no_password_is_let_through(url):
    assert not holds_password(url)


@pytest.mark.parametrize("url", [url for url in WITH if url.startswith("s3")])
def test_storage_refuses_it_without_saying_it(url):
    with pytest.raises(ConfigError, match="holds no password") as caught:
        storage.exists(url)
    assert "ter2" not in str(caught.value)


@pytest.mark.parametrize("url", WITH)
@pytest.mark.parametrize("field", ["search.storage", "tracking.mlflow"])
def test_a_sweep_refuses_it_without_saying_it(field, url):
    data = copy.deepcopy(DATA)
    part, key = field.split(".")
    data.setdefault(part, {})[key] = url
    with pytest.raises(ConfigError, match=f"{field}: ") as caught:
        sweep_from(data, "f")
    assert "ter2" not in str(caught.value)
