"""Kubernetes with KubeRay: a RayJob that brings its own cluster, and the sweep file as a ConfigMap.

The driver runs in a sidecar of the head's pod, the head offers no processors to trials, and workers come and
go with what is asked for.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from importlib.metadata import version
from typing import Any

from kdray.console import say
from kdray.errors import ConfigError, KdrayError
from kdray.pipeline.places.request import Request, Submitted, check_folders
from kdray.pipeline.places.yaml_text import Block, dump
from kdray.storage import fingerprint

FOLDER = "/etc/kdray"
LONGEST_NAME = 47
"""KubeRay refuses a RayJob with a longer name: what it makes of it would not fit into a label of 63."""
_NAME = re.compile("[a-z]([-a-z0-9]*[a-z0-9])?")
"""A label as RFC 1035 has it, which KubeRay asks of a name."""
CLAIM = "kdray-storage"
"""The PersistentVolumeClaim (ReadWriteMany) that holds corpora, shards and runs."""
SHARED = "/shared"
"""Where it is mounted, unless the request's folder says otherwise."""


def render(request: Request) -> str:
    """ConfigMap and RayJob as two YAML documents."""
    check_folders(request, "Kubernetes")
    name = object_name(request.sweep.name)
    sweep = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": {"sweep.yaml": Block(request.text)},
    }
    return dump(sweep, _job(request, name))


def object_name(sweep: str) -> str:
    """What a sweep's RayJob and ConfigMap are called: `kdray-NAME` where KubeRay takes that, else with a
    fingerprint of the name, so that no two sweeps share one.
    """
    plain = f"kdray-{sweep}"
    if _NAME.fullmatch(plain) and len(plain) <= LONGEST_NAME:
        return plain
    mark = fingerprint(sweep)[:8]
    return f"{re.sub('[^a-z0-9]+', '-', plain.lower())[: LONGEST_NAME - 9].rstrip('-')}-{mark}"


def submit(request: Request, text: str) -> Submitted:
    """Gives the manifests to `kubectl`."""
    if shutil.which("kubectl") is None:
        raise ConfigError("--on kuberay: there is no `kubectl` here; `--dry-run` prints the manifests")
    done = subprocess.run(
        ["kubectl", "apply", "-f", "-"], input=text, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise KdrayError(f"kubectl: {' '.join(done.stderr.split())}")
    say(done.stdout.strip())
    return Submitted((object_name(request.sweep.name),))


def _job(request: Request, name: str) -> dict[str, Any]:
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayJob",
        "metadata": {"name": name},
        "spec": {
            "entrypoint": request.entrypoint(f"{FOLDER}/sweep.yaml"),
            "submissionMode": "SidecarMode",
            "backoffLimit": 3,  # a cluster that is lost comes again, and the sweep goes on
            "shutdownAfterJobFinishes": True,
            "ttlSecondsAfterFinished": 300,
            "rayClusterSpec": cluster(request, name),
        },
    }


def cluster(request: Request, name: str) -> dict[str, Any]:
    """The RayCluster of a sweep: a head without work, workers that scale between one and `nodes`."""
    head = _container("ray-head", request, cpus=2, memory="8Gi", gpus=0)
    sweep_volume = {"name": "sweep", "configMap": {"name": name}}
    head["volumeMounts"].append({"name": "sweep", "mountPath": FOLDER})
    worker = _container(
        "ray-worker",
        request,
        cpus=max(request.cpus_per_node, 1),
        memory=f"{4 * max(request.cpus_per_node, 1)}Gi",
        gpus=request.gpus_per_node,
    )
    return {
        "rayVersion": version("ray"),
        "authOptions": {"mode": "token"},
        "enableInTreeAutoscaling": True,
        "autoscalerOptions": {"version": "v2", "idleTimeoutSeconds": 300},
        "headGroupSpec": {
            "rayStartParams": {"num-cpus": "0"},
            "template": _pod(head, [sweep_volume]),
        },
        "workerGroupSpecs": [
            {
                "groupName": "workers",
                "replicas": 1,
                "minReplicas": 1,
                "maxReplicas": request.nodes,
                "rayStartParams": {},
                "template": _pod(worker, []),
            }
        ],
    }


def _container(name: str, request: Request, *, cpus: int, memory: str, gpus: int) -> dict[str, Any]:
    amounts: dict[str, Any] = {"cpu": str(cpus), "memory": memory}
    if gpus:
        amounts["nvidia.com/gpu"] = str(gpus)
    return {
        "name": name,
        "image": request.image,
        "env": [{"name": "RAY_USAGE_STATS_ENABLED", "value": "0"}],
        "resources": {"requests": dict(amounts), "limits": dict(amounts)},
        "volumeMounts": [{"name": "storage", "mountPath": request.folder or SHARED}],
    }


def _pod(container: dict[str, Any], volumes: list[dict[str, Any]]) -> dict[str, Any]:
    storage = {"name": "storage", "persistentVolumeClaim": {"claimName": CLAIM}}
    return {
        "spec": {"restartPolicy": "Never", "containers": [container], "volumes": [storage, *volumes]},
    }
