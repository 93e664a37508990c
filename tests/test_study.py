"""The study's tables are what its commands print: sweeps/README.md, block by block, from the committed CSVs.

A block is a fence with `$ kdray compare ... --markdown` in it, and after the fence the pipe table that the
command prints when it is run from the top of the project.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.report.test_study import GRID, table
from tests.test_cli import run

ROOT = Path(__file__).parent.parent
STUDY, RESULTS = ROOT / "sweeps" / "README.md", ROOT / "sweeps" / "results"
PROMPT = "$ kdray compare "


@dataclass(frozen=True)
class Block:
    """A command and the table below it; `line` is the command's."""

    line: int
    command: str
    table: list[str]


def blocks(text: str) -> list[Block]:
    """Every command of a Markdown text with its table; a command that goes on in the next line ends in `\\`."""
    lines = text.splitlines()
    found, at, is_fenced = [], 0, False
    while at < len(lines):
        line = lines[at]
        if line.startswith("```"):
            is_fenced = not is_fenced
        elif is_fenced and line.startswith(PROMPT):
            start, command = at + 1, line.removeprefix("$ ")
            while command.endswith("\\"):
                at += 1
                command = command[:-1] + lines[at].strip()
            found.append(Block(start, command, _table(lines[at + 1 :])))
        at += 1
    return found


def _table(lines: list[str]) -> list[str]:
    """The pipe table that follows the end of the fence, with nothing but empty lines between."""
    rest = lines[lines.index("```") + 1 :]
    begin = next((at for at, line in enumerate(rest) if line.strip()), len(rest))
    end = next((at for at in range(begin, len(rest)) if not rest[at].startswith("|")), len(rest))
    return rest[begin:end]


def check(monkeypatch, capsys, block: Block) -> None:
    """Runs the command and compares its table with the one below it, sign by sign."""
    code, out, err = run(monkeypatch, capsys, *shlex.split(block.command)[1:])
    assert code == 0, f"line {block.line}: {err}"
    printed = [line for line in out.splitlines() if line.startswith("|")]
    assert printed, f"line {block.line}: prints no pipe table (--markdown)"
    assert block.table == printed, f"line {block.line}: {block.command}"


STUDIED = blocks(STUDY.read_text(encoding="utf-8")) if STUDY.exists() else []


@pytest.mark.parametrize("block", STUDIED, ids=lambda block: f"line {block.line}")
def test_a_table_of_the_study_is_what_its_command_prints(monkeypatch, capsys, block):
    monkeypatch.chdir(ROOT)
    check(monkeypatch, capsys, block)


def test_every_committed_table_of_results_is_shown_by_some_command():
    said = " ".join(block.command for block in STUDIED)
    tables, teachers = RESULTS.glob("*.csv"), (path.parent for path in RESULTS.glob("*/training.json"))
    committed = sorted(path.relative_to(ROOT).as_posix() for path in (*tables, *teachers))
    assert [path for path in committed if path not in said] == []
    assert bool(STUDIED) or not STUDY.exists(), "sweeps/README.md shows no table with its command"


EXAMPLE = """# A study

```
$ kdray validate sweeps/java.yaml
```
| not | ours |

```
$ kdray compare grid.csv --by distil.alpha \\
    --show student_params --markdown
```

| alpha | trials | student params ↓ |
| --- | ---: | ---: |
| 0 | 1 | 1 M |
| 0.5 | 3 | 1 M |
and so on.

$ kdray compare outside --of --a fence

```
$ kdray compare grid.csv --near 0.01
```
"""


def test_blocks_are_found_with_their_tables():
    first, second = blocks(EXAMPLE)
    assert (first.line, first.command) == (
        9, "kdray compare grid.csv --by distil.alpha --show student_params --markdown",
    )  # fmt: skip
    assert first.table[-1] == "| 0.5 | 3 | 1 M |"
    assert len(first.table) == 4
    assert (second.command, second.table) == ("kdray compare grid.csv --near 0.01", [])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("| 0.5 | 3 | 1 M |", "| 0.5 | 3 | 2 M |"),
        ("| 0 | 1 | 1 M |\n", ""),
        ("| 0.5 | 3 | 1 M |", "| 0.5 | 3 | 1 M |\n| 0.9 | 1 | 1 M |"),
        (" --markdown", ""),
        ("grid.csv --by", "other.csv --by"),
        ("| alpha |", "So:\n| alpha |"),
    ],
)
def test_a_wrong_table_is_caught(monkeypatch, capsys, tmp_path, old, new):
    table(tmp_path, GRID, {})
    monkeypatch.chdir(tmp_path)
    check(monkeypatch, capsys, blocks(EXAMPLE)[0])
    assert old in EXAMPLE
    with pytest.raises(AssertionError, match=r"line \d+"):
        check(monkeypatch, capsys, blocks(EXAMPLE.replace(old, new, 1))[0])
