"""What several figures start from: options, a clock, the packaged teacher on real tests, a plain top-k store."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from kdray.config import Distil, Encoding, Optim
from kdray.corpus.mine import DEMO_PACKAGES, mine
from kdray.corpus.store import corpus_fingerprint, read_corpus, write_corpus
from kdray.losses import to_tensors
from kdray.stream import RowSource, batch_rows, collate
from kdray.students.load import load_model, load_tokenizer, weights_fingerprint
from kdray.students.logits import TargetLogits
from kdray.tasks import task_of
from kdray.tasks.assertion import AssertionTask
from kdray.tasks.row import Row
from kdray.teacher.codec import Codec, Packed, State
from kdray.teacher.codecs import CODECS
from kdray.teacher.codecs.full import log_probs
from kdray.teacher.manifest import ShardHeader
from kdray.teacher.signal import TeacherSignal
from kdray.train.learner import Learner
from kdray.train.schedule import lr_ratio

ROOT = Path(__file__).resolve().parents[2]
TEACHER = ROOT / "kdray" / "demo" / "teacher"
CODET5 = ROOT.parent / "shared" / "data" / "tokenizers" / "codet5"


def options(name: str, *numbers: str) -> argparse.Namespace:
    """`--quick`, and `--out`, a folder whose corpus and shards another run uses again; whole `numbers` besides."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / f"kdray-{name}")
    for number in numbers:
        parser.add_argument(number, type=int)
    return parser.parse_args()


def seconds(work: Callable[[], Any]) -> float:
    """How long it takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


@cache
def teacher() -> tuple[Any, AssertionTask]:
    """The packaged teacher and its task."""
    torch.set_num_threads(1)
    return load_model(TEACHER), task_of("assertion", load_tokenizer(TEACHER), False, teacher_encoding())


def teacher_encoding() -> Encoding:
    """The limits of its rows."""
    return Encoding(**json.loads((TEACHER / "kdray.json").read_text())["encoding"])


def corpus(folder: Path) -> str:
    """The demo's corpus, mined into `folder` unless it is there."""
    if not (folder / "corpus.json").exists():
        write_corpus(str(folder), mine(list(DEMO_PACKAGES)), list(DEMO_PACKAGES))
    return str(folder)


@cache
def rows(folder: str, split: str, count: int) -> list[Row]:
    """`count` rows of a split, evenly spaced."""
    found = teacher()[1].rows(read_corpus(folder, split))
    return [found[i * len(found) // count] for i in range(count)]


@cache
def header(folder: str) -> ShardHeader:
    """Of the packaged teacher on a corpus."""
    model, task = teacher()
    params = sum(parameter.numel() for parameter in model.parameters())
    return ShardHeader(
        "assertion", weights_fingerprint(model), params, task.fingerprint,
        model.config.vocab_size, corpus_fingerprint(folder),
    )  # fmt: skip


def logits(model: Any, task: AssertionTask, wanted: Sequence[Row]) -> list[NDArray[np.float32]]:
    """The model's logits on the targets of each row."""
    forward = TargetLogits(model, task.pad_id)
    return [one for start in range(0, len(wanted), 16) for one in forward(wanted[start : start + 16])]


def train(
    learner: Learner, source: RowSource, optim: Optim, distil: Distil, steps: int, seed: int, pad_id: int
) -> None:
    """The trial's training without DeepSpeed: the same rows in the same order, loss and schedule."""
    optimizer = torch.optim.AdamW(learner.parameters(), lr=optim.lr, weight_decay=optim.weight_decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: lr_ratio(step, optim, steps))
    lengths_R = source.lengths()
    learner.train()
    for step in range(steps):
        taken, signal = source.take(batch_rows(lengths_R, optim.batch_size, seed, step).tolist())
        batch = collate(taken, signal, pad_id=pad_id, encoder_decoder=False)
        told = to_tensors(signal, distil.temperature) if signal is not None and distil.alpha else None
        learner(batch, told).backward()
        torch.nn.utils.clip_grad_norm_(learner.parameters(), optim.clip_norm)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    learner.eval()


@dataclass(frozen=True)
class TopK(Codec):
    """What most stores of truncated logits are: the k likeliest tokens in float16, renormalised, and no tail."""

    name: ClassVar[str] = "topk"
    fields: ClassVar[tuple[str, ...]] = ("ids", "logprobs")

    k: int = 8

    def bits_per_token(self, vocab: int) -> float:
        return 8.0 * self.k * ((2 if vocab <= 1 << 16 else 4) + 2)

    def encode(
        self,
        logits_NV: NDArray[np.float32],
        labels_N: NDArray[np.int32],
        counts_R: NDArray[np.int64],
        state: State,
    ) -> dict[str, Packed]:
        ids_NK = np.argsort(-logits_NV, axis=1)[:, : self.k]
        logprobs_NK = log_probs(np.take_along_axis(logits_NV, ids_NK, 1)).astype(np.float16)
        ids = ids_NK.astype(_id_type(logits_NV.shape[1]))
        return {
            "ids": Packed.fixed(ids, counts_R, ids.itemsize * self.k),
            "logprobs": Packed.fixed(logprobs_NK, counts_R, 2 * self.k),
        }

    def decode(
        self, packed: Mapping[str, Packed], labels_N: NDArray[np.int32], counts_R: NDArray[np.int64],
        vocab: int, state: State,
    ) -> TeacherSignal:  # fmt: skip
        no_tail_N = np.full(len(labels_N), -np.inf, np.float32)
        return TeacherSignal(
            packed["ids"].read(_id_type(vocab), self.k).astype(np.int64),
            packed["logprobs"].read(np.float16, self.k).astype(np.float32),
            no_tail_N, np.empty((len(labels_N), 0), np.float32), (), vocab,
        )  # fmt: skip


def _id_type(vocab: int) -> Any:
    return np.uint16 if vocab <= 1 << 16 else np.int32


CODECS[TopK.name] = TopK


def encoded(
    codec: Codec, all_logits: Sequence[NDArray[np.float32]], wanted: Sequence[Row], state: State
) -> Any:
    """Fields of the rows, and the signal that comes back from them."""
    counts_R = np.array([row.num_targets for row in wanted], np.int64)
    logits_NV, labels_N = np.concatenate(all_logits), labels(wanted)
    packed = codec.encode(logits_NV, labels_N, counts_R, state)
    return packed, codec.decode(packed, labels_N, counts_R, logits_NV.shape[1], state)


def labels(wanted: Sequence[Row]) -> NDArray[np.int32]:
    """The targets of all rows."""
    return np.concatenate([row.labels[row.labels >= 0] for row in wanted])


def distillkit_bytes(vocab: int) -> dict[str, float]:
    """Bytes a token of DistillKit's layout: bit-packed ids, and 14 (k = 50) or 56 (k = 128) bytes of values."""
    width = int(vocab - 1).bit_length()
    return {"k50": 50 * width / 8 + 14, "k128": 128 * width / 8 + 56}
