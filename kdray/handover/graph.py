"""A student's ONNX graph in onnxruntime: what it writes, over its key-value cache, and what it says of code.

`graph.json` beside it says how it is used. Needs onnxruntime and numpy alone: torch takes longer to import than a
small student to answer.

Shape suffixes: B sequences, T new tokens, P cached ones, V vocabulary, C classes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kdray.errors import DataError, first_line
from kdray.recorded import json_file

FOLDER, USE = "onnx", "graph.json"
PLAIN, INT8 = "", "_int8"
GRAPHS = {
    "decoder": ("model",),
    "classifier": ("model",),
    "encoder-decoder": ("encoder_model", "decoder_model"),
}
"""File names by what a student is."""
Ids = NDArray[np.int32]
Arrays = dict[str, NDArray[Any]]
State = tuple[int, Arrays, Arrays]
"""Tokens read, keys and values of them, and those of the encoder's states."""


class Graph:
    """The graphs in a folder's `onnx/`, as something that writes (`beams.Writer`) or classifies."""

    def __init__(self, folder: Path, form: str = PLAIN) -> None:
        """`form` is `PLAIN` or `INT8`. Raises `DataError` for files that are no graphs."""
        self.use = use_of(folder)
        self._sessions = [_session(path) for path in files(folder, self.use["kind"], form)]
        self._decoder = self._sessions[-1]
        inputs = {one.name: one.shape for one in self._decoder.get_inputs()}
        self._places = "position_ids" in inputs
        self._mask = "attention_mask" in inputs
        self._empty = {
            name: (shape[1], shape[3])
            for name, shape in inputs.items()
            if name.startswith("past_key_values.") and ".encoder." not in name and len(shape) == 4
        }
        if not all(isinstance(size, int) for sizes in self._empty.values() for size in sizes):
            raise DataError(f"{folder / FOLDER}: a cache whose heads have no size: another program's graph")
        self._outputs = [one.name for one in self._decoder.get_outputs()]

    def read(self, prompt: Ids) -> tuple[NDArray[np.float32], State]:
        """See `Writer`."""
        logits_1TV, state = self.feed(*self.begin(prompt[None]))
        return logits_1TV[:, -1], state

    def go_on(
        self, state: State, rows: Sequence[int], tokens: Sequence[int]
    ) -> tuple[NDArray[np.float32], State]:
        """See `Writer`."""
        length, past, cross = state
        chosen = length, _rows(past, rows), _rows(cross, rows)
        logits_B1V, state = self.feed(np.array(tokens)[:, None], chosen)
        return logits_B1V[:, -1], state

    def begin(self, prompts_BT: NDArray[Any]) -> tuple[NDArray[Any], State]:
        """What the decoder is fed first, and its state before: prompts of one length."""
        count = len(prompts_BT)
        past = {
            name: np.zeros((count, heads, 0, size), np.float32) for name, (heads, size) in self._empty.items()
        }
        if len(self._sessions) == 1:
            return prompts_BT, (0, past, {})
        ids = prompts_BT.astype(np.int64)
        mask = np.ones_like(ids)
        encoder = self._sessions[0]
        names = [one.name.replace("present", "past_key_values") for one in encoder.get_outputs()]
        found = _run(encoder, None, {"input_ids": ids, "attention_mask": mask})
        cross = {**dict(zip(names, found, strict=True)), "encoder_attention_mask": mask}
        return np.full((count, 1), self.use["start_id"]), (0, past, cross)

    def feed(
        self, tokens_BT: NDArray[Any], state: State, padding_B: Sequence[int] | None = None
    ) -> tuple[NDArray[np.float32], State]:
        """Logits [B, T, V] of new tokens, and the state behind them.

        Args:
            tokens_BT: they follow what the state has read.
            state: of `begin`, or of an earlier call.
            padding_B: how many of each row's first tokens, read ones included, are padding; None for none.
        """
        length, past, cross = state
        ids = tokens_BT.astype(np.int64)
        after = length + ids.shape[1]
        skipped = np.zeros((len(ids), 1), np.int64) if padding_B is None else np.array(padding_B)[:, None]
        fed = {"input_ids": ids, **past, **cross}
        if self._mask:
            fed["attention_mask"] = (np.arange(after) >= skipped).astype(np.int64)
        if self._places:
            fed["position_ids"] = np.maximum(np.arange(length, after) - skipped, 0)
        logits_BTV: NDArray[np.float32]
        logits_BTV, *grown = _run(self._decoder, self._outputs, fed)
        names = [name.replace("present", "past_key_values") for name in self._outputs[1:]]
        return logits_BTV, (after, dict(zip(names, grown, strict=True)), cross)

    def classify(self, snippets: Sequence[Ids]) -> NDArray[np.float32]:
        """Logits [C] of one input, its snippets in tokens."""
        names = [one.name for one in self._decoder.get_inputs()]
        fed = {name: ids.astype(np.int64)[None] for name, ids in zip(names, snippets, strict=True)}
        logits_1C: NDArray[np.float32] = _run(self._decoder, None, fed)[0]
        return np.squeeze(logits_1C, 0)


def use_of(folder: Path) -> dict[str, Any]:
    """How a folder's graphs are used: `kind`, one of `GRAPHS`; `start_id`, the decoder's first token;
    `bare_tokenizer`, whether `tokenizer.json` alone says what transformers makes of it; and `weights` (see
    `weights_of`) that they were made from. Raises `DataError`.
    """
    path = folder / FOLDER / USE
    use = json_file(path)
    if use.get("kind") not in [*GRAPHS] or not isinstance(use.get("start_id"), int):
        raise DataError(f"{path}: kind must be one of {', '.join(GRAPHS)}, start_id a number")
    return use


def weights_of(folder: Path) -> str:
    """What tells the weights beside the graphs from others: SHA-256 of the files, "" where there are none."""
    digests = []
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    return " ".join(digests)


def files(folder: Path, kind: str, form: str = PLAIN) -> list[Path]:
    """The files of a kind of student."""
    return [folder / FOLDER / f"{name}{form}.onnx" for name in GRAPHS[kind]]


def _rows(arrays: Arrays, rows: Sequence[int]) -> Arrays:
    return {name: array[list(rows)] for name, array in arrays.items()}


def _run(session: Any, outputs: Sequence[str] | None, fed: Arrays) -> list[Any]:
    try:
        return list(session.run(outputs, fed))
    except Exception as error:  # as in `_session`
        raise DataError(
            f"{FOLDER}: a graph that is used otherwise than {USE} says: {first_line(error)}"
        ) from error


def _session(path: Path) -> Any:
    try:
        import onnxruntime
    except ImportError as error:  # it is there: one for another numpy, say
        raise DataError(f"{path}: onnxruntime cannot be imported: {first_line(error)}") from error

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # As many threads as torch takes: an editor's machine has other things to do. A list is of nested ones.
    threads = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    options.intra_op_num_threads = int(threads) if threads.isdecimal() else 0
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its own kinds, one for each fault
        raise DataError(f"{path}: no graph that onnxruntime can load: {first_line(error)}") from error
