"""A Slurm of its own: munge, a controller and two nodes, inside a world. python -m tests.cluster.slurm FOLDER

FOLDER holds sweep.yaml. Submits it with `kdray launch --on slurm`, requeues the job in mid-sweep, and waits for
its end.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from kdray import results
from tests.cluster.hosts import NETWORK, names_without_dns, sh, until

ADDRESS = f"{NETWORK}.1"
NODES = ("n1", "n2")

CONF = """
ClusterName=kdray
SlurmctldHost={host}({address})
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/ctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/ctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
KillWait=5
MailProg=/bin/true
NodeName=n1 NodeHostname={host} NodeAddr={address} Port=16821 CPUs=2 RealMemory=2000
NodeName=n2 NodeHostname={host} NodeAddr={address} Port=16822 CPUs=2 RealMemory=2000
PartitionName=main Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
"""


def why_not() -> str | None:
    """Why this machine has no Slurm, None where it has."""
    missing = [name for name in ("munged", "slurmctld", "slurmd", "sbatch") if shutil.which(name) is None]
    return f"Slurm is not here: no {', '.join(missing)}" if missing else None


def start(folder: Path) -> None:
    """Starts the daemons; `SLURM_CONF` then names the cluster."""
    host = socket.gethostname()
    sh(f"ip link set lo up; ip addr add {ADDRESS}/24 dev lo")
    names_without_dns(folder, {ADDRESS: " ".join([host, *NODES])})
    munge = folder / "munge"
    munge.mkdir(mode=0o711)
    (folder / "state").mkdir()
    key = munge / "key"
    key.touch(mode=0o600)
    key.write_bytes(secrets.token_bytes(1024))
    sh(
        f"munged --force --key-file={key} --socket={munge}/socket --pid-file={munge}/pid"
        f" --log-file={munge}/log --seed-file={munge}/seed"
    )
    conf = folder / "slurm.conf"
    conf.write_text(CONF.format(host=host, address=ADDRESS, folder=folder))
    os.environ["SLURM_CONF"] = str(conf)
    sh(f"slurmctld -f {conf}")
    for node in NODES:
        sh(f"slurmd -N {node} -f {conf}")
    until(lambda: sh("sinfo --noheader --format %t").split() == ["idle"], "idle nodes", 60)


def queue() -> list[str]:
    """States of the jobs that are not over."""
    return sh("squeue --noheader --format %t").split()


def requeue_in_mid_sweep(folder: Path) -> None:
    """A job whose node is taken away while a trial trains."""
    os.chdir(folder)
    subprocess.run(["kdray", "launch", "sweep.yaml", "--on", "slurm"], check=True)
    runs = folder / "runs" / "batch"
    log = folder / "kdray-batch-1.log"
    until(
        lambda: (runs / "sweep.yaml").exists() and any(r.rungs for r in results.read(runs)),
        lambda: log.read_text(),
        200,
    )
    sh("scontrol requeue 1")
    until(lambda: queue() == ["PD"], lambda: f"queue: {queue()}")
    sh("scontrol update jobid=1 StartTime=now")  # Slurm lets a requeued job wait for two minutes
    until(lambda: not queue(), lambda: log.read_text(), 250)
    print(sh("scontrol show job 1"))
    print(log.read_text())


if __name__ == "__main__":
    os.environ["RAY_AUTH_MODE"] = "token"
    start(Path(sys.argv[1]))
    requeue_in_mid_sweep(Path(sys.argv[1]))
