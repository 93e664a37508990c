"""DeepSpeed's engine around one model, set up and torn down so that one process can train many.

On a CPU DeepSpeed would build a shared-memory extension at its first start (it needs a C++ compiler and half
a minute). Trials of one worker gain nothing from it, so it is declared unavailable before DeepSpeed looks.
The process group (gloo on a CPU, NCCL on a GPU) is made once a process and stays; an engine's own state goes
with `close`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import pickle
import socket
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.distributed import HashStore, TCPStore  # type: ignore[attr-defined]

from kdray.config import Optim, Trial, divisors
from kdray.errors import ConfigError, DataError
from kdray.students.load import name_accelerator
from kdray.students.quantised import keep_out_kernels
from kdray.train.schedule import lr_ratio


@dataclass(frozen=True)
class World:
    """The place of this process among those that train one trial together."""

    rank: int = 0
    size: int = 1
    address: str = "127.0.0.1"
    port: int = 0


def device() -> torch.device:
    """The accelerator of this process, or the CPU."""
    return (
        torch.device("cuda", torch.cuda.current_device())
        if torch.cuda.is_available()
        else torch.device("cpu")
    )


def _import_deepspeed() -> Any:
    name_accelerator()
    os.environ.setdefault("DEEPSPEED_LOG_LEVEL", "error")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside DeepSpeed and what it imports
        with _hidden("mlflow"):  # of use to DeepSpeed's autotuner alone; where it is installed, it takes 4 s
            import deepspeed
        from deepspeed.utils import logger

    logger.setLevel(logging.ERROR)
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    return deepspeed


@contextlib.contextmanager
def _hidden(module: str) -> Iterator[None]:
    """A module that was not imported yet cannot be imported meanwhile, as if it were not installed."""
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[module]


def join_process_group(world: World) -> None:
    """Joins the process group, once a process; a later trial of the same size uses it again."""
    if torch.distributed.is_initialized():
        if torch.distributed.get_world_size() == world.size:
            return
        torch.distributed.destroy_process_group()
    os.environ.update(
        MASTER_ADDR=world.address,
        MASTER_PORT=str(world.port),
        RANK=str(world.rank),
        WORLD_SIZE=str(world.size),
        LOCAL_RANK="0",
    )
    backend = "nccl" if torch.cuda.is_available() else "gloo"
    torch.distributed.init_process_group(backend, store=_store(world), rank=world.rank, world_size=world.size)


def _store(world: World) -> Any:
    """Where the processes of a trial meet. It asks nobody who they are, so one process listens nowhere, and rank 0
    of several only at the address that was chosen: left to itself it would listen on every interface.
    """
    if world.size == 1:
        return HashStore()
    if world.rank > 0:
        return TCPStore(world.address, world.port, world.size, False)
    listening = socket.create_server((world.address, world.port))
    return TCPStore(
        world.address, world.port, world.size, True, master_listen_fd=listening.detach(), use_libuv=False
    )


def leave_process_group() -> None:
    """Closes this process's connections, so that no other rank waits for it in a collective."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def free_port(address: str) -> int:
    """A port on which nobody listens, at one of this machine's addresses and at this moment."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def forget_activations(model: Any) -> None:
    """Has a model's layers compute again what their gradients need. Raises `ConfigError` where it cannot."""
    if not getattr(model, "supports_gradient_checkpointing", False):
        raise ConfigError(
            f"optim.gradient_checkpointing: transformers has none for a {model.config.model_type}: leave it out"
        )
    older = model.gradient_checkpointing_enable  # its name until transformers 5.24
    getattr(model, "activation_checkpointing_enable", older)({"use_reentrant": False})


MICRO_TOKENS = 2048
"""Tokens that a processor trains at a time unless `optim.micro_batch` says otherwise."""


def micro_batch(trial: Trial, workers: int, kind: str) -> int:
    """How many sequences a worker trains at a time: a divisor of its share of a batch.

    On a processor memory is short and pieces cost no time; on an accelerator, of whatever kind, it is the other
    way round: all at once. What is free on the machine at the moment has no say: a trial is to be the same again.

    Raises:
        ConfigError: `optim.batch_size` or `optim.micro_batch` does not come out even.
    """
    if uneven := trial.optim.uneven(workers):
        raise ConfigError(uneven)
    share = trial.optim.batch_size // workers
    if trial.optim.micro_batch is not None:
        return trial.optim.micro_batch
    if kind != "cpu":
        return share
    fitting = [size for size in divisors(share) if size * trial.longest_row <= MICRO_TOKENS]
    return max(fitting, default=1)


