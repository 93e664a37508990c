"""The student as ONNX graphs with a key-value cache, checked against PyTorch, and copies with 8-bit weights.

    decoder            onnx/model.onnx: new tokens and the cache in, logits and the grown cache out
    encoder-decoder    onnx/encoder_model.onnx reads the prompt, onnx/decoder_model.onnx writes
    classifier         onnx/model.onnx: each snippet in, logits out

`graph_parts` has the models as functions of arrays, `graph` runs the files. Needs the extra `onnx`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kdray import storage
from kdray.errors import ConfigError, DataError, KdrayError, first_line
from kdray.handover.bare_tokenizer import is_whole
from kdray.handover.compared import snippets
from kdray.handover.graph import FOLDER, INT8, USE, Graph, files, use_of, weights_of
from kdray.handover.graph_parts import Part, classifier_part, decoder_part, encoder_decoder_parts
from kdray.students.forward import is_classifier, start_of
from kdray.tasks import Task

TOLERANCE = 1e-3
"""Largest difference of a logit between the graph and PyTorch; 1e-5 is what float32 gives."""
ONE_BY_ONE = 3
"""Tokens of a checked sequence that are fed alone; the others are fed half before them, half behind."""
Ids = NDArray[np.int32]


def check_installed() -> None:
    """Raises `ConfigError` where the extra is missing."""
    if lacking := missing():
        raise ConfigError(f"--onnx and --int8 need {lacking[0]}: pip install 'kdray[onnx]'")


def missing() -> list[str]:
    """What of the extra is not installed."""
    return [name for name in ("onnx", "onnxscript", "onnxruntime") if importlib.util.find_spec(name) is None]


def write(model: Any, task: Task, prompts: Sequence[Ids], folder: Path) -> dict[str, Any]:
    """Exports the graphs of a student in a folder, and checks them on some prompts.

    Returns:
        `file` (several with a comma), `bytes`, `prompts` and `max_difference` of a logit.

    Raises:
        ConfigError: a family that has no graph, by name.
        DataError: the graph's logits differ from PyTorch's by more than `TOLERANCE`.
    """
    kind = "classifier" if not task.writes else "encoder-decoder" if task.encoder_decoder else "decoder"
    paths = files(folder, kind)
    paths[0].parent.mkdir(parents=True, exist_ok=True)
    try:
        with _quiet(), _plain_attention(model):
            for part, path in zip(_parts(model, task, kind), paths, strict=True):
                _export(part, path)
    except KdrayError:
        raise
    except Exception as error:  # the exporter's own kinds, one for each thing that it cannot translate
        raise ConfigError(
            f"a {model.config.model_type} has no ONNX graph with this torch: export it without --onnx:"
            f" {first_line(error)}"
        ) from error
    bare = is_whole(folder, task.tokenizer)
    start_id = start_of(model, task.pad_id) if kind == "encoder-decoder" else 0
    use = {"kind": kind, "start_id": start_id, "bare_tokenizer": bare, "weights": weights_of(folder)}
    storage.write_json(folder / FOLDER / USE, use)
    worst = _difference(model, task, folder, prompts)
    if not worst <= TOLERANCE:
        raise DataError(f"{paths[-1]}: the exported graph differs from the model: a logit by {worst:.2g}")
    return {**_files(folder, paths), "prompts": len(prompts), "max_difference": worst}


def _files(folder: Path, paths: Sequence[Path]) -> dict[str, Any]:
    names = ", ".join(path.relative_to(folder).as_posix() for path in paths)
    return {"file": names, "bytes": sum(path.stat().st_size for path in paths)}


def _parts(model: Any, task: Task, kind: str) -> list[Part]:
    if kind == "classifier":
        return [classifier_part(model)]
    return encoder_decoder_parts(model, task.pad_id) if task.encoder_decoder else [decoder_part(model)]


def _export(part: Part, path: Path) -> None:
    # Inputs behind the named ones of `forward` are one tuple to the exporter.
    named = sum(1 for name in part.inputs if not name.startswith(("past_key_values", "position_ids")))
    named = 0 if part.outputs == ["logits"] else named
    shapes = (*part.dynamic[:named], *([tuple(part.dynamic[named:])] if part.dynamic[named:] else []))
    program: Any = torch.onnx.export(
        part.module.eval(),
        tuple(part.inputs.values()),
        dynamo=True,
        dynamic_shapes=shapes,
        input_names=list(part.inputs),
        output_names=part.outputs,
    )
    program.save(str(path))


@torch.inference_mode()
def _difference(model: Any, task: Task, folder: Path, prompts: Sequence[Ids]) -> float:
    """The largest difference of a logit: each prompt alone, and the first two in one batch, one of them padded."""
    graph = Graph(folder)
    if is_classifier(model):
        return max(_of_class(model, task, graph, prompt) for prompt in prompts)
    longest = np.resize(np.concatenate(prompts), task.max_target + max(map(len, prompts)))
    worst = max(_over_cache(model, graph, prompt) for prompt in [*prompts, longest])
    return worst if task.encoder_decoder else max(worst, _padded(model, graph, prompts[:2]))


def _of_class(model: Any, task: Task, graph: Graph, prompt: Ids) -> float:
    exact = model(torch.from_numpy(prompt.astype(np.int64))[None])[0].numpy()
    return _apart(exact, graph.classify(snippets(prompt, task)))


def _over_cache(model: Any, graph: Graph, prompt: Ids) -> float:
    """Of all positions, read in pieces over the cache: half, then one by one, then the rest."""
    ids_1T = prompt.astype(np.int64)[None]
    first, state = graph.begin(ids_1T)
    written = first if model.config.is_encoder_decoder else first[:, :0]
    written = np.concatenate([written, ids_1T], 1)
    apart = {"decoder_input_ids": torch.from_numpy(written)} if model.config.is_encoder_decoder else {}
    exact = model(input_ids=torch.from_numpy(ids_1T), use_cache=False, **apart).logits[0].numpy()
    half = max(1, written.shape[1] // 2)
    cuts = [half + n for n in range(ONE_BY_ONE + 1)]
    found = []
    for piece in np.split(written, cuts, 1):
        if piece.size:
            logits_1TV, state = graph.feed(piece, state)
            found.append(logits_1TV[0])
    return _apart(exact, np.concatenate(found))


def _padded(model: Any, graph: Graph, prompts: Sequence[Ids]) -> float:
    """Of each one's last position, padded in front and read in one batch."""
    width = max(map(len, prompts))
    ids_BT = np.stack([np.pad(prompt, (width - len(prompt), 0)) for prompt in prompts])
    _, state = graph.begin(ids_BT)
    logits_BTV, _ = graph.feed(ids_BT, state, [width - len(prompt) for prompt in prompts])
    alone = [model(torch.from_numpy(one.astype(np.int64))[None], use_cache=False) for one in prompts]
    exact = [output.logits[0, -1].numpy() for output in alone]
    return max(_apart(one, logits_TV[-1]) for one, logits_TV in zip(exact, logits_BTV, strict=True))


def _apart(exact: NDArray[Any], found: NDArray[Any]) -> float:
    return float(np.abs(exact - found).max())


def quantise(folder: Path) -> dict[str, Any]:
    """Writes copies with 8-bit weights and dynamically quantised activations; returns `file`, `bytes` and
    `float_bytes`.
    """
    kind = use_of(folder)["kind"]
    paths, copies = files(folder, kind), files(folder, kind, INT8)
    with _quiet():
        from onnxruntime.quantization import QuantType, quantize_dynamic

        for path, out in zip(paths, copies, strict=True):
            quantize_dynamic(str(path), str(out), weight_type=QuantType.QInt8)
    return {**_files(folder, copies), "float_bytes": _files(folder, paths)["bytes"]}


@contextlib.contextmanager
def _plain_attention(model: Any) -> Iterator[None]:
    """Attention as matrix products: torch's own operation is taken apart by the exporter, and not for T5."""
    before = model.config._attn_implementation
    model.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.set_attn_implementation(before)


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
