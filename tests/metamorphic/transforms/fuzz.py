"""Random programs against all transformations, executed.

`python -m tests.metamorphic.transforms.fuzz --minutes 60`. A fault is an application after which a program prints,
returns or raises something else, or is no program any more. Python runs as it comes; of Java and C many programs
with all their variants are compiled at once.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from kdray.metamorphic.transforms.base import Variant
from kdray.metamorphic.transforms.registry import REWRITERS, transforms_of
from tests.metamorphic.transforms import batch_curly
from tests.metamorphic.transforms.grammar_c import C
from tests.metamorphic.transforms.grammar_java import Java
from tests.metamorphic.transforms.grammar_python import AROUND, Python
from tests.metamorphic.transforms.proof_curly import missing_tool

Fault = tuple[str, str, str]
"""Transformation, original, variant."""


def variants(language: str, code: str, seeds: Sequence[int], name: str = "f") -> dict[str, str]:
    """Every variant and some chains, by their source, with the transformation that made it."""
    found: dict[str, str] = {}
    for seed in seeds:
        chained = code
        for transform in transforms_of(language):
            for begin, label in ((code, transform.name), (chained, "chain")):
                made = transform(begin, "", seed)
                if isinstance(made, Variant):
                    source = _named(made, name)
                    chained = source if label == "chain" else chained
                    if label != "chain":
                        found.setdefault(source, label)
        if chained != code:
            found.setdefault(chained, "chain")
    return found


def _named(variant: Variant, name: str) -> str:
    """The source, with the function's name put back."""
    new = next((new for old, new in variant.renames if old == name), None)
    return variant.context if new is None else re.sub(rf"\b{new}\b", name, variant.context)


def outcome(code: str) -> str | None:
    """What a Python program notes, returns, or raises and says; None where it is none."""
    space: dict[str, object] = {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compiled = compile(code, "<program>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return None
    exec(compile(AROUND, "<around>", "exec"), space)  # noqa: S102
    exec(compiled, space)  # noqa: S102
    try:
        result = space["f"]()  # type: ignore[operator]
        told = repr(list(result) if hasattr(result, "send") else result)
        del result
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
    return re.sub("0x[0-9a-f]+", "", f"{told} {space['log']}")


def python_faults(code: str, seeds: Sequence[int], executed: Counter[str]) -> list[Fault]:
    """Variants of one Python program that do something else."""
    expected = outcome(code)
    if expected is None:
        return []
    faults = []
    for source, name in variants("python", code, seeds).items():
        executed[f"python {name}"] += 1
        if outcome(source) != expected:
            faults.append((f"python {name}", code, source))
    return faults


def curly_faults(
    language: str, programs: Sequence[str], seeds: Sequence[int], executed: Counter[str]
) -> list[Fault]:
    """Variants of Java or C programs that print something else or do not compile, all in one compilation."""
    with tempfile.TemporaryDirectory() as folder:
        lines = batch_curly.run(language, list(programs), Path(folder))
    made = [
        (program, name, source, line)
        for program, line in zip(programs, lines, strict=True)
        if line is not None
        for source, name in variants(language, program, seeds).items()
    ]
    with tempfile.TemporaryDirectory() as folder:
        found = batch_curly.run(language, [source for _, _, source, _ in made], Path(folder))
    executed.update(f"{language} {name}" for _, name, _, _ in made)
    return [
        (f"{language} {name}", program, source)
        for (program, name, source, line), other in zip(made, found, strict=True)
        if other != line
    ]


GRAMMARS = {"java": Java, "c": C}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--language", choices=sorted(REWRITERS), action="append")
    options = parser.parse_args()
    languages = options.language or sorted(REWRITERS)
    executed: Counter[str] = Counter()
    end, number, faults = time.monotonic() + 60 * options.minutes, options.seed * 10**6, 0
    while time.monotonic() < end:
        for language in languages:
            if language != "python" and missing_tool(language) is not None:
                continue
            number += 1
            rng = random.Random(number)
            found: list[Fault] = []
            if language == "python":
                for _ in range(150):
                    found += python_faults(Python(rng).program(), range(2), executed)
            else:
                programs = [GRAMMARS[language](rng).program() for _ in range(40)]
                found = curly_faults(language, programs, range(2), executed)
            faults += len(found)
            for name, program, variant in found[:3]:
                print(f"== {name} (seed {number})\n{program}\n--\n{variant}", flush=True)
        print(f"{sum(executed.values())} executed, {faults} faults", flush=True)
    for name, count in sorted(executed.items()):
        print(f"{name:32}{count:8}")
    sys.exit(faults > 0)


if __name__ == "__main__":
    main()
