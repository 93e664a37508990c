"""A student's folder as what `kdray predict` asks: by its ONNX graph where one is there, else by torch.

The graph needs onnxruntime alone, and is ready in a second; torch and transformers take several to import.
"""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path

from kdray.console import say
from kdray.errors import ConfigError, DataError, nearest
from kdray.handover.bare_tokenizer import BareTokenizer
from kdray.handover.beams import Writer
from kdray.handover.graph import FOLDER, USE, Graph, use_of, weights_of
from kdray.packaged import is_named
from kdray.recorded import json_file
from kdray.storage import is_uri
from kdray.tasks import Task, task_of
from kdray.tasks.form import recorded

_OF_A_HUB = re.compile(r"\w[\w.-]*/\w[\w.-]*")


@dataclass(frozen=True)
class Opened:
    """What writes, and what asks it."""

    writer: Writer
    task: Task


def opened(folder: str) -> Opened:
    """A student, ready to be asked. Raises `ConfigError` for a classifier and for what is no student, `DataError`
    for damaged files.
    """
    _check_student(folder)
    path = Path(folder)
    if not (path / FOLDER / USE).is_file():
        return _by_torch(folder, "export again where the extra onnx is installed")
    if importlib.util.find_spec("onnxruntime") is None:
        return _by_torch(folder, "pip install onnxruntime")
    return _by_graph(path)


def _check_student(folder: str) -> None:
    """Raises `ConfigError` for a sweep, which is often named instead, and for a folder that is not there."""
    path = Path(folder)
    named = path if path.exists() else Path("runs") / folder
    if (named / "sweep.yaml").is_file():
        raise ConfigError(
            f"{folder} is a sweep and no student: kdray export {folder} --knee FOLDER writes one of its students"
        )
    on_a_hub = _OF_A_HUB.fullmatch(folder)
    if path.exists() or is_uri(folder) or is_named(folder) or on_a_hub:
        return
    students = [str(one.parent) for one in Path().glob("*/kdray.json")]
    raise ConfigError(
        f"no student '{folder}': no such folder here (kdray export SWEEP --knee FOLDER writes one)"
        f"{nearest(folder, students)}"
    )


def _by_graph(folder: Path) -> Opened:
    use = use_of(folder)
    if use["kind"] == "classifier":
        raise ConfigError(_writes_nothing(folder))
    if (there := weights_of(folder)) and there != use.get("weights"):
        raise DataError(
            f"{folder}: its weights are not those that its graphs were made from: remove {folder / FOLDER}, or"
            " export it again"
        )
    if use.get("bare_tokenizer") is True:
        tokenizer = BareTokenizer(folder)
    else:
        from kdray.students.load import load_tokenizer

        tokenizer = load_tokenizer(folder)
    encoding = recorded(json_file(folder / "kdray.json"), str(folder / "kdray.json"))
    return Opened(Graph(folder), task_of("assertion", tokenizer, use["kind"] != "decoder", encoding))


def _by_torch(folder: str, faster: str) -> Opened:
    from kdray.handover.torch_writer import TorchWriter
    from kdray.students.load import load_model, load_task

    model = load_model(folder)
    task = load_task(model, folder)
    if not task.writes:
        raise ConfigError(_writes_nothing(folder))
    say(f"note      torch is asked, which takes long to start; a graph takes a second: {faster}")
    return Opened(TorchWriter(model, task.pad_id), task)


def _writes_nothing(folder: str | Path) -> str:
    return f"{folder} classifies code and writes no assertions: see `kdray metamorphic`"
