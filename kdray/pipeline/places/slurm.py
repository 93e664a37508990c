"""A Slurm cluster: a batch script that starts a Ray on its nodes, and goes on after a requeue."""

from __future__ import annotations

import math
import re
import shlex
import shutil
import subprocess
from importlib.resources import files
from string import Template

from kdray.console import say
from kdray.errors import ConfigError, KdrayError
from kdray.pipeline.places.request import Request, Submitted


def render(request: Request) -> str:
    """The batch script. Relative folders begin where `sbatch` is typed, or in the request's folder."""
    sweep = request.sweep
    gpus = request.gpus_per_node
    text = files("kdray.pipeline.places").joinpath("slurm.sbatch").read_text(encoding="utf-8")
    return Template(text).substitute(
        name=sweep.name,
        nodes=request.nodes,
        cpus=max(request.cpus_per_node, math.ceil(sweep.resources.cpus_per_worker)),
        gpus=f"\n#SBATCH --gpus-per-node={gpus}" if gpus else "",
        num_gpus=gpus,
        folder=shlex.quote(request.folder) if request.folder else '"$SLURM_SUBMIT_DIR"',
        storage=shlex.quote(sweep.storage),
        launch=request.launch(shlex.quote(request.path)),
    )


def submit(request: Request, text: str) -> Submitted:
    """Gives the script to `sbatch`."""
    if shutil.which("sbatch") is None:
        raise ConfigError("--on slurm: there is no `sbatch` here; `--dry-run` prints the script")
    done = subprocess.run(["sbatch"], input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise KdrayError(f"sbatch: {' '.join(done.stderr.split())}")
    say(done.stdout.strip())
    say(f"watch     kdray status {request.sweep.name} --runs {request.sweep.storage}")
    say(f"stop      kdray stop {request.sweep.name} --runs {request.sweep.storage}")
    return Submitted(tuple(re.findall(r"\d+", done.stdout)[:1]))
