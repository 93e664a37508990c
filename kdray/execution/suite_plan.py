"""Which cases of a suite can be run, kept beside it.

`execution.json` in the suite's folder holds, for each case that runs here: the test, which faults count, and what
came of the assertions that are known already (its own, none, the teacher's).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from kdray.config import Execution
from kdray.console import Advance
from kdray.corpus.example import Example
from kdray.corpus.left_out import LeftOut
from kdray.errors import DataError
from kdray.execution.ask import How
from kdray.execution.ask_any import ask_any, place_of
from kdray.execution.case import Case, Fault, Ran
from kdray.execution.judged import Answer
from kdray.execution.mutants import OPERATORS
from kdray.storage import exists, join, read_json, sha256, write_json

FILE = "execution.json"
VERDICTS = 2
"""How tests are run, as a number: where a text may have another verdict than before, another number has what was
known run again. 2: tests are taken down too, and an `AssertionError` of any class is a failure.
"""
WHY_NOT = "why_not"
"""In place of cases, where none can be run here."""


def is_planned(suite: str, config: Execution, how: How) -> bool:
    """Whether a suite's cases have been run with these settings, and what was run is still the same."""
    return is_kept(suite, config) and WHY_NOT not in read_plan(suite) and not changed_file(suite, how)


def keep_none(suite: str, config: Execution, why: str) -> None:
    """Keeps that no case of a suite can be run: trials measure nothing of it, the next launch tries again."""
    write_json(join(suite, FILE), {"settings": _settings(config), WHY_NOT: why, "cases": []})


def is_kept(suite: str, config: Execution) -> bool:
    """Whether it is known which cases of a suite run with these settings."""
    path = join(suite, FILE)
    plan = read_json(path) if exists(path) else None
    return isinstance(plan, dict) and plan.get("settings") == _settings(config)


def _sources(kept: Sequence[Mapping[str, Any]], how: How) -> dict[str, str]:
    """File of a test or of a fault in the code under test -> SHA-256, of those that are here."""
    found: dict[str, str] = {}
    for case in kept:
        place = place_of(Planned.read(case, mutants=0).example, how.roots)
        if place is None:
            continue
        package = case["group"].partition("/")[0]
        paths = [(case["group"], place.path)]
        paths += [
            (f"{package}/{fault[0]}", Path(root, fault[0]))
            for fault in case["counting"]
            for root in place.roots
        ]
        for name, path in paths:
            if name not in found and path.is_file():
                found[name] = sha256(path.read_bytes())
    return found


def changed_file(suite: str, how: How) -> str:
    """One that is another than when a suite's cases were run; "" for none. Raises `DataError`."""
    plan = read_plan(suite) if exists(join(suite, FILE)) else {"cases": []}
    then, now = plan.get("sources", {}), _sources(plan["cases"], how)
    return next((name for name in now if name in then and now[name] != then[name]), "")


def read_plan(suite: str) -> dict[str, Any]:
    """What is kept of a suite (see `plan_runs`). Raises `DataError` where it is damaged."""
    path = join(suite, FILE)
    plan: dict[str, Any] = read_json(path)
    try:
        for kept in with_variants(plan["cases"]):
            Planned.read(kept, mutants=0)
        dict.keys(plan.get("sources", {}))
    except (AttributeError, KeyError, TypeError, ValueError):
        raise DataError(f"{path}: damaged: remove it, and it is made anew") from None
    return plan


