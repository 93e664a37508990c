"""A running Ray cluster, through its job server. The job lives on when this process goes away."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from kdray.console import printable, say
from kdray.errors import ConfigError, KdrayError
from kdray.pipeline.places.request import Request, Submitted, check_folders
from kdray.pipeline.places.yaml_text import Block, dump

SWEEP_FILE = "sweep.yaml"


def render(request: Request) -> str:
    """The job as YAML: entry point, name and the sweep file that travels with it."""
    check_folders(request, "a Ray cluster")
    job = {
        "address": _address(request),
        "entrypoint": request.entrypoint(f'"$OLDPWD/{SWEEP_FILE}"' if request.folder else SWEEP_FILE),
        "metadata": {"kdray": request.sweep.name},
        "working_dir": {SWEEP_FILE: Block(request.text)},
    }
    return dump(job)


def submit(request: Request, text: str) -> Submitted:
    """Starts the job, or finds the one that runs this sweep already, and follows its log to the end. A sweep of
    several drivers is started until as many run.
    """
    client = _client(_address(request))
    jobs = _running(client, request.sweep.name)
    if len(jobs) < request.sweep.resources.drivers:
        running = _start(client, yaml.safe_load(text))
        say(f"job       {running}")
    else:
        running = jobs[0]
        say(f"job       {running} runs this sweep already; its log:")
    try:
        asyncio.run(_follow(client, running))
    except KeyboardInterrupt:
        say(f"kdray: no longer following; the job goes on: ray job logs --follow {running}")
        raise
    return Submitted((running,), _end(client, running))


def _start(client: Any, job: dict[str, Any]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in job["working_dir"].items():
            (Path(folder) / name).write_text(content, encoding="utf-8")
        return str(
            client.submit_job(
                entrypoint=job["entrypoint"],
                metadata=job["metadata"],
                runtime_env={"working_dir": folder},
            )
        )


def _address(request: Request) -> str:
    address = request.address or os.environ.get("RAY_API_SERVER_ADDRESS")
    if not address:
        raise ConfigError("--on ray: needs --address http://HOST:8265 of the cluster's job server")
    if not address.startswith(("http://", "https://")):
        raise ConfigError(f"--address {address}: jobs go to an http(s) address, such as http://HOST:8265")
    return address


def _client(address: str) -> Any:
    try:
        from ray.job_submission import JobSubmissionClient

        return JobSubmissionClient(address)
    except (ImportError, RuntimeError) as error:
        if isinstance(error, ImportError) or "ray[default]" in str(error):
            raise ConfigError("--on ray: needs Ray's job client: pip install 'kdray[cluster]'") from error
        raise KdrayError(f"{address}: {' '.join(str(error).split())}") from error
    except ConnectionError as error:
        raise KdrayError(f"{address}: no job server answers there") from error


def _running(client: Any, name: str) -> list[str]:
    """The jobs that run the sweep of that name."""
    return [
        str(job.submission_id)
        for job in client.list_jobs()
        if (job.metadata or {}).get("kdray") == name and not job.status.is_terminal()
    ]


async def _follow(client: Any, job: str) -> None:
    async for lines in client.tail_job_logs(job):
        sys.stderr.write(printable(lines))


def _end(client: Any, job: str, patience_s: float = 60) -> int:
    """The exit code of a job whose log has ended."""
    until = time.monotonic() + patience_s
    while not (info := client.get_job_info(job)).status.is_terminal() and time.monotonic() < until:
        time.sleep(0.5)
    if str(info.status.value) == "SUCCEEDED":
        return 0
    say(f"kdray: job {job}: {info.status.value}: {info.message or 'no reason given'}")
    return int(info.driver_exit_code or 1)
