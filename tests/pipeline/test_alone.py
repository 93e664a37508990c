"""`kdray launch` in a process of its own: whose Ray it takes, and what it writes down."""

import importlib.util
import os
import secrets
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import yaml

from kdray import results, storage
from tests import world
from tests.s3 import Endpoint

NAMES = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "HF_TOKEN", "WANDB_API_KEY", "RAY_AUTH_TOKEN")


@pytest.mark.cluster
@pytest.mark.skipif(importlib.util.find_spec("wandb") is None, reason="W&B is not installed")
def test_a_launch_into_a_bucket_takes_no_ray_but_its_own_and_writes_no_secret_anywhere(
    small_world, tmp_path, monkeypatch
):
    data = world.sweep_data(small_world, name="alone", storage="s3://kdray/runs")
    data["search"] = {**data["search"], "trials": 2, "halving": False}
    data["tracking"] = {"wandb": "kdray"}
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump(data))
    environment = {name: secrets.token_hex(32) for name in NAMES}
    with (
        Endpoint.started() as endpoint,
        socket.create_server(("127.0.0.1", 0)) as other,
        tempfile.TemporaryDirectory(dir="/tmp") as ray,  # its sockets want a short path
    ):
        for name, value in {**endpoint.environment, **environment}.items():
            monkeypatch.setenv(name, value)
        address = f"127.0.0.1:{other.getsockname()[1]}"
        done = subprocess.run(
            [sys.executable, "-m", "kdray", "launch", str(tmp_path / "sweep.yaml")],
            env={**os.environ, "RAY_ADDRESS": address, "RAY_TMPDIR": ray, "WANDB_MODE": "offline"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=250,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        copy = tmp_path / "copy"
        storage.download("s3://kdray/runs/alone", copy)
        assert [record.state for record in results.read(copy)] == ["complete"] * 2
        assert len(list(copy.glob("trials/*/student/model.safetensors"))) == 2
        # Nobody knocked where RAY_ADDRESS points.
        other.setblocking(False)
        with pytest.raises(BlockingIOError):
            other.accept()
        files = [path for root in (tmp_path, Path(ray)) for path in root.rglob("*") if path.is_file()]
        names = {path.name for path in files}
        assert {"front.html", "references.json", "trial.yaml", "raylet.out"} <= names
        assert any(path.suffix == ".wandb" for path in files)
        for name, secret in environment.items():
            assert secret not in done.stdout + done.stderr, name
            told = [str(path) for path in files if secret.encode() in path.read_bytes()]
            assert not told, f"{name} stands in {told}"
