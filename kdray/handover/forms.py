"""More forms of a student than a transformers folder: ONNX graphs, 8-bit ones, GGUF; each checked and measured."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kdray.console import say
from kdray.errors import ConfigError, KdrayError, nearest
from kdray.handover import gguf_file, onnx
from kdray.handover.bench import Bench
from kdray.handover.compared import CASES, Answer, choosing, compared, milliseconds, writing
from kdray.handover.graph import FOLDER, INT8, PLAIN, Graph
from kdray.tasks import Task

CHECKED_PROMPTS = 6


@dataclass(frozen=True)
class Forms:
    """Which are wanted.

    Attributes:
        onnx: a graph.
        int8: a quantised graph; takes the other along.
        gguf: how the weights of a GGUF file are kept, one of `gguf_file.TYPES`; None for no such file.
        fast: a graph of a student that writes, where one can be had: what `kdray predict` asks in a second.
    """

    onnx: bool = False
    int8: bool = False
    gguf: str | None = None
    fast: bool = False

    @property
    def asked(self) -> bool:
        """Whether one is asked for, and not only welcome."""
        return self.onnx or self.int8 or self.gguf is not None

    def check(self) -> None:
        """Raises `ConfigError` for a missing extra or a type that is none, before anything is read."""
        if self.onnx or self.int8:
            onnx.check_installed()
        if self.gguf is not None:
            if self.gguf not in gguf_file.TYPES:
                raise ConfigError(f"--gguf {self.gguf}{nearest(self.gguf, gguf_file.TYPES)}")
            gguf_file.check_installed()

    def check_student(self, model: Any, task: Task) -> None:
        """Raises `ConfigError` for a student that has no such form, as far as that can be told at once."""
        if self.gguf is not None and not task.writes:
            raise ConfigError("--gguf is for students that write; a classifier has --onnx and --int8")
        if self.gguf is not None:
            gguf_file.check_student(model.config, task.tokenizer, self.gguf)

    def written(self, model: Any, on: Bench, work: Path, stage: Any) -> dict[str, dict[str, Any]]:
        """Writes them into `work`; `Facts` of each by its field's name. Raises as the forms themselves do."""
        facts: dict[str, dict[str, Any]] = {}
        prompts, _, _ = on.suite.read(on.clean[:CHECKED_PROMPTS])
        if self.onnx or self.int8 or (self.fast and on.task.writes and not onnx.missing()):
            with stage("onnx"):
                try:
                    graph = onnx.write(model, on.task, prompts, work)
                    facts["onnx"] = graph | {"ms": milliseconds(_answer(work, PLAIN, on), on)}
                except KdrayError as error:
                    if self.onnx or self.int8:
                        raise
                    shutil.rmtree(work / FOLDER, ignore_errors=True)
                    say(f"note: no graph, so `kdray predict` will ask torch: {error}")
        if self.int8:
            with stage("int8") as advance:
                file = onnx.quantise(work)
                facts["int8"] = file | compared(_answer(work, INT8, on), model, on, advance)
        if self.gguf is not None:
            with stage("gguf") as advance:
                file = gguf_file.write(model, on.task, work, self.gguf)
                texts = [on.task.text(prompt) for prompt in on.suite.read(on.suite.first(CASES))[0]]
                with gguf_file.reader(work, file, on.task, texts) as (writer, said):
                    found = compared(writing(writer, on.task), model, on, advance)
                facts["gguf"] = file | found | said
        return facts


def _answer(work: Path, form: str, on: Bench) -> Answer:
    graph = Graph(work, form)
    return writing(graph, on.task) if on.task.writes else choosing(graph, on.task)