def plan_runs(
    suite: str,
    examples: Sequence[Example],
    written: Sequence[Sequence[str]],
    config: Execution,
    how: How,
    progress: Advance = lambda done, total: None,
    variations: Mapping[str, Sequence[Variation]] = MappingProxyType({}),
) -> dict[str, Any]:
    """Runs the tests of a suite's cases, chooses the faults that count, and keeps it.

    Args:
        suite: its folder.
        examples: its cases in its order.
        written: answers to them of the teacher, and of others whose runs will be asked for.
        config: see there.
        how: see there.
        progress: called with (done, total) cases.
        variations: of cases, where these are run too.

    Returns:
        What is kept.

    Raises:
        ConfigError: the system does not let runs be confined.
        DataError: not one case can be run.
    """
    kept: list[dict[str, Any]] = []
    left_out, broken = LeftOut(), LeftOut()
    tried = 0
    while len(kept) < config.cases and tried < len(examples):
        some = examples[tried : tried + max(5 * (config.cases - len(kept)) // 4, 10)]
        texts = [
            tuple(dict.fromkeys([example.target, "", *(each[tried + n] for each in written)]))
            for n, example in enumerate(some)
        ]
        cases = [
            Case(e.test, e.target, e.context, each, config.mutants)
            for e, each in zip(some, texts, strict=True)
        ]
        ran = ask_any(some, cases, how, partial(_behind, progress, tried, len(examples)))
        for example, case, each in zip(some, cases, ran, strict=True):
            if each.reason:
                left_out.add(each.reason, f"{example.group} {example.test}")
            elif len(kept) < config.cases:
                kept.append(_kept(example, case, each))
        tried += len(some)
    if not kept:
        raise DataError("; ".join([f"{suite}: none of its cases can be run here", *left_out.lines()]))
    if config.variants:
        _add_variants(kept, variations, config, how, broken)
    plan = {
        "made": secrets.token_hex(8),  # what was known of an older plan's runs may be of other code
        "settings": _settings(config),
        "tried": tried,
        "left_out": left_out.because(),
        "sources": _sources(with_variants(kept), how),
        "cases": kept,
    }
    if config.variants:
        plan["variants_left_out"] = broken.because()
    write_json(join(suite, FILE), plan)
    return plan


def _add_variants(
    kept: Sequence[dict[str, Any]],
    variations: Mapping[str, Sequence[Variation]],
    config: Execution,
    how: How,
    left_out: LeftOut,
) -> None:
    """Runs the variants of the cases that run, and adds those that pass as their cases do."""
    asked: list[tuple[dict[str, Any], Example, Case]] = []
    for case in kept:
        case["variants"] = []
        example = Planned.read(case, 0).example
        for one in variations.get(case["id"], ()):
            if example.language != "python":
                left_out.add(f"variants of {example.language} are not run", one.name)
                continue
            texts = tuple(dict.fromkeys([one.target, "", one.teacher]))
            of = replace(example, id=one.name, context=one.context, target=one.target)
            asked.append(
                (case, of, Case(of.test, of.target, of.context, texts, config.mutants, is_variant=True))
            )
    examples, cases = [of for _, of, _ in asked], [changed for _, _, changed in asked]
    ran = ask_any(examples, cases, how, lambda done, total: None)
    for (case, of, changed), each in zip(asked, ran, strict=True):
        if each.reason:
            left_out.add(each.reason, f"{of.group} {of.test} {of.id}")
        else:
            case["variants"].append(_kept(of, changed, each))


def with_variants(kept: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Cases as they are kept, and behind each its variants."""
    return [each for case in kept for each in (case, *case.get("variants", ()))]


def _behind(progress: Advance, before: int, total: int, done: int, _: int) -> None:
    progress(before + done, total)


def _settings(config: Execution) -> dict[str, Any]:
    asked: dict[str, Any] = {"cases": config.cases, "mutants": config.mutants, "seconds": config.seconds}
    if config.classpath:
        asked["classpath"] = config.classpath
    if config.variants:
        asked["variants"] = True
    return asked | {"operators": OPERATORS, "verdicts": VERDICTS}


def _kept(example: Example, case: Case, ran: Ran) -> dict[str, Any]:
    known = zip(case.texts, ran.verdicts, ran.killed, strict=True)
    return {
        "id": example.id, "group": example.group, "test": example.test, "target": example.target,
        "context": example.context, "language": example.language, "focal": example.focal, "after": example.after,
        "counting": [list(fault) for fault in ran.counting], "is_variant": case.is_variant,
        "known": {text: [verdict, killed] for text, verdict, killed in known},
    }  # fmt: skip


@dataclass(frozen=True)
class Variation:
    """A variant of a case.

    Attributes:
        name: its own.
        context, target: of its example.
        teacher: the teacher's answer.
    """

    name: str
    context: str
    target: str
    teacher: str


@dataclass(frozen=True)
class Planned:
    """A case that runs."""

    example: Example
    case: Case
    known: dict[str, Answer]

    @classmethod
    def read(cls, kept: Mapping[str, Any], mutants: int) -> Planned:
        """As it is kept; so many mutants may be asked for. Raises what a damaged one raises."""
        example = Example(
            id=kept["id"], group=kept["group"], language=kept.get("language", "python"), test=kept["test"],
            focal=kept.get("focal", ""), context=kept["context"], target=kept["target"], split="test",
            after=kept.get("after", ""),
        )  # fmt: skip
        counting = tuple(Fault(*each) for each in kept["counting"])
        case = Case(
            kept["test"], kept["target"], kept["context"], (), mutants, counting,
            is_variant=kept.get("is_variant", False),
        )  # fmt: skip
        known = {
            text: Answer(verdict, [bool(each) for each in killed])
            for text, (verdict, killed) in kept["known"].items()
        }
        if any(len(answer.killed) != len(counting) for answer in known.values()):
            raise ValueError("as many answers as faults")
        return cls(example, case, known)
