"""The tables of `sweeps/README.md` and the commands that print them.

`python tests/study.py` runs every command and puts the table that it prints below it (one with `--svg` draws its
picture too); `tests/test_study.py` holds the committed text to them.

A block is a fence with `$ kdray compare ... --markdown` in it, and after the fence the pipe table that the
command prints when it is run from the top of the project.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STUDY, RESULTS = ROOT / "sweeps" / "README.md", ROOT / "sweeps" / "results"
PROMPT = "$ kdray compare "


@dataclass(frozen=True)
class Block:
    """A command and the table below it.

    Attributes:
        line: the command's, counted from 1.
        command: in one line.
        table: its lines; may be empty.
        begin, end: of the table, as indices of lines.
    """

    line: int
    command: str
    table: list[str]
    begin: int
    end: int


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
            begin, end = _table(lines, at + 1)
            found.append(Block(start, command, lines[begin:end], begin, end))
        at += 1
    return found


def _table(lines: list[str], after: int) -> tuple[int, int]:
    """Where the pipe table lies that follows the end of the fence, with nothing but empty lines between."""
    fence = lines.index("```", after)
    begin = next((at for at in range(fence + 1, len(lines)) if lines[at].strip()), len(lines))
    if begin == len(lines) or not lines[begin].startswith("|"):
        return fence + 1, fence + 1
    return begin, next((at for at in range(begin, len(lines)) if not lines[at].startswith("|")), len(lines))


def printed(output: str) -> list[str]:
    """The pipe table among the lines of a command's output."""
    return [line for line in output.splitlines() if line.startswith("|")]


def main() -> None:
    lines = STUDY.read_text(encoding="utf-8").splitlines()
    for block in reversed(blocks("\n".join(lines))):
        asked = [sys.executable, "-m", "kdray", *shlex.split(block.command)[1:]]
        done = subprocess.run(asked, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
        table = printed(done.stdout)
        print(f"line {block.line}: {'the same' if table == block.table else 'written'}", flush=True)
        lines[block.begin : block.end] = table if block.table else ["", *table]
    STUDY.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
