"""Chains of variants through every function of a project that nobody has tuned to, and its own tests run on them.

A *project* gives its functions, writes their files anew and runs its tests. All functions are replaced at once;
where a test that passed before does not any more, the applications are halved until the one is found that did it,
its function is left as it was, and the tests run again. What is done is kept in a folder, project by project.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from kdray.metamorphic.transforms.base import Variant
from kdray.metamorphic.transforms.registry import transforms_of
from kdray.metamorphic.transforms.tree import parse

PASSES = 3
"""How often each transformation is tried on a function, on what the others have made of it."""


@dataclass(frozen=True)
class Function:
    """A function as it stands in a file.

    Attributes:
        path: of the file.
        start, end: characters of the file.
        text: what a transformation is given.
        name: its name, which its callers know.
    """

    path: Path
    start: int
    end: int
    text: str
    name: str


class Project(Protocol):
    """A project with tests."""

    name: str
    language: str

    def functions(self) -> list[Function]:
        """All that can be replaced."""

    def placed(self, function: Function, text: str) -> str:
        """A variant as it stands in the file."""

    def passed(self, only: Collection[str] = ()) -> set[str]:
        """The tests that pass now, none where nothing runs; of some at least these, where they are named."""


@dataclass
class Round:
    """What one round found: applications by transformation, refusals by reason, changes in words, and tests that
    pass now and then, which say nothing.
    """

    applied: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    changed: list[str] = field(default_factory=list)
    unsteady: list[str] = field(default_factory=list)
    functions: int = 0
    tests: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Step:
    """One application: of which function, by which transformation, to what."""

    function: int
    transform: str
    text: str


def play(project: Project, seed: int, log: Callable[[str], None]) -> Round:
    """One round: every function through a chain of its own."""
    began = time.monotonic()
    found = Round()
    functions = project.functions()
    expected = project.passed() & project.passed()  # what fails now and then says nothing
    if not expected:
        raise RuntimeError("none of its tests pass here")
    steps = _steps(project, functions, seed, found)
    found.functions, found.tests = len({step.function for step in steps}), len(expected)
    left_out: set[int] = set()
    log(f"{project.name}: {len(steps)} applications to {found.functions} functions, {len(expected)} tests")

    def fails(count: int, only: Collection[str] = ()) -> set[str]:
        _write(project, functions, [step for step in steps[:count] if step.function not in left_out])
        return (set(only) or expected) - project.passed(only)

    while seen := fails(len(steps)):
        failing = fails(len(steps), seen)
        failing -= fails(0, failing) if failing else set()
        found.unsteady += sorted(seen - failing)
        expected -= seen - failing
        if not failing:
            continue
        log(f"{project.name}: {len(failing)} tests see something, for example {sorted(failing)[0]}")
        low, high = 0, len(steps)  # the first `low` change nothing, the first `high` do
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if fails(middle, failing) else (middle, high)
        step = steps[high - 1]
        if step.function in left_out or len(left_out) > 40:
            found.changed.append("the tests do not come back to what they were")
            break
        before = next((s.text for s in reversed(steps[: high - 1]) if s.function == step.function), None)
        before = functions[step.function].text if before is None else before
        found.changed.append(f"{step.transform}: {sorted(failing)[:3]}\n{before}\n--\n{step.text}")
        log(f"{project.name}: {step.transform} in {functions[step.function].name}")
        left_out.add(step.function)
    _write(project, functions, [])
    found.seconds = time.monotonic() - began
    return found


def _steps(project: Project, functions: Sequence[Function], seed: int, found: Round) -> list[Step]:
    """All applications, function by function."""
    steps = []
    for number, function in enumerate(functions):
        rng = random.Random(f"{project.name} {seed} {number}")
        text = function.text
        for _ in range(PASSES):
            transforms = list(transforms_of(project.language))
            rng.shuffle(transforms)
            for transform in transforms:
                made = transform(text, "", rng.randrange(1 << 30))
                if not isinstance(made, Variant):
                    found.refused[f"{transform.name}: {made.reason}"] += 1
                    continue
                found.applied[transform.name] += 1
                text = _named(made, function.name)
                steps.append(Step(number, transform.name, text))
        parse.cache_clear()
    return steps


def _named(variant: Variant, name: str) -> str:
    """The source, with the name that callers know put back."""
    new = next((new for old, new in variant.renames if old == name), None)
    return variant.context if new is None else re.sub(rf"\b{new}\b", name, variant.context)


def _write(project: Project, functions: Sequence[Function], steps: Sequence[Step]) -> None:
    """All files with the last variant of each function that has one; files keep what they had else."""
    texts = {step.function: step.text for step in steps}
    by_path: dict[Path, list[int]] = {}
    for number, function in enumerate(functions):
        by_path.setdefault(function.path, []).append(number)
    for path, numbers in by_path.items():
        kept = path.with_name(path.name + ".kept")
        if not kept.exists():
            kept.write_bytes(path.read_bytes())
        pieces, at, whole = [], 0, kept.read_bytes().decode()
        for number in sorted(numbers, key=lambda n: functions[n].start):
            if number in texts:
                function = functions[number]
                pieces += [whole[at : function.start], project.placed(function, texts[number])]
                at = function.end
        path.write_bytes("".join([*pieces, whole[at:]]).encode())


def restored(root: Path) -> Path:
    """A project as it was before a round that was stopped."""
    for kept in root.rglob("*.kept"):
        kept.replace(kept.with_suffix(""))
    return root


def report(folder: Path) -> dict[str, Any]:
    """What all rounds in a folder found, printed: the rate, and what it is below with 95 % certainty."""
    rounds = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    result: dict[str, Any] = {}
    for language in ("python", "java", "c"):
        own = [one for one in rounds if one["language"] == language and not one.get("skipped")]
        for one in (one for one in rounds if one["language"] == language):
            _print_project(one)
        if not own:
            continue
        applied = Counter[str]()
        refused = Counter[str]()
        for one in own:
            applied.update(one["applied"])
            refused.update(one["refused"])
        total, changed = sum(applied.values()), sum(len(one["changed"]) for one in own)
        bound = upper_bound(changed, total)
        print(
            f"{language}: {total:,} applications, {changed} changed: rate {changed / total:.1e},"
            f" below {bound:.1e} (95 %)"
        )
        for transform in transforms_of(language):
            reasons = [
                (count, key.partition(": ")[2])
                for key, count in refused.items()
                if key.startswith(transform.name + ":")
            ]
            said = "; ".join(f"{count} {reason}" for count, reason in sorted(reasons, reverse=True)[:3])
            print(f"  {transform.name:20}{applied[transform.name]:8} applied   refused: {said}")
        result[language] = {
            "applications": total,
            "changed": changed,
            "rate": changed / total,
            "upper_95": bound,
        }
    return result


def upper_bound(changed: int, total: int) -> float:
    """The rule of three, and its like for more than none: the rate at which so few had a chance of 5 %."""
    from scipy.stats import beta

    return 3 / total if changed == 0 else float(beta.ppf(0.95, changed + 1, total - changed))


def _print_project(one: dict[str, Any]) -> None:
    if one.get("skipped"):
        print(f"{one['name']:24} skipped: {one['skipped']}")
        return
    figures = (
        f"{one['functions']:6} functions{one['tests']:6} tests{sum(one['applied'].values()):8} applications"
    )
    found = f"{len(one['changed']):4} changed{len(one.get('unsteady', ())):4} unsteady"
    print(f"{one['name']:24}{figures}{found}  (seed {one['seed']}, {one['seconds']:.0f} s)")
    for change in one["changed"]:
        print("    " + change.splitlines()[0])


def keep(project: str, language: str, seed: int, folder: Path, work: Callable[[], Round]) -> None:
    """Plays a round and keeps its outcome, unless there is one; what cannot be played has the reason kept."""
    path = folder / f"{language}-{project}-{seed}.json"
    if path.exists():
        return
    outcome: dict[str, Any] = {"name": project, "language": language, "seed": seed}
    try:
        outcome |= vars(work())
    except (OSError, RuntimeError) as error:
        outcome["skipped"] = (
            str(error).strip().splitlines()[-1][:200] if str(error).strip() else type(error).__name__
        )
    path.write_text(json.dumps(outcome, indent=1))
