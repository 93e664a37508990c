"""Compiles and runs originals and variants of own Java and C functions, all of a language in one program."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

from kdray.metamorphic.transforms.base import Variant
from kdray.metamorphic.transforms.registry import transforms_of
from tests.metamorphic.transforms.programs_curly import JAVA, C
from tests.metamorphic.transforms.proof import Proof

PROGRAMS = {"java": JAVA, "c": C}
SEEDS = range(6)
INPUTS = range(5)
TOOLS = {"java": ("javac", "java"), "c": ("gcc",)}


def missing_tool(language: str) -> str | None:
    """The first tool that a language's proof wants and this machine has not."""
    return next((tool for tool in TOOLS[language] if shutil.which(tool) is None), None)


def all_variants(language: str, chains: int = 10) -> list[tuple[str, str, str]]:
    """(program, transformation, source), identity first; single variants and chains of all transformations."""
    found = [(name, "identity", text) for name, text in PROGRAMS[language].items()]
    for name, text in PROGRAMS[language].items():
        for transform in transforms_of(language):
            made = {_made(transform(text, "", seed)) for seed in SEEDS} - {None}
            found += [
                (name, transform.name, source) for source in sorted(made, key=str) if source is not None
            ]
        for seed in range(chains):
            code = text
            for transform in transforms_of(language):
                code = _made(transform(code, "", seed)) or code
            found.append((name, "chain", code))
    return found


def _made(result: object) -> str | None:
    """The source of a variant with the function's name put back."""
    if not isinstance(result, Variant):
        return None
    old = {new: old for old, new in result.renames}
    return re.sub(
        r"\w+", lambda word: "program" if old.get(word[0]) == "program" else word[0], result.context
    )


def prove(language: str, folder: Path) -> Proof:
    """Runs everything once on every input and compares with the original program's output."""
    variants = all_variants(language)
    functions = [re.sub(r"\bprogram\b", f"program{n}", source) for n, (_, _, source) in enumerate(variants)]
    lines = (_run_java if language == "java" else _run_c)(functions, folder)
    proof = Proof()
    expected = {name: lines[n] for n, (name, transform, _) in enumerate(variants) if transform == "identity"}
    for (name, transform, source), output in zip(variants, lines, strict=True):
        proof.executed[transform] += transform != "identity"
        if output != expected[name]:
            proof.changed.append(f"{name} {transform}: {output!r}, not {expected[name]!r}:\n{source}")
    proof.executed = Counter({name: count for name, count in proof.executed.items() if count})
    return proof


def _run_java(functions: list[str], folder: Path) -> list[str]:
    inputs = ", ".join(map(str, INPUTS))
    calls = "\n".join(
        f'for (int i : new int[] {{{inputs}}}) System.out.print(program{n}(i) + " "); System.out.println();'
        for n in range(len(functions))
    )
    # One method per call list would be too long for the virtual machine's 64 KB a method.
    parts = calls.split("\n")
    runs = [f"static void run{n}() {{ {part} }}" for n, part in enumerate(parts)]
    main = "public static void main(String[] a) { " + " ".join(f"run{n}();" for n in range(len(runs))) + " }"
    (folder / "Programs.java").write_text(
        "class Programs {\n" + "\n".join([*functions, *runs, main]) + "\n}\n"
    )
    _call(["javac", "-nowarn", "-proc:none", "Programs.java"], folder)
    return _call(["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", ".", "Programs"], folder)


def _run_c(functions: list[str], folder: Path) -> list[str]:
    inputs = ", ".join(map(str, INPUTS))
    calls = "\n".join(
        f'    for (int i = 0; i < {len(INPUTS)}; i++) printf("%d ", program{n}(inputs[i]));\n    puts("");'
        for n in range(len(functions))
    )
    head = "#include <stdio.h>\n#include <stdlib.h>\n#define CHECKED(x) ((x) + 1)\n"
    main = f"int main(void) {{\n    int inputs[] = {{{inputs}}};\n{calls}\n    return 0;\n}}\n"
    (folder / "programs.c").write_text(head + "\n".join(functions) + main)
    _call(["gcc", "-std=c11", "-w", "-O0", "-o", "programs", "programs.c"], folder)
    return _call([str(folder / "programs")], folder)


def _call(command: list[str], folder: Path) -> list[str]:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{command[0]} failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout.splitlines()
