"""The study's tables are what its commands print: sweeps/README.md, block by block, from the committed CSVs."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from tests import study
from tests.report.compare.made_up import GRID, table
from tests.study import RESULTS, ROOT, STUDY, Block, blocks, printed
from tests.test_cli import run


def check(monkeypatch, capsys, block: Block) -> None:
    """Runs the command: its table is the one below it, sign by sign, and its picture the one that is there."""
    asked = shlex.split(block.command)[1:]
    pictures = {Path(word): Path(word).read_bytes() for word in asked if word.endswith(".svg")}
    code, out, err = run(monkeypatch, capsys, *asked)
    assert code == 0, f"line {block.line}: {err}"
    assert pictures == {path: path.read_bytes() for path in pictures}, f"line {block.line}: {block.command}"
    said = printed(out)
    assert said, f"line {block.line}: prints no pipe table (--markdown)"
    assert block.table == said, f"line {block.line}: {block.command}"


STUDIED = blocks(STUDY.read_text(encoding="utf-8"))


@pytest.mark.parametrize("block", STUDIED, ids=lambda block: f"line {block.line}")
def test_a_table_of_the_study_is_what_its_command_prints(monkeypatch, capsys, block):
    monkeypatch.chdir(ROOT)
    check(monkeypatch, capsys, block)


def test_every_committed_table_of_results_is_shown_by_some_command():
    said = " ".join(block.command for block in STUDIED)
    tables, teachers = RESULTS.glob("*.csv"), (path.parent for path in RESULTS.glob("*/training.json"))
    committed = sorted(path.relative_to(ROOT).as_posix() for path in (*tables, *teachers))
    assert [path for path in committed if path not in said] == []
    assert STUDIED, "sweeps/README.md shows no table with its command"


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


def test_tables_are_written_where_they_are_missing_or_old(monkeypatch, capsys, tmp_path):
    table(tmp_path, GRID, {})
    text = EXAMPLE.replace("grid.csv --near 0.01", "grid.csv --near 0.01 --markdown").replace(
        "| 3 | 1 M |", "| 9 |"
    )
    (tmp_path / "study.md").write_text(text)
    monkeypatch.setattr(study, "ROOT", tmp_path)
    monkeypatch.setattr(study, "STUDY", tmp_path / "study.md")
    study.main()
    capsys.readouterr()
    monkeypatch.chdir(tmp_path)
    written = (tmp_path / "study.md").read_text()
    assert len(blocks(written)) == 2
    for block in blocks(written):
        check(monkeypatch, capsys, block)
    (tmp_path / "alpha.svg").write_text("<svg>of another study</svg>")
    drawn = replace(blocks(written)[0], command=f"{blocks(written)[0].command} --svg alpha.svg")
    with pytest.raises(AssertionError, match="line 9"):
        check(monkeypatch, capsys, drawn)
    check(monkeypatch, capsys, drawn)
    kept = [line for line in EXAMPLE.splitlines() if not line.startswith("|") and "--near" not in line]
    assert [line for line in kept if line not in written.splitlines()] == []
