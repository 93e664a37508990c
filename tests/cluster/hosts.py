"""Hosts on one machine: each has a network, processes, a name and a /tmp/ray of its own, and a cable to a switch.

Used inside a `world`: a process that has its own network and processes, so that nothing here can touch the
machine, and everything ends with it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
NETWORK = "10.77.0"

WORLD = ("unshare", "--net", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc")
REAPER = ("sh", "-c", '"$@"; exit $?', "reaper")
"""A first process that buries what others leave behind, as a system's own does."""


def why_not() -> str | None:
    """Why this machine cannot make hosts, None where it can."""
    if os.name != "posix" or os.geteuid() != 0:
        return "hosts are network namespaces, which take root"
    script = "ip link add br0 type bridge && ip link add v0 type veth peer name v1"
    done = subprocess.run([*WORLD, "sh", "-c", script], capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"no network namespaces here: {done.stderr.strip()}"


def environment(**more: str) -> dict[str, str]:
    """For processes of hosts: this checkout, one thread each, and Ray without its token, which every node would
    need.
    """
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1",  # see kdray/workers/ray_session.py
        **more,
    }


def run_world(module: str, *arguments: str, path: str = "", timeout_s: float = 500) -> str:
    """Runs `python -m module` in a world of its own, with `path` before all others; what it printed. Raises
    with its output if it fails.
    """
    done = subprocess.run(
        [*WORLD, *REAPER, sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=environment(PATH=f"{path}:{environment()['PATH']}"),
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
    )
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-8000:]}"
    return done.stdout


def own_command(folder: Path, python: str) -> str:
    """A folder with a `kdray` that is this checkout's, whatever else is installed."""
    folder.mkdir()
    (folder / "kdray").write_text(f'#!/bin/sh\nexec {python} -m kdray "$@"\n')
    (folder / "kdray").chmod(0o755)
    return str(folder)


def until(holds: Callable[[], Any], what: str | Callable[[], Any], seconds: float = 120) -> Any:
    """Waits for something to come true; `what` says it, or tells what is there instead."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := holds():
            return found
        time.sleep(0.1)
    raise AssertionError(f"did not come true in {seconds:.0f} s: {what() if callable(what) else what}")


def sh(command: str) -> str:
    """Runs a shell command of this world."""
    return subprocess.run(["sh", "-ec", command], check=True, capture_output=True, text=True).stdout


def names_without_dns(folder: Path, names: dict[str, str]) -> None:
    """Host names by a file: a lookup that waits for a server that is not there costs minutes."""
    (folder / "hosts").write_text("127.0.0.1 localhost\n" + "".join(f"{a} {n}\n" for n, a in names.items()))
    (folder / "nsswitch").write_text("hosts: files\n")
    sh(f"mount --bind {folder}/hosts /etc/hosts")
    sh(f"mount --bind {folder}/nsswitch /etc/nsswitch.conf")


class Host:
    """One of them. `cable` up or down; `kill` ends all its processes at once, as a power cut does."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.name = f"host{number}"
        self.address = f"{NETWORK}.{number}"
        Path("/tmp/ray").mkdir(exist_ok=True)  # noqa: S108 - Ray's own place
        holder = f"hostname {self.name}; mount -t tmpfs none /tmp/ray; sleep infinity"
        self._holder = subprocess.Popen([*WORLD, "sh", "-ec", holder])
        self._pid = ""
        until(self._first_process, "the host's first process")
        end = f"v{number}"
        sh(
            f"ip link add {end} type veth peer name eth0 netns {self._pid};"
            f"ip link set {end} master switch; ip link set {end} up"
        )
        self.run(f"ip link set lo up; ip addr add {self.address}/24 dev eth0; ip link set eth0 up")

    def _first_process(self) -> str | None:
        """Its id once the host is as it should be."""
        children = Path(f"/proc/{self._holder.pid}/task/{self._holder.pid}/children").read_text().split()
        if not children:
            return None
        self._pid = children[0]
        done = subprocess.run(
            self.enter(["sh", "-c", "mountpoint -q /tmp/ray && hostname"]), capture_output=True, text=True
        )
        return children[0] if done.stdout.strip() == self.name else None

    def enter(self, command: Sequence[str]) -> list[str]:
        """The command, as this host's."""
        return ["nsenter", "--target", self._pid, "--net", "--uts", "--pid", "--mount", "--", *command]

    def run(self, command: str) -> str:
        """Runs a shell command here."""
        return subprocess.run(
            self.enter(["sh", "-ec", command]), check=True, capture_output=True, text=True
        ).stdout

    def start(self, *command: str, log: Path | None = None, **more: str) -> subprocess.Popen[bytes]:
        """Starts a process here."""
        with open(log or os.devnull, "ab") as out:
            return subprocess.Popen(
                self.enter(command),
                cwd=ROOT,
                env=environment(GLOO_SOCKET_IFNAME="eth0", **more),
                stdout=out,
                stderr=out,
            )

    def start_ray(
        self, log: Path, head: Host | None = None, cpus: int = 1, accelerator: str = "", **more: str
    ) -> None:
        """A Ray node: the first of a cluster, or one that joins it; `more` is for its trials' environment."""
        kind = {f"accelerator_type:{accelerator}": 1} if accelerator else {}
        place = ["--head", "--port=6379", "--include-dashboard=false"] if head is None else [
            f"--address={head.address}:6379"
        ]  # fmt: skip
        self.start(
            "ray", "start", *place, f"--node-ip-address={self.address}", f"--num-cpus={cpus}", "--num-gpus=0",
            f"--resources={json.dumps(kind)}", "--object-store-memory=100000000", "--disable-usage-stats",
            "--block", log=log, **more,
        )  # fmt: skip

    def cable(self, up: bool) -> None:
        """Plugs the network in or out."""
        sh(f"ip link set v{self.number} {'up' if up else 'down'}")

    def processes(self) -> list[str]:
        """Command lines of everything that runs here."""
        lines = self.run("ps -eo args=").splitlines()
        return [
            line for line in lines if not line.startswith(("sleep", "ps", "sh")) and "<defunct>" not in line
        ]

    def kill(self) -> None:
        """SIGKILL to everything."""
        os.kill(int(self._pid), signal.SIGKILL)
        self._holder.wait()


def switch(folder: Path, count: int = 9) -> None:
    """What the cables of the hosts go into."""
    sh(f"ip link set lo up; ip link add switch type bridge; ip link set switch up;"
       f"ip addr add {NETWORK}.254/24 dev switch")  # fmt: skip
    names_without_dns(folder, {f"host{number}": f"{NETWORK}.{number}" for number in range(1, count + 1)})
