"""Java and C that a careless transformation breaks: compiled and run, original and variants."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from kdray.metamorphic.transforms.base import Variant
from kdray.metamorphic.transforms.registry import transforms_of
from tests.metamorphic.transforms.proof_curly import missing_tool
from tests.metamorphic.transforms.tricky_curly import CONSTRUCTOR, JAVA, C, Tricky

OPTIONS = ["-std=gnu11", "-O1"]
WARNED = ["-Wall", "-Wextra", "-Wconversion", "-Wsign-conversion", "-Wdeclaration-after-statement"]
"""What a compiler is told to complain about where the original gives no reason: then a variant may not either."""


def variants(language: str, code: str, seeds: int = 8) -> list[tuple[str, str]]:
    """(transformation, source) of the original, all variants and some chains of them, each source once."""
    found = {code: "identity"}
    for seed in range(seeds):
        chained = code
        for transform in transforms_of(language):
            single, more = transform(code, "", seed), transform(chained, "", seed)
            if isinstance(single, Variant):
                found.setdefault(_named(single), transform.name)
            if isinstance(more, Variant):
                chained = _named(more)
        found.setdefault(chained, "chain")
    return [(name, source) for source, name in found.items()]


def _named(variant: Variant) -> str:
    """The source, with the function's name put back."""
    new = next((new for old, new in variant.renames if old == "f"), "f")
    return re.sub(rf"\b{new}\b", "f", variant.context)


def _calling(name: str, code: str) -> str:
    return re.sub(r"\bf\(", f"{name}(", code)


def run(command: list[str], folder: Path) -> list[str]:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    return done.stdout.splitlines()


def _is_silent(flag: str, folder: Path) -> bool:
    command = ["gcc", *OPTIONS, flag, "-Werror", "-c", "o.c"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


def check(made: list[tuple[str, str]], lines: list[str]) -> None:
    assert len(lines) == len(made)
    for (transform, source), line in zip(made, lines, strict=True):
        assert line == lines[0], (transform, source)


@pytest.mark.skipif(missing_tool("c") is not None, reason="no gcc on this machine")
@pytest.mark.parametrize("case", C, ids=lambda case: case.kind)
def test_c_does_the_same(case: Tricky, tmp_path: Path) -> None:
    made = variants("c", case.code)
    functions, shown = [], []
    for number, (_, source) in enumerate(made):
        # Each in a function of its own, for what is around may keep a state.
        functions.append(_calling(f"f{number}", source))
        values = "; ".join(f'printf("%d ", {_calling(f"f{number}", text)})' for text in case.shown)
        shown.append(f"    if (which == {number}) {{ {values}; }}")
    head = f"#include <stdio.h>\n#include <stdlib.h>\n{case.around}\n"
    (tmp_path / "o.c").write_text(head + case.code)
    complaints = [flag for flag in WARNED if _is_silent(flag, tmp_path)]
    (tmp_path / "t.c").write_text(
        f"{head}{''.join(functions)}\n"
        f"int main(int argc, char **argv) {{\n    int which = argc > 1 ? atoi(argv[1]) : 0;\n"
        + "\n".join(shown)
        + "\n    return 0;\n}\n"
    )
    run(["gcc", *OPTIONS, *(["-Werror", *complaints] if complaints else ["-w"]), "-o", "t", "t.c"], tmp_path)
    check(made, [run(["./t", str(number)], tmp_path)[0] for number in range(len(made))])


@pytest.mark.skipif(missing_tool("java") is not None, reason="no Java compiler on this machine")
def test_java_does_the_same(tmp_path: Path) -> None:
    made = [(case, variants("java", case.code)) for case in JAVA]
    constructors = variants("java", CONSTRUCTOR.replace("\n", "\r\n"))
    assert len(constructors) > 10
    classes, calls = [], []
    for number, (case, sources) in enumerate(made):
        for index, (_, source) in enumerate(sources):
            name = f"T{number}_{index}"
            classes.append(f"class {name} {{\n{case.around}\n{source}}}\n")
            values = ' + " " + '.join(f"{name}.{text}" for text in case.shown)
            calls.append(f'System.out.println("" + {values});')
    for index, (_, source) in enumerate(constructors):
        assert "\n" not in source.replace("\r\n", "")
        body = re.sub(r"\bT\(", f"K{index}(", source)
        classes.append(f"class K{index} {{\nint size;\nK{index}() {{ }}\n{body}}}\n")
        calls.append(f"System.out.println(new K{index}(3).size + new K{index}(1).size);")
    runs = [f"static void run{n}() {{ {call} }}\n" for n, call in enumerate(calls)]
    main = "".join(f"run{n}(); " for n in range(len(runs)))
    (tmp_path / "Main.java").write_text(
        f"class Main {{\n{''.join(runs)}public static void main(String[] a) {{ {main}}}\n}}\n"
        + "".join(classes)
    )
    run(["javac", "-nowarn", "-proc:none", "Main.java"], tmp_path)
    lines = run(["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", ".", "Main"], tmp_path)
    for sources in (*(sources for _, sources in made), constructors):
        check(sources, lines[: len(sources)])
        del lines[: len(sources)]
    assert not lines
