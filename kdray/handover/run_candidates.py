"""Runs the candidates for a place in their test, as the file stands: what passes comes first."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from kdray.console import say
from kdray.errors import ConfigError
from kdray.execution.ask import How, ask_file
from kdray.execution.case import Case
from kdray.execution.java.ask_java import ask_java_file
from kdray.handover.assertion_places import MARK, Place
from kdray.handover.placeholder import WANTED, example
from kdray.handover.predict import Candidate

RANKS = {"passes": 0, "": 1, "raises": 1, "fails": 1, "unparsed": 2, "uncompiled": 2}


def run_candidates(
    found: Mapping[Place, Sequence[Candidate]],
    wanted: Mapping[Place, str],
    path: str,
    language: str,
    *,
    unsafe: bool = False,
    classpath: Sequence[str] = (),
) -> dict[Place, list[Candidate]]:
    """The same with verdicts, those that pass first. A place whose test does not run is said, and left as it is.

    Args:
        found: candidates by place.
        wanted: place -> the file with a placeholder there.
        path: its name.
        language: `python` or `java`.
        unsafe: see `run_each`.
        classpath: of Java.

    Raises:
        ConfigError: standard input, a system that does not let runs be confined; of Java what `ask_java` raises.
    """
    if classpath and language != "java":
        raise ConfigError(f"--classpath is of Java, and {path or 'input'} is {language}")
    if not path:
        raise ConfigError("--run needs a file: what stands beside it is imported")
    how = How(unsafe=unsafe, classpath=classpath)
    judged: dict[Place, list[Candidate]] = {}
    for place, candidates in found.items():
        texts = tuple(one.assertion for one in candidates if one.parses)
        asked = example(wanted[place], path, language)
        if language == "java":
            ran = ask_java_file(Path(path).resolve(), wanted[place], asked, texts, how)
        else:
            case = Case(asked.test, WANTED, asked.context, texts, is_written=False)
            sources = tuple(_filled(wanted[place], text) for text in ("pass", WANTED))
            (ran,) = ask_file(Path(path).resolve(), (sources[0], sources[1]), [case], how)
        if ran.reason:
            say(f"{path}:{place.line}: not run: its test {ran.reason}")
            judged[place] = list(candidates)
            continue
        verdicts = dict(zip(texts, ran.verdicts, strict=True))
        told = [replace(one, verdict=verdicts.get(one.assertion, "")) for one in candidates]
        judged[place] = sorted(told, key=lambda one: (not one.parses, RANKS[one.verdict], -one.confidence))
    return judged


def _filled(source: str, text: str) -> str:
    """With a statement in place of the placeholder, a line for a line."""
    lines = source.split("\n")
    number = next(number for number, line in enumerate(lines) if MARK in line)
    indent = lines[number][: len(lines[number]) - len(lines[number].lstrip())]
    lines[number] = textwrap.indent(text, indent)
    return "\n".join(lines)
