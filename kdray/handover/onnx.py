"""The student as an ONNX graph, checked against PyTorch, and a copy with 8-bit weights, measured.

One graph without a cache: token ids and mask in, logits of every position out (`input_ids`, `attention_mask`,
and for an encoder-decoder `decoder_input_ids`). That is what one graph can promise for every family; a cached
decoder takes several. Needs the extra `onnx`.

Shape suffixes: B sequences, T tokens, L decoder positions, V vocabulary.
"""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kdray.errors import ConfigError, DataError

FILE, FILE_INT8 = "onnx/model.onnx", "onnx/model_int8.onnx"
TOLERANCE = 1e-3
"""Largest difference of a logit between the graph and PyTorch; 1e-5 is what float32 gives."""
Ids = NDArray[np.int32]


def check_installed() -> None:
    """Raises `ConfigError` where the extra is missing."""
    from importlib.util import find_spec

    if missing := [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]:
        raise ConfigError(f"--onnx and --int8 need {missing[0]}: pip install 'kdray[onnx]'")


class _Logits(torch.nn.Module):
    """A model as a function from ids to logits."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        """[B, T, V], or [B, L, V] of an encoder-decoder."""
        named = dict(zip(input_names(self.model), inputs, strict=True))
        logits: torch.Tensor = self.model(**named, use_cache=False).logits
        return logits


def input_names(model: Any) -> list[str]:
    """The graph's inputs, in order."""
    names = ["input_ids", "attention_mask"]
    return [*names, "decoder_input_ids"] if model.config.is_encoder_decoder else names


def write(model: Any, prompts: Sequence[Ids], path: Path) -> dict[str, Any]:
    """Exports the graph and checks it on some prompts.

    Returns:
        `file`, `bytes`, `prompts` and `max_difference` of a logit.

    Raises:
        DataError: the graph's logits differ from PyTorch's by more than `TOLERANCE`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    inputs = _inputs(model, prompts[:2], [prompt[:4] for prompt in prompts[:2]])
    batch, tokens, positions = (
        torch.export.Dim(name, min=1, max=4096) for name in ("batch", "tokens", "positions")
    )
    shapes = [{0: batch, 1: tokens}] * 2 + [{0: batch, 1: positions}] * (len(inputs) - 2)
    with _quiet():
        program: Any = torch.onnx.export(
            _Logits(model).eval(),
            tuple(inputs.values()),
            dynamo=True,
            dynamic_shapes=(tuple(shapes),),
            input_names=list(inputs),
            output_names=["logits"],
        )
        program.save(str(path))
    worst = _difference(model, path, prompts)
    if not worst <= TOLERANCE:
        raise DataError(f"{path}: the exported graph differs from the model: a logit by {worst:.2g}")
    return {"file": FILE, "bytes": path.stat().st_size, "prompts": len(prompts), "max_difference": worst}


@torch.inference_mode()
def _difference(model: Any, path: Path, prompts: Sequence[Ids]) -> float:
    """The largest difference of a real position's logit, prompts alone and in one batch."""
    graph, worst = Graph(path, model), 0.0
    for some in [*([prompt] for prompt in prompts), list(prompts)]:
        inputs = _inputs(model, some, [prompt[:4] for prompt in some])
        exact = _Logits(model)(*inputs.values()).float().numpy()
        from_graph = graph.logits(some, [prompt[:4] for prompt in some])
        real = np.ones(exact.shape[:2], bool)
        if not model.config.is_encoder_decoder:
            real = inputs["attention_mask"].numpy().astype(bool)
        worst = max(worst, float(np.abs(exact - from_graph)[real].max()))
    return worst


def _inputs(model: Any, prompts: Sequence[Ids], outputs: Sequence[Ids]) -> dict[str, torch.Tensor]:
    """The graph's inputs for prompts with the first tokens of their outputs; padded on the right."""
    pad = model.config.pad_token_id or 0  # masked, whatever it is
    if model.config.is_encoder_decoder:
        ids_BT, mask_BT = _padded(prompts, pad)
        first = np.array([model.config.decoder_start_token_id], np.int32)
        decoder_BL, _ = _padded([np.concatenate([first, output]) for output in outputs], pad)
        inputs = [ids_BT, mask_BT, decoder_BL]
    else:
        inputs = [*_padded([np.concatenate(pair) for pair in zip(prompts, outputs, strict=True)], pad)]
    return {name: torch.from_numpy(ids) for name, ids in zip(input_names(model), inputs, strict=True)}


def _padded(sequences: Sequence[Ids], pad: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    lengths_B = np.array([len(sequence) for sequence in sequences])
    mask_BT = np.arange(lengths_B.max()) < lengths_B[:, None]
    ids_BT = np.full(mask_BT.shape, pad, np.int64)
    ids_BT[mask_BT] = np.concatenate(sequences)
    return ids_BT, mask_BT.astype(np.int64)


def quantise(path: Path, out: Path) -> dict[str, Any]:
    """Writes a copy with 8-bit weights and dynamically quantised activations; returns `file` and `bytes`."""
    with _quiet():
        from onnxruntime.quantization import QuantType, quantize_dynamic

        quantize_dynamic(str(path), str(out), weight_type=QuantType.QInt8)
    return {"file": FILE_INT8, "bytes": out.stat().st_size, "float_bytes": path.stat().st_size}


class Graph:
    """An exported graph in onnxruntime."""

    def __init__(self, path: Path, model: Any) -> None:
        """`model` tells the family and the special tokens; its weights are not used."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = torch.get_num_threads()
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._model = model

    def logits(self, prompts: Sequence[Ids], outputs: Sequence[Ids]) -> NDArray[np.float32]:
        """Of every position, [B, T, V] or [B, L, V]."""
        inputs = _inputs(self._model, prompts, outputs)
        logits: NDArray[np.float32] = self._session.run(None, {k: v.numpy() for k, v in inputs.items()})[0]
        return logits

    def greedy(self, prompt: Ids, *, end_id: int | Collection[int], max_new_tokens: int) -> Ids:
        """The most probable next token, again and again; `end_id`, or one of these, included where it was reached.

        One input at a time and everything read anew for each token, as the graph is used: a quantised graph
        takes the scales of its activations from all that it reads at once, so that in a batch, or with tokens
        behind, it says other things.
        """
        ends = {end_id} if isinstance(end_id, int) else end_id
        written = np.zeros(0, np.int32)
        while len(written) < max_new_tokens and (not len(written) or written[-1] not in ends):
            logits_TV = self.logits([prompt], [written])[0]
            written = np.append(written, logits_TV[-1].argmax().astype(np.int32))
        return written


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Exporters print and warn about what the check afterwards tells for certain."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir", "root")]
    before = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with (
            warnings.catch_warnings(),
            open(os.devnull, "w") as nowhere,
            contextlib.redirect_stdout(nowhere),
            contextlib.redirect_stderr(nowhere),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
