"""Compiles many Java methods or C functions named `f` into one program, and says what each prints."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.metamorphic.transforms import grammar_c, grammar_java

INPUTS = (0, 1, 2, 5)


def run(language: str, functions: Sequence[str], folder: Path) -> list[str | None]:
    """What every function prints for all inputs; None where it does not compile."""
    alive = dict(enumerate(functions))
    compile_all = _java if language == "java" else _c
    while alive:
        broken = compile_all(alive, folder)
        if not broken:
            break
        for number in broken:
            del alive[number]
    lines: list[str | None] = [None] * len(functions)
    if alive:
        command = (
            ["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", ".", "Main"]
            if language == "java"
            else ["./t"]
        )
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=3000, check=False)
        if done.returncode != 0:
            raise AssertionError(done.stderr[-2000:].decode(errors="replace"))
        # By line feeds alone: what a program prints may hold other ends of lines.
        for number, line in zip(alive, done.stdout.decode(errors="replace").split("\n")[:-1], strict=True):
            lines[number] = line
    return lines


def _owners(pieces: dict[int, str], head: str) -> list[int | None]:
    """Which function each line of a file belongs to, where the functions follow each other after a head."""
    owners: list[int | None] = [None] * head.count("\n")
    for number, piece in pieces.items():
        owners += [number] * piece.count("\n")
    return owners


def _java(functions: dict[int, str], folder: Path) -> set[int]:
    """Writes and compiles `Main.java`; the functions that do not compile."""
    head = "import java.util.*;\n"
    pieces = {}
    for number, source in functions.items():
        calls = "".join(f"out.append(T{number}.call({value})).append(' ');" for value in INPUTS)
        pieces[number] = (
            f"class T{number} {{\n{grammar_java.AROUND}{source}\n"
            'static String call(int k) { count = 0; try { return "" + f(k); }'
            " catch (RuntimeException | OutOfMemoryError e) { return e.getClass().getSimpleName() + count; } }\n"
            f"static void run(StringBuilder out) {{ {calls} }}\n}}\n"
        )
    runs = "".join(
        f"static void run{n}() {{ StringBuilder out = new StringBuilder(); T{n}.run(out);"
        ' System.out.println(out.toString().replace("\\n", " ")); }\n'
        for n in functions
    )
    every = " ".join(f"run{n}();" for n in functions)
    main = f"class Main {{\n{runs}public static void main(String[] a) {{ {every} }}\n}}\n"
    (folder / "Main.java").write_text(head + "".join(pieces.values()) + main)
    command = [
        "javac",
        "-nowarn",
        "-proc:none",
        "-XDshould-stop.ifError=FLOW",
        "-Xmaxerrs",
        "100000",
        "Main.java",
    ]
    return _broken(command, folder, r"^Main\.java:(\d+): error", _owners(pieces, head))


def _c(functions: dict[int, str], folder: Path) -> set[int]:
    """Writes and compiles `t.c`; the functions that do not compile."""
    head = f"#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n{grammar_c.AROUND}"
    pieces = {n: re.sub(r"\bf\(", f"f{n}(", source).rstrip("\n") + "\n" for n, source in functions.items()}
    calls = "".join(
        "".join(f'count = 0; printf("%ld ", f{n}({value}));' for value in INPUTS) + '    puts("");\n'
        for n in functions
    )
    (folder / "t.c").write_text(
        f"{head}{''.join(pieces.values())}int main(void) {{\n{calls}    return 0;\n}}\n"
    )
    command = ["gcc", "-std=gnu11", "-fwrapv", "-O1", "-w", "-fmax-errors=0", "-o", "t", "t.c"]
    return _broken(command, folder, r"^t\.c:(\d+):\d+: error", _owners(pieces, head))


def _broken(command: list[str], folder: Path, pattern: str, owners: list[int | None]) -> set[int]:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=3000, check=False)
    if done.returncode == 0:
        return set()
    lines = [int(found) for found in re.findall(pattern, done.stdout + done.stderr, re.MULTILINE)]
    broken = {owners[line - 1] for line in lines if line <= len(owners)} - {None}
    if not broken:
        raise AssertionError(done.stderr[-3000:])
    return {number for number in broken if number is not None}