def read_checkpoint(path: str, map_location: Any = None) -> Any:
    """A file of DeepSpeed's checkpoint, without running what may be pickled in it.

    DeepSpeed itself unpickles whatever stands there, and an experiment folder may be somebody else's.

    Raises:
        DataError: it is damaged, or holds more than tensors, plain data and DeepSpeed's own records.
    """
    from deepspeed.runtime.fp16.loss_scaler import DynamicLossScaler, LossScaler
    from deepspeed.runtime.zero.config import ZeroStageEnum
    from deepspeed.utils.tensor_fragment import fragment_address

    records = [LossScaler, DynamicLossScaler, ZeroStageEnum, fragment_address]
    try:
        with torch.serialization.safe_globals(records):
            return torch.load(path, map_location=map_location, weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, ValueError, KeyError, EOFError) as error:
        raise DataError(
            f"{path}: no checkpoint of kdray's: {str(error).strip().splitlines()[0][:200]}"
        ) from error


class Engine:
    """A model with its optimizer under DeepSpeed."""

    def __init__(self, learner: nn.Module, trial: Trial, world: World) -> None:
        deepspeed = _import_deepspeed()
        join_process_group(world)
        self._size = world.size
        optim = trial.optim
        optimizer = _optimizer(learner, optim)
        scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: lr_ratio(step, optim, trial.budget.steps)
        )
        self.micro_batch = micro_batch(trial, world.size, device().type)
        # DeepSpeed would have its own Adam where moments are in memory, which a compiler has to build.
        config = (
            {"zero_force_ds_cpu_optimizer": False}
            | trial.deepspeed
            | {
                "train_batch_size": optim.batch_size,
                "train_micro_batch_size_per_gpu": self.micro_batch,
                "gradient_accumulation_steps": optim.batch_size // (self.micro_batch * world.size),
                "gradient_clipping": optim.clip_norm,
                "zero_allow_untested_optimizer": True,
            }
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._engine, *_ = deepspeed.initialize(
                model=learner,
                optimizer=optimizer,
                lr_scheduler=scheduler,
                config=config,
                dist_init_required=True,
            )

    def step(self, pieces: Sequence[tuple[Any, ...]]) -> torch.Tensor:
        """Forward and backward of each piece of a batch, then one update.

        Args:
            pieces: the module's inputs for each, whose losses add up to that of the batch; as many on every rank.

        Returns:
            The detached loss of the batch, its mean over all ranks.
        """
        loss = torch.zeros(())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for number, inputs in enumerate(pieces, start=1):
                # Said each time, not counted by DeepSpeed: the only batch of a small corpus has fewer pieces.
                self._engine.set_gradient_accumulation_boundary(number == len(pieces))
                part: torch.Tensor = self._engine(*inputs)
                # DeepSpeed divides by the number of pieces, for losses that are means.
                self._engine.backward(part * self._engine.gradient_accumulation_steps())
                loss = part.detach() if number == 1 else loss + part.detach()
                del part  # or its graph would be there beside the next one's
            self._engine.step()
        if self._size > 1:  # so that all ranks see a loss that is not finite, and report the same
            torch.distributed.all_reduce(loss)
            loss = loss / self._size
        return loss

    def save(self, folder: Path, state: dict[str, Any]) -> None:
        """DeepSpeed's own checkpoint, with `state` in it."""
        (folder / "rung").mkdir(parents=True, exist_ok=True)  # DeepSpeed would not say why it cannot be made
        self._engine.save_checkpoint(str(folder), tag="rung", client_state=state)

    def load(self, folder: Path) -> dict[str, Any]:
        """Restores model, optimizer and schedule; returns the saved `state`.

        Raises:
            DataError: a file of the checkpoint is damaged, or holds something else than a checkpoint does.
        """
        self._engine.checkpoint_engine.load = read_checkpoint
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _, state = self._engine.load_checkpoint(str(folder), tag="rung")
        return dict(state)

    def close(self) -> None:
        """Frees what DeepSpeed holds on to; the process group stays."""
        self._engine.destroy()
        del self._engine


def check_optimizer(optim: Optim) -> None:
    """Raises `ConfigError` where the extra is missing that it needs."""
    if optim.optimizer == "adamw_8bit" and importlib.util.find_spec("bitsandbytes") is None:
        raise ConfigError("optim.optimizer adamw_8bit needs bitsandbytes: pip install 'kdray[adam8bit]'")


def _optimizer(learner: nn.Module, optim: Optim) -> torch.optim.Optimizer:
    check_optimizer(optim)
    settings: dict[str, Any] = {"lr": optim.lr, "betas": (0.9, 0.98)}
    if optim.optimizer == "adamw":
        return torch.optim.AdamW(_groups(learner, optim), **settings)
    keep_out_kernels()
    import bitsandbytes

    made: torch.optim.Optimizer = bitsandbytes.optim.AdamW8bit(_groups(learner, optim), **settings)
    return made


def _groups(learner: nn.Module, optim: Optim) -> list[dict[str, Any]]:
    """Weight decay for matrices, none for norms and biases."""
    parameters = [p for p in learner.parameters() if p.requires_grad]
    matrices = [p for p in parameters if p.ndim >= 2]
    vectors = [p for p in parameters if p.ndim < 2]
    groups = [
        {"params": matrices, "weight_decay": optim.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]
