"""What the student is for: a test with a placeholder in, ranked assertions out.

Candidates come from a beam search; each is then read once more by the model and ranked by its confidence, the
geometric mean of its tokens' probabilities. That is the confidence that evaluation calibrates, so the
calibration error in the model card speaks of the first candidate's.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kdray.corpus import java_tree
from kdray.corpus.decode import java_text, python_text
from kdray.corpus.example import Example
from kdray.corpus.python_tree import parse_source
from kdray.corpus.source_files import read_source
from kdray.errors import ConfigError, DataError
from kdray.evaluation.generate import greedy
from kdray.handover import assertion_places
from kdray.handover.placeholder import example, language_of
from kdray.storage import write_atomic
from kdray.students.load import load_model, load_task
from kdray.tasks import Task

Ids = NDArray[np.int32]


@dataclass(frozen=True)
class Candidate:
    """One assertion.

    Attributes:
        assertion: its text.
        confidence: geometric mean of its tokens' probabilities, in [0, 1].
        probability: of the whole, their product.
        parses: whether it is a statement of its language.
    """

    assertion: str
    confidence: float
    probability: float
    parses: bool = True


def predict(model: Any, task: Task, test: Example, count: int = 5) -> list[Candidate]:
    """The most confident assertions for a test, at most `count`, best first, no text twice; what does not
    parse comes last.

    Raises:
        ConfigError: a count below 1.
    """
    if count < 1:
        raise ConfigError(f"--count {count} must be at least 1")
    prompt = task.prompt(test)
    outputs = _beams(model, task, prompt, count)
    by_text: dict[str, Candidate] = {}
    for ids, logprob in zip(outputs, _logprobs(model, task, prompt, outputs), strict=True):
        text = task.decode(ids)
        confidence, probability = float(np.exp(logprob.mean())), float(np.exp(logprob.sum()))
        new = Candidate(text, confidence, probability, is_statement(text, test.language))
        if text and (text not in by_text or new.confidence > by_text[text].confidence):
            by_text[text] = new
    return sorted(by_text.values(), key=lambda candidate: (not candidate.parses, -candidate.confidence))


def is_statement(text: str, language: str) -> bool:
    """Whether a text alone is one or several statements of a language."""
    if language == "java":
        return not java_tree.parse(f"class X {{ void m() {{ {text} }} }}".encode()).has_error
    tree = parse_source(textwrap.dedent(text))
    return tree is not None and bool(tree.body)


@torch.inference_mode()
def _beams(model: Any, task: Task, prompt: Ids, count: int) -> list[Ids]:
    """Distinct outputs, end token included."""
    ids = torch.from_numpy(prompt.astype(np.int64))[None]
    outputs = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=task.max_target,
        min_new_tokens=1,  # to say nothing is no assertion
        num_beams=count,
        num_return_sequences=count,
        do_sample=False,
        eos_token_id=sorted(task.end_ids),
        pad_token_id=task.pad_id,
    )
    skip = 1 if task.encoder_decoder else len(prompt)
    ids_of_beams = []
    for row in outputs[:, skip:].numpy().astype(np.int32):
        ended = np.flatnonzero(np.isin(row, list(task.end_ids)))
        # Beams that reached the limit have no end token, and those that ended earlier are padded.
        ids_of_beams.append(row[: ended[0] + 1] if ended.size else row)
    return ids_of_beams


def _logprobs(model: Any, task: Task, prompt: Ids, outputs: Sequence[Ids]) -> list[NDArray[np.float64]]:
    """Log-probability of each token of each output."""
    logprobs: list[NDArray[np.float64]] = [np.zeros(0)] * len(outputs)

    def keep(numbers: list[int], logits_NV: torch.Tensor) -> None:
        logprobs_NV = logits_NV.float().log_softmax(1)
        parts = torch.split(logprobs_NV, [len(outputs[n]) for n in numbers])
        for n, part in zip(numbers, parts, strict=True):
            chosen = part.gather(1, torch.from_numpy(outputs[n].astype(np.int64))[:, None])
            logprobs[n] = chosen[:, 0].double().numpy().copy()

    greedy(
        model,
        [prompt] * len(outputs),
        end_id=task.end_ids,
        pad_id=task.pad_id,
        max_new_tokens=1,
        batch_size=len(outputs),
        drafts=list(outputs),
        on_draft=keep,
    )
    return logprobs


@dataclass(frozen=True)
class Asked:
    """Which places of a file are asked about (see `assertion_places.wanted`), and what is made of the answers.

    Attributes:
        line, test: the place, where it is not a placeholder.
        language: None tells by the file's ending.
        count: candidates of a place.
        apply: whether the best that parses is written into the file.
        as_json: whether they are shown as JSON.
    """

    line: int | None = None
    test: str | None = None
    language: str | None = None
    count: int = 5
    apply: bool = False
    as_json: bool = False


def predict_source(folder: str, source: str, path: str, how: Asked) -> str:
    """The candidates for each place of a source, as text. Raises `KdrayError`."""
    language = language_of(path, how.language)
    wanted = assertion_places.wanted(source, path, language, how.line, how.test)
    if how.apply and not path:
        raise ConfigError("--apply needs a file: standard input has none to write into")
    model = load_model(folder)
    task = load_task(model, folder)
    if not task.writes:
        raise ConfigError(f"{folder} classifies code and writes no assertions: see `kdray metamorphic`")
    found = {
        place: predict(model, task, example(whole, _shown(path), language), how.count)
        for place, whole in wanted.items()
    }
    said = _applied(path, found) if how.apply else []
    if how.as_json:
        return json.dumps(
            [{"line": place.line, **asdict(one)} for place in found for one in found[place]], indent=1
        )
    for place, candidates in found.items():
        said += [f"{path or 'input'}:{place.line}"] if len(found) > 1 else []
        said += [
            f"{one.confidence:.3f}  {one.assertion}"
            if one.parses
            else f"    -  {one.assertion}  (does not parse)"
            for one in candidates
        ]
    return "\n".join(said)


def _applied(path: str, found: Mapping[assertion_places.Place, Sequence[Candidate]]) -> list[str]:
    """Writes the best that parses into each place, the last first. Returns what is said of them."""
    data = read_source(Path(path))
    try:
        source = data.decode()
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not UTF-8: --apply writes that alone") from None
    said: list[str] = []
    for place, candidates in sorted(found.items(), key=lambda item: -item[0].line):
        best = next((one for one in candidates if one.parses), None)
        if best is not None:
            source = place.filled(source, best.assertion)
        said.insert(
            0, f"{path}:{place.line}: {best.assertion if best else 'no candidate parses: left as it is'}"
        )
    written = Path(path).resolve()
    mode = written.stat().st_mode
    write_atomic(written, source.encode())
    written.chmod(mode)
    return said


def _shown(path: str) -> str:
    """The file's name as the model shall see it: from here, as mining names it from its project's folder."""
    inside = path and Path(path).resolve().is_relative_to(Path.cwd())
    return Path(path).resolve().relative_to(Path.cwd()).as_posix() if inside else Path(path).name


def source_text(path: str, language: str | None = None) -> str:
    """A file's text as its language reads bytes, or standard input for `-`. Raises `ConfigError`."""
    import sys

    if path == "-":
        return sys.stdin.read()
    decoded = java_text if language_of(path, language) == "java" else python_text
    try:
        return decoded(read_source(Path(path)))
    except DataError as error:
        raise ConfigError(f"{path}: {error}") from None
