"""The front page: short, every word defined before it is used, every link leads somewhere, its commands run."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "README.md").read_text(encoding="utf-8")
TEACHER = str(ROOT / "kdray" / "demo" / "teacher")
A_TEST = """
def test_sum_{n}_{m}():
    row_{n} = [{n}, {m}, 3]
    total_{m} = sum(row_{n})
    assert total_{m} == {n} + {m} + 3
    assert row_{n}[0] == {n}
"""


def pages() -> list[Path]:
    """Every README of the project."""
    listed = subprocess.run(
        ["git", "ls-files", "*.md"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    return [ROOT / name for name in listed.split()]


def fences(text: str) -> list[str]:
    """The bodies of a text's fences."""
    return re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def cells(text: str) -> tuple[list[str], list[str]]:
    """What stands in the table of commands: lines for the shell, lines of Python."""
    rows = [line.split(" | ") for line in text.splitlines() if " | `kdray " in line]
    shell, python = (re.findall(r"`(.*?)`", " ".join(row[side] for row in rows)) for side in (1, 2))
    return shell, python


def anchors(text: str) -> set[str]:
    """What `#...` may name in a text."""
    heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_the_front_page_is_one_page():
    assert len(PAGE.splitlines()) <= 150
    assert len(PAGE.split()) <= 1500


def test_every_word_is_defined_before_it_is_used():
    defined = {
        word: line.start()
        for line in re.finditer(r"^- (\*\*.*?): ", PAGE, re.MULTILINE)
        for word in re.findall(r"\*\*(\w+)\*\*", line[1])
    }
    wanted = {"trial", "rung", "shard", "signal", "suite", "relation", "discrepancy", "front", "knee"}
    assert wanted <= set(defined)
    for word, at in defined.items():
        used = re.search(rf"\b{word}s?\b", PAGE[:at])
        assert used is None, f"{word}: ...{PAGE[used.start() - 40 : used.end()]}"


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path) if path else page
        assert there.exists(), target
        if anchor:
            assert anchor in anchors(there.read_text(encoding="utf-8")), target


@pytest.mark.newcomer
@pytest.mark.timeout(600)
def test_the_commands_of_the_front_page_run_one_after_the_other(tmp_path):
    sweep = next(body for body in fences(PAGE) if body.startswith("name: mine"))
    shell, python = cells(PAGE)
    assert len(shell) >= 6 and len(python) >= 6
    data = yaml.safe_load(sweep)
    data["trial"] |= {"teacher": TEACHER, "budget": {"steps": 4, "rungs": [2, 4]}}
    data["trial"] |= {"evaluation": {"cases": 8, "rung_cases": 4}}
    data["trial"]["optim"]["warmup_steps"] = 1
    data["capture"] = {"rows": 64, "codec": "head", "cases": 8}
    data["search"]["trials"] = 2
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(data))
    project = tmp_path / "path" / "to" / "project"
    project.mkdir(parents=True)
    for n in range(120):
        tests = "".join(A_TEST.format(n=n, m=m) for m in range(2))
        (project / f"test_sum_{n}.py").write_text(tests)
    for line in shell:
        ends_well(tmp_path, "-m", "kdray", *shlex.split(line)[1:])
    assert (tmp_path / "front.html").exists()
    assert (tmp_path / "shipped" / "model.safetensors").exists()
    shutil.rmtree(tmp_path / "runs" / "mine")  # the same in Python begins anew, with the signal that is there
    ends_well(tmp_path, "-c", "\n".join(["import kdray", *python, "print(model.config, tokenizer)"]))


def ends_well(folder: Path, *arguments: str) -> None:
    """Runs Python with them."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
