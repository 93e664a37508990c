"""A file in, assertions for its places out: what `kdray predict` shows, writes into the file, and serves."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kdray.corpus.decode import java_text, python_text
from kdray.corpus.source_files import read_source
from kdray.errors import ConfigError, DataError
from kdray.handover import assertion_places
from kdray.handover.assertion_places import Place
from kdray.handover.opened import Opened, opened
from kdray.handover.placeholder import example, language_of
from kdray.handover.predict import Candidate, predict
from kdray.storage import write_atomic

Found = dict[Place, list[Candidate]]


@dataclass(frozen=True)
class Asked:
    """Which places of a file are asked about (see `assertion_places.wanted`), and what is made of the answers.

    Attributes:
        line, test: the place, where it is not a placeholder.
        language: None tells by the file's ending.
        count: candidates of a place.
        apply: whether the best that parses is written into the file.
        as_json: whether they are shown as JSON.
        run: whether each candidate is run in its test, and those that pass come first.
        unsafe: whether they are run where the system does not let them be confined.
        classpath: of Java, what tests are compiled and run with.
    """

    line: int | None = None
    test: str | None = None
    language: str | None = None
    count: int = 5
    apply: bool = False
    as_json: bool = False
    run: bool = False
    unsafe: bool = False
    classpath: Sequence[str] = ()


def predict_source(folder: str, source: str, path: str, how: Asked) -> str:
    """The candidates for each place of a source, as text. Raises `KdrayError`."""
    language, wanted = _wanted(source, path, how)
    if how.apply and not path:
        raise ConfigError("--apply needs a file: standard input has none to write into")
    found = _answers(opened(folder), wanted, path, language, how.count)
    if how.run:
        from kdray.handover.run_candidates import run_candidates

        found = run_candidates(found, wanted, path, language, unsafe=how.unsafe, classpath=how.classpath)
    said = _applied(path, source, how.language, found) if how.apply else []
    if how.as_json:
        return json.dumps(listed(found), indent=1)
    for place, candidates in found.items():
        said += [f"{path or 'input'}:{place.line}"] if len(found) > 1 else []
        said += [
            f"{one.confidence:.3f}  {f'{one.verdict:<6}  ' if one.verdict else ''}{one.assertion}"
            if one.parses
            else f"    -  {one.assertion}  (does not parse)"
            for one in candidates
        ]
    return "\n".join(said)


def answered(student: Opened, source: str, path: str, how: Asked) -> Found:
    """The candidates for each place of a source. Raises `KdrayError`."""
    language, wanted = _wanted(source, path, how)
    return _answers(student, wanted, path, language, how.count)


def _wanted(source: str, path: str, how: Asked) -> tuple[str, dict[Place, str]]:
    language = language_of(path, how.language)
    return language, assertion_places.wanted(source, path, language, how.line, how.test)


def _answers(student: Opened, wanted: Mapping[Place, str], path: str, language: str, count: int) -> Found:
    return {
        place: predict(student.writer, student.task, example(whole, _shown(path), language), count)
        for place, whole in wanted.items()
    }


def listed(found: Found) -> list[dict[str, Any]]:
    """JSON-able: one after another, each with the line that it goes on and what stands before it there."""
    return [
        {"line": place.line, "indent": place.indent, **one.as_dict()}
        for place, candidates in found.items()
        for one in candidates
    ]


def _applied(
    path: str, asked: str, language: str | None, found: Mapping[Place, Sequence[Candidate]]
) -> list[str]:
    """Writes the best that parses, and passes if it was run, into each place, the last first; says so.

    Raises `ConfigError` where the file is no longer what was asked about: its lines may be others.
    """
    if source_text(path, language) != asked:
        raise ConfigError(f"{path}: has changed since it was read: nothing is written, ask again")
    try:
        source = read_source(Path(path)).decode()
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not UTF-8: --apply writes that alone") from None
    said: list[str] = []
    for place, candidates in sorted(found.items(), key=lambda item: -item[0].line):
        best = next((one for one in candidates if one.parses and one.verdict in ("", "passes")), None)
        if best is not None:
            source = place.filled(source, best.assertion)
            said.insert(0, f"{path}:{place.line}: {best.assertion}")
        else:
            does = "passes" if any(one.verdict for one in candidates) else "parses"
            said.insert(0, f"{path}:{place.line}: no candidate {does}: left as it is")
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
    """A file's text as its language reads bytes, or standard input's for `-`. Raises `ConfigError`."""
    decoded = java_text if language_of(path, language) == "java" else python_text
    try:
        return decoded(sys.stdin.buffer.read() if path == "-" else read_source(Path(path)))
    except DataError as error:
        raise ConfigError(f"{'standard input' if path == '-' else path}: {error}") from None
