"""What will not work on a machine, and what `kdray doctor` makes of it."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from kdray.doctor import checkup, hardware
from kdray.doctor.checkup import Checkup
from kdray.doctor.findings import DEMO_BYTES, SOCKET, SOCKET_BYTES, findings
from kdray.doctor.hardware import Accelerators, Disk, Memory
from kdray.doctor.limits import Limit
from kdray.doctor.told import as_data, to_text
from kdray.doctor.versions import Extra, Package
from tests.test_cli import run

GOOD = Checkup(
    kdray="0.1.0",
    python="3.12.1",
    system="Linux",
    packages=(Package("torch", ">=2.6", "2.7", within=True),),
    extras=(Extra("png", "kdray pareto --png", ()),),
    cores=8.0,
    memory=Memory(4 * DEMO_BYTES, 4 * DEMO_BYTES, 3 * DEMO_BYTES),
    shared_memory=Disk("/dev/shm", 10**10, 10**10, writable=True),  # noqa: S108
    here=Disk("/home/me", 10**12, 10**11, writable=True),
    temporary=Disk("/tmp", 10**12, 10**11, writable=True),  # noqa: S108
    accelerators=Accelerators("2.7", ("A100",), "cuda 12.8", ("NVIDIA",)),
    compilers={"c++": "/usr/bin/c++", "nvcc": None, "ninja": None},
    commands={"sbatch": True, "kubectl": True},
    offline="",
)
LONG = "/tmp/" + "x" * (SOCKET_BYTES - len(SOCKET))  # noqa: S108
CASES = {
    "a package is missing": (
        {"packages": (Package("torch", ">=2.6", None, within=False),)}, True, "pip install 'torch>=2.6'",
    ),
    "a package is too old": (
        {"packages": (Package("torch", ">=2.6", "2.5", within=False),)}, True, "torch 2.5 is not in >=2.6",
    ),
    "an extra of a package lacks something": (
        {"packages": (Package("ray", ">=2", "2", within=True, lacks=("requests",)),)}, True, "ray lacks requests",
    ),
    "torch is broken": (
        {"accelerators": Accelerators(None, (), "", (), "libcudart.so.12: no such file")}, True, "libcudart",
    ),
    "the temporary folder is read only": (
        {"temporary": Disk("/mnt", 10**12, 10**11, writable=False)}, True, "export TMPDIR=",
    ),
    "the temporary folder is none": ({"temporary": None}, True, "export TMPDIR="),
    "the temporary folder's name is too long": (
        {"temporary": Disk(LONG, 10**12, 10**11, writable=True)}, True, "export RAY_TMPDIR=/tmp",
    ),
    "kdray is not installed": ({"packages": ()}, False, "pip install -e ."),
    "no accelerator": ({"accelerators": Accelerators("2.7", (), "cpu", ())}, False, "no accelerator here"),
    "torch of the wrong build": (
        {"accelerators": Accelerators("2.7", (), "cpu", ("NVIDIA",))}, False, "torch 2.7 is built for the CPU",
    ),
    "a driver that torch does not find": (
        {"accelerators": Accelerators("2.7", (), "cuda 12.8", ("NVIDIA",))}, False, "finds no device",
    ),
    "little memory": ({"memory": Memory(10**12, 10**9, 10**9)}, False, "1.0 GB may be used"),
    "little shared memory": (
        {"shared_memory": Disk("/dev/shm", 6 * 10**7, 6 * 10**7, writable=True)}, False, "--shm-size",  # noqa: S108
    ),
    "a folder to read only": ({"here": Disk("/", 10**12, 10**11, writable=False)}, False, "cd to a folder"),
    "a full disk": ({"here": Disk("/home/me", 10**12, 10**7, writable=True)}, False, "a sweep in /home/me"),
    "a full disk of Ray's": (
        {"temporary": Disk("/tmp", 10**12, 4 * 10**10, writable=True)}, False, "95% full",  # noqa: S108
    ),
    "offline": ({"offline": "HF_HUB_OFFLINE"}, False, "unset HF_HUB_OFFLINE"),
    "no compiler": ({"compilers": {"c++": None}}, False, "nothing else needs one"),
    "no Slurm": ({"commands": {"sbatch": False, "kubectl": True}}, False, "kdray launch --on slurm"),
}  # fmt: skip


def test_a_good_machine_has_no_findings():
    assert findings(GOOD) == []
    assert to_text(GOOD, []).endswith("kdray can run here")
    assert as_data(GOOD, [])["fine"] is True


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_is_found_once_with_its_mend(name):
    changed, broken, said = CASES[name]
    bad = replace(GOOD, **changed)
    (found,) = findings(bad)
    assert found.broken == broken
    assert said in f"{found.what}: {found.why}; {found.mend}"
    assert found.mend
    assert "\n" not in found.why + found.mend
    text = to_text(bad, [found])
    assert said in text
    assert text.endswith("1 of the above must be mended" if broken else "kdray can run here")
    assert as_data(bad, [found])["fine"] is not broken


def test_a_name_just_short_enough_for_a_socket_is_fine():
    folder = "/" + "x" * (SOCKET_BYTES - len(SOCKET) - 1)
    assert findings(replace(GOOD, temporary=Disk(folder, 10**12, 10**11, writable=True))) == []


def test_what_is_broken_comes_first():
    bad = replace(GOOD, offline="HF_HUB_OFFLINE", compilers={"c++": None}, temporary=None)
    assert [one.broken for one in findings(bad)] == [True, False, False]


@pytest.mark.parametrize("name", ["KDRAY_CACHE_BYTES", "KDRAY_PATIENCE_S"])
def test_a_setting_that_is_no_number_is_found(monkeypatch, name):
    monkeypatch.setenv(name, "many")
    (found,) = findings(GOOD)
    assert found.mend == f"unset {name}"


def test_an_extra_that_is_not_installed_says_how_it_comes_and_is_no_finding():
    without = replace(GOOD, extras=(Extra("png", "kdray pareto --png", ("resvg-py",)),))
    assert findings(without) == []
    assert "[png]  kdray pareto --png  pip install 'kdray[png]'" in to_text(without, [])
    assert as_data(without, [])["extras"][0]["installed"] is False


def test_memory_and_cores_are_those_of_the_tightest_group(monkeypatch):
    machine = hardware.memory().machine_bytes
    monkeypatch.setattr(
        hardware, "memory_limits", lambda: [Limit(10**8, 10**7), Limit(10**9, 10**9 - 5), Limit(2**63, 0)]
    )
    monkeypatch.setattr(hardware, "cpu_quotas", lambda: [0.5, 64.0])
    assert hardware.memory() == Memory(machine, 10**8, 5)
    assert hardware.cores() == 0.5


def test_a_torch_that_cannot_be_imported_is_told_and_not_raised(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    found = hardware.accelerators()
    assert (found.torch, found.names) == (None, ())
    assert "torch" in found.error


def test_the_command_prints_the_verdict_and_ends_with_it(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setattr(checkup, "temporary_folder", lambda: "/tmp")  # noqa: S108
    code, out, err = run(monkeypatch, capsys, "doctor")
    assert (code, err) == (0, "")
    assert out.startswith(f"kdray {checkup.__version__}   Python ")
    assert out.endswith("kdray can run here\n")
    code, out, err = run(monkeypatch, capsys, "doctor", "--json")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert told["fine"] is True
    assert told["cores"] > 0
    assert {one["name"] for one in told["packages"]} >= {"torch", "transformers", "ray"}
    monkeypatch.setattr(checkup, "temporary_folder", lambda: str(tmp_path / "nowhere"))
    code, out, _ = run(monkeypatch, capsys, "doctor")
    assert code == 1
    assert "BROKEN  Ray: no file can be made in the temporary folder" in out


def test_nothing_heavy_is_imported_but_torch():
    script = (
        "import sys; sys.argv = ['kdray', 'doctor', '--json']\n"
        "from kdray.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print([m for m in ('ray', 'transformers', 'optuna', 'deepspeed', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
