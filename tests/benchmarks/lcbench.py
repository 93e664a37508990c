"""LCBench (learning curves of 34 tasks) as a surrogate model: what a network of some size and training would reach
after each epoch. Reads `../shared/data/search/lcbench.onnx`; needs `pip install onnxruntime`.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "search"
EPOCHS = (1, 2, 6, 17, 52)
PARAMS = ("batch_size", "learning_rate", "momentum", "weight_decay", "num_layers", "max_units", "max_dropout")
"""In the order of the model's inputs, after the epoch."""


@lru_cache(maxsize=1)
def _session() -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        str(DATA / "lcbench.onnx"), options, providers=["CPUExecutionProvider"]
    )


@lru_cache(maxsize=1)
def space() -> dict[str, dict[str, Any]]:
    """Parameter -> its entry in the configuration space, without task and epoch."""
    entries = json.loads((DATA / "lcbench_config_space.json").read_text())["hyperparameters"]
    return {entry["name"]: entry for entry in entries if entry["name"] in PARAMS}


@lru_cache(maxsize=1)
def tasks() -> dict[str, int]:
    """Task -> its number in the model."""
    return dict(sorted(json.loads((DATA / "lcbench_encoding.json").read_text())["OpenML_task_id"].items()))


def curve(task: int, point: dict[str, float]) -> dict[int, tuple[float, float]]:
    """Epoch -> (1 - accuracy as a share, cross-entropy), both losses, for one configuration."""
    values = curves(task, np.array([[point[name] for name in PARAMS]]))
    return {epoch: (float(v[0]), float(v[1])) for epoch, v in zip(EPOCHS, values[0], strict=True)}


def curves(task: int, points_NP: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """float [N, epochs, 2] of many configurations, their parameters in the order of `PARAMS`."""
    session = _session()
    rows = np.concatenate([np.insert(points_NP, 0, epoch, axis=1) for epoch in EPOCHS]).astype(np.float32)
    feeds = {"x_cat": np.full((len(rows), 1), task, np.int32), "x_cont": rows}
    names = [entry.name for entry in session.get_inputs()]
    out = session.run(None, {name: feeds[name] for name in names})
    table = np.concatenate([np.asarray(o).reshape(len(rows), -1) for o in out], axis=1)
    # time, val_acc, val_ce, ...
    losses = np.stack([1.0 - table[:, 1] / 100.0, table[:, 2]], axis=1)
    return losses.reshape(len(EPOCHS), len(points_NP), 2).transpose(1, 0, 2)


def draw(rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
    """float [count, 7] configurations at random, as the space says."""
    columns = []
    for name in PARAMS:
        entry = space()[name]
        low, high = float(entry["lower"]), float(entry["upper"])
        column = (
            np.exp(rng.uniform(np.log(low), np.log(high), count))
            if entry.get("log")
            else rng.uniform(low, high, count)
        )
        columns.append(np.round(column) if entry["type"] == "uniform_int" else column)
    return np.stack(columns, axis=1)
