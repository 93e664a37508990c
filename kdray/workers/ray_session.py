"""A Ray of one's own: started in this process on the loopback interface, and gone with it. Or, where its
address is said, one that runs already.

The own one never joins a Ray that runs on the machine. On Linux the kernel kills its processes when the
process that started them dies, also by SIGKILL; workers end with their raylet. (`ray stop` ends every Ray on
the machine, so nothing here calls it.)
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import socket
import sys
import time
from collections.abc import Iterator

from kdray.config import Resources
from kdray.errors import ConfigError
from kdray.process_memory import bound_caches
from kdray.workers.node_room import check_accelerator, check_room, nodes
from kdray.workers.ray_processes import noted

log = logging.getLogger(__name__)

OBJECT_STORE_BYTES = 100_000_000
"""Trials pass a few kilobytes; Ray's own default is 30 % of the memory."""

ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # `uv run` would pack the working folder for every worker
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "TUNE_WARN_INSUFFICENT_RESOURCE_THRESHOLD_S": "1000000",
    "TUNE_FORCE_TRIAL_CLEANUP_S": "10",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000",  # nothing is ever restored from Tune's snapshots
    "RAY_DEDUP_LOGS": "0",
    # Tune (2.60) lets one trial wait for a worker at a time, and ends every worker that comes free while one
    # waits; the next trials then start processes again. Measured with trials of 0.6 s: one worker of six was
    # ever used. The searcher itself never has more than `max_concurrent` trials under way.
    "TUNE_MAX_PENDING_TRIALS_PG": "10000",
}

LOCAL_ENVIRONMENT = {
    # Misnamed: whether Ray binds to the address of the network (1) or to the loopback interface (0).
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    # Ray's memory monitor kills workers once 95 % of the machine is in use, whoever uses it, and Tune (2.60)
    # takes the error for its own end. Without it the kernel kills a worker when memory is really gone, and
    # the trial goes on from its last rung.
    "RAY_memory_monitor_refresh_ms": "0",
    # A machine that is busy with something else is not a dead one.
    "RAY_worker_register_timeout_seconds": "600",
    "RAY_health_check_timeout_ms": "60000",
}

ROOM_WAIT_S = 600.0
"""How long a cluster that is joined may take to have room for a trial."""
ANSWER_WAIT_S = 10.0
STARTS = 4
"""How often Ray is started anew where it does not come up within its 30 s (they are not to be changed)."""


def prepare() -> None:
    """Settings that Ray reads when it is imported or started; a user's own settings win."""
    bound_caches()
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def quiet() -> None:
    """Leaves Ray's and Optuna's warnings, not their progress."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # Ray says on every start that its token authentication is on, which is what is wanted.
    token = "ray._private.authentication.authentication_token_setup"  # noqa: S105 - a module's name
    for name in ("ray", "ray.tune", "ray.train", "ray.air", token):
        logging.getLogger(name).setLevel(logging.ERROR)


def opened(resources: Resources, address: str | None = None) -> contextlib.AbstractContextManager[None]:
    """The Ray at `address`, or one of its own. Raises as `local` and `joined` do."""
    return local(resources) if address is None else joined(resources, address)


@contextlib.contextmanager
def joined(resources: Resources, address: str, patience_s: float = ROOM_WAIT_S) -> Iterator[None]:
    """The Ray that runs at `address` (`auto`: the one that this process runs beside).

    A cluster that grows on demand, or whose nodes are still coming up, has `patience_s` to show a node with
    room for one trial.

    Raises:
        ConfigError: nothing answers there, or there is no room for even one trial.
    """
    prepare()
    quiet()
    _check_answers(address)
    import ray

    try:
        with _from_the_root():
            ray.init(address=address, configure_logging=False, log_to_driver=False)
    except ConnectionError as error:
        raise ConfigError(f"--address {address}: no Ray answers there: {error}") from error
    try:
        check_accelerator(resources, list(nodes().values()))
        until = time.monotonic() + patience_s
        while True:
            try:
                check_room(resources, list(nodes().values()))
                break
            except ConfigError:
                if time.monotonic() >= until:
                    raise
                time.sleep(1)
        yield
    finally:
        ray.shutdown()


@contextlib.contextmanager
def local(resources: Resources) -> Iterator[None]:
    """A Ray with room for `max_concurrent` trials, or the one that this process already has.

    Raises:
        ConfigError: the Ray that is there has no room for even one trial.
    """
    prepare()
    quiet()
    if "ray" not in sys.modules or not sys.modules["ray"].is_initialized():
        os.environ.update({name: os.environ.get(name, value) for name, value in LOCAL_ENVIRONMENT.items()})
    import ray

    if ray.is_initialized():
        check_room(resources, list(nodes().values()))
        yield
        return
    cpus = math.ceil(resources.max_concurrent * resources.workers * resources.cpus_per_worker)
    gpus = resources.workers * resources.gpus_per_worker
    if gpus > 0:
        unnamed = resources.model_copy(update={"accelerator_type": None})
        check_room(unnamed, [{"CPU": cpus, "GPU": _num_gpus()}])
    _start(max(cpus, 1), gpus)
    try:
        check_room(resources, list(nodes().values()))
        with noted():
            yield
    finally:
        ray.shutdown()


def _start(cpus: int, gpus: float) -> None:
    import ray

    for attempt in range(1, STARTS + 1):
        try:
            with _from_the_root():
                ray.init(
                    address="local",
                    num_cpus=cpus,
                    num_gpus=None if gpus > 0 else 0,
                    include_dashboard=False,
                    configure_logging=False,
                    log_to_driver=False,
                    object_store_memory=OBJECT_STORE_BYTES,
                    _node_ip_address="127.0.0.1",
                )
            return
        except Exception as error:
            ray.shutdown()
            if attempt == STARTS or "timed out during startup" not in str(error):
                raise
            log.warning("Ray did not come up in 30 s on this busy machine: starting it again")


@contextlib.contextmanager
def _from_the_root() -> Iterator[None]:
    """Stands in the root folder meanwhile: Ray's workers import from the folder where their driver stood, and an
    experiment that somebody handed over may lie there, with a `torch.py` in it.
    """
    here = os.getcwd()
    os.chdir("/")
    try:
        yield
    finally:
        os.chdir(here)


def _check_answers(address: str) -> None:
    """Refuses a HOST:PORT where nobody listens at once; Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or "//" in host:
        return  # `auto`, or a client's address
    try:
        socket.create_connection((host, int(port)), timeout=ANSWER_WAIT_S).close()
    except OSError as error:
        raise ConfigError(f"--address {address}: no Ray answers there: {error}") from error


def _num_gpus() -> float:
    import torch

    return float(torch.cuda.device_count())
