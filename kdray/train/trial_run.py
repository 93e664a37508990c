"""One trial, rung by rung.

    run = TrialRun(trial)
    while not run.done:
        metrics = run.next_rung()      # trains to the next rung, evaluates, returns plain numbers
    run.close()

A trial is a function of its configuration and its files: the same seed gives the same losses on the same
machine, also when it is saved at a rung and goes on in another process.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import torch

from kdray.config import FORM, Distil, Student, Trial
from kdray.errors import TrialFailed
from kdray.losses import SignalTensors, to_tensors
from kdray.process_memory import TRIM_EVERY, collect, trim
from kdray.storage import write_json
from kdray.stream import Ahead, Batch, as_pieces, batch_rows, collate, cut
from kdray.students.cost import costs
from kdray.students.forward import start_of
from kdray.students.load import quiet, readable_as
from kdray.students.warm_start import random_slice
from kdray.train.engine import Engine, World, device, forget_activations
from kdray.train.evaluate import judge
from kdray.train.learner import Learner
from kdray.train.lora import adapt, fold, merged
from kdray.train.loss_curve import LossCurve
from kdray.train.start import new_student
from kdray.train.trial_data import TrialData, open_data

log = logging.getLogger(__name__)

SAID_EVERY_S = 30.0
Report = Callable[[dict[str, Any]], None]
Progress = Callable[[int, float], None]
"""Called after each step with (steps done, loss)."""


class TrialRun:
    """A trial under way. `step` counts the optimizer steps done, `worst_cases` are of the last rung."""

    def __init__(self, trial: Trial, world: World = World(), progress: Progress | None = None) -> None:  # noqa: B008 - frozen
        """Opens the data, builds the student, starts DeepSpeed. Raises `KdrayError` for what does not fit."""
        self.trial, self.world, self.step = trial, world, 0
        self._progress = progress
        self._seconds = 0.0
        self._since: float | None = None
        self._said = time.perf_counter()
        self._losses: list[float] = []
        self._curve = LossCurve(trial.budget.steps)
        self.worst_cases: list[dict[str, Any]] = []
        torch.manual_seed(trial.seed)
        self.data: TrialData = open_data(trial)
        self._lengths = self.data.source.lengths()
        self.model = new_student(trial, self.data)
        if trial.adapters is not None:
            adapt(self.model, trial.adapters)
        if trial.optim.gradient_checkpointing:
            forget_activations(self.model)
        # What a student of named sizes does not say itself stands in its teacher's configuration, and its own.
        self._like = self.model.config
        self.model.train()
        distil = trial.distil if trial.distil.reads_signal else Distil(alpha=0.0)
        learner = Learner(self.model, trial.student, distil, trial.optim.precision)
        self._engine = Engine(learner, trial, world)
        self._ahead = Ahead(self._batch, end=trial.budget.steps)

    @property
    def done(self) -> bool:
        """Whether the last rung has been reached."""
        return self.step >= self.trial.budget.steps

    def next_rung(self) -> dict[str, Any]:
        """Trains to the next rung and evaluates there.

        Returns:
            Plain numbers: `step`, both objectives, what `cost.costs` knows, `train_loss`, `seconds` (training and
                evaluation so far), `loss_curve` since the last rung (see `LossCurve`), `intervals` and what else
                the evaluation reports.

        Raises:
            TrialFailed: for a loss that is not finite.
        """
        self._since = time.perf_counter()
        target = next(rung for rung in self.trial.budget.reports if rung > self.step)
        while self.step < target:
            self._train_step()
        recent = self._losses[-50:]
        metrics = {
            "step": self.step,
            **costs(self.trial, self.data.vocab, self._like),
            "train_loss": sum(recent) / len(recent),
            "loss_curve": self._curve.taken(),
        }
        if self.done:
            self._round()
        self.model.eval()
        measured, self.worst_cases = judge(
            self.model, self.data, self.trial, last=self.done, runs=self.world.rank == 0
        )
        metrics |= measured
        self.model.train()
        self._seconds, self._since = self._spent(), None
        return metrics | {"seconds": self._seconds}

    def _spent(self) -> float:
        """Seconds of training and evaluation, those of the rung under way included."""
        return self._seconds + (0.0 if self._since is None else time.perf_counter() - self._since)

    def _batch(self, step: int) -> list[tuple[Batch, SignalTensors | None]]:
        """What this process trains at a step, in pieces: read, decoded and padded, a pure function of the step."""
        optim = self.trial.optim
        numbers = batch_rows(self._lengths, optim.batch_size, self.trial.seed, step)
        batches: list[Batch] = []
        told: list[SignalTensors | None] = []
        for piece in cut(numbers, self.world.rank, self.world.size, self._engine.micro_batch):
            rows, signal = self.data.source.take(piece.tolist())
            batches.append(
                collate(
                    rows,
                    signal,
                    pad_id=self.data.task.pad_id,
                    encoder_decoder=self.data.task.encoder_decoder,
                    context_weight=optim.context_weight if self._reads_context(step) else 0.0,
                    start_id=start_of(self.model, self.data.task.pad_id),
                )
            )
            if signal is None or not self.trial.distil.reads_signal:
                told.append(None)
            else:
                told.append(to_tensors(signal, self.trial.distil.temperature, device()))
        return list(zip(as_pieces(batches), told, strict=True))

    def _train_step(self) -> None:
        pieces = self._ahead.get(self.step)
        # Dropout of a step is a function of (seed, step, rank): a trial that goes on draws what it would have.
        torch.manual_seed((self.trial.seed * 1_000_003 + self.step) * 1_009 + self.world.rank)
        part = self._slice()
        value = float(self._engine.step([(*piece, part) for piece in pieces]))
        if not math.isfinite(value):
            raise TrialFailed(f"loss is {value} at step {self.step}: lower optim.lr, or look at the shards")
        self._losses.append(value)
        self.step += 1
        self._curve.add(self.step, value)
        self._say(value)
        if self.step % TRIM_EVERY == 0:
            trim()
        if self._progress:
            self._progress(self.step, value)

    def _say(self, loss: float) -> None:
        """How far it is, for the trial's log file, now and then."""
        if (now := time.perf_counter()) - self._said >= SAID_EVERY_S:
            self._said = now
            log.info("step %d of %d: loss %.4g", self.step, self.trial.budget.steps, loss)

    def _reads_context(self, step: int) -> bool:
        """Whether a step learns the context too. At the end of a training the targets alone count: a model
        that goes on learning what statements follow one another forgets that an assertion is asked for.
        """
        until = self.trial.optim.context_until
        return until is None or step < until

    def _slice(self) -> Student | None:
        """The part of the model that this step trains: a function of (seed, step), like the order of the
        rows.
        """
        share = self.trial.optim.slice_share
        if share == 0:
            return None
        import random

        rng = random.Random(self.trial.seed * 1_000_003 + self.step)  # noqa: S311 - not for secrets
        whole = cast(Student, self.trial.student)  # a trial with slices names its family
        return random_slice(whole, self.data.vocab, rng) if rng.random() < share else None

    @torch.no_grad()
    def _round(self) -> None:
        """Rounds the weights to what `export` writes, adapters in them: the student that is judged is the one that
        is saved.
        """
        fold(self.model)
        for parameter in self.model.parameters():
            parameter.copy_(parameter.to(torch.bfloat16))

    def save(self, folder: str | Path) -> None:
        """A checkpoint at this step, also between rungs: DeepSpeed's own, with the position of the stream."""
        state = {"step": self.step, "seconds": self._spent(), "losses": self._losses[-50:]}
        state["curve"] = self._curve.state()
        self._engine.save(Path(folder), state)

    def load(self, folder: str | Path) -> None:
        """Goes on from a checkpoint."""
        state = self._engine.load(Path(folder))
        self.step, self._seconds, self._losses = (
            int(state["step"]),
            float(state["seconds"]),
            list(state["losses"]),
        )
        self._curve.restore(state.get("curve", {}))

    def export(self, folder: str | Path) -> None:
        """Writes the student as a Hugging Face folder: bfloat16 safetensors, configuration, tokenizer."""
        target = Path(folder)
        # named_parameters gives a tied embedding once, state_dict twice: converted, the copies would be
        # written both.
        state = {name: tensor.detach().to(torch.bfloat16) for name, tensor in merged(self.model).items()}
        kept = self.model.state_dict()  # what is saved beside parameters: BART's bias of its logits
        state |= {name: buffer for name, buffer in self.model.named_buffers() if name in kept}
        self.model.config.dtype = "bfloat16"
        quiet()
        self.model.save_pretrained(target, state_dict=state, safe_serialization=True)
        self.data.task.tokenizer.save_pretrained(target)
        limits = self.trial.encoding.model_dump(exclude=set(FORM)) | self.data.task.form_fields
        limits["max_input"] = getattr(self.trial.student, "max_input", None) or limits["max_input"]
        write_json(target / "kdray.json", {"encoding": limits, "step": self.step})
        readable_as(target, "config.json")

    def close(self) -> None:
        """Frees the engine and the thread that reads ahead; another `TrialRun` may start in this process."""
        self._ahead.close()
        self._engine.close()
        del self._ahead, self._engine
        collect()


def train(
    trial: Trial,
    world: World | None = None,
    report: Report = lambda metrics: None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Runs a whole trial in this process; `report` gets the metrics of every rung. Returns the last ones."""
    with closing(TrialRun(trial, world or World(), progress)) as run:
        metrics: dict[str, Any] = {}
        while not run.done:
            metrics = run.next_rung()
            report(metrics)
        return metrics
