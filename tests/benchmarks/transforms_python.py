"""Python projects from the package index, at pinned versions, for `transforms.py --suites`.

Nothing of theirs is kept in this project.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tarfile
import textwrap
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests.benchmarks.transforms_suites import Function, restored

PROJECTS = {
    "toolz": ("0.12.1", "toolz", "toolz/tests"),
    "funcy": ("2.0", "funcy", "tests"),
    "sqlparse": ("0.5.1", "sqlparse", "tests"),
    "mistune": ("3.0.2", "src/mistune", "tests"),
    "boltons": ("24.0.0", "boltons", "tests"),
    "tabulate": ("0.9.0", "tabulate", "test"),
    "cachetools": ("5.3.3", "src/cachetools", "tests"),
    "click": ("8.1.7", "src/click", "tests"),
    "Markdown": ("3.6", "markdown", "tests"),
    "jinja2": ("3.1.4", "src/jinja2", "tests"),
    "parso": ("0.8.4", "parso", "test"),
    "pyparsing": ("3.1.2", "pyparsing", "tests"),
    "python-dateutil": ("2.9.0.post0", "src/dateutil", "tests"),
}
"""Name: version, package in the archive, tests in the archive."""


def fetched(name: str, folder: Path) -> Path:
    """The unpacked source archive of a project."""
    place = folder / "sources" / name
    if not place.exists():
        version = PROJECTS[name][0]
        place.mkdir(parents=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:",
                   f"{name}=={version}", "--dest", str(place)]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
        if done.returncode != 0:
            place.rmdir()
            raise RuntimeError(f"not to be had: {done.stderr.strip()}")
        archive = next(place.glob("*.tar.gz"))
        with tarfile.open(archive) as opened:
            opened.extractall(place, filter="data")
        archive.unlink()
    return restored(next(path for path in place.iterdir() if path.is_dir()))


@dataclass
class PythonProject:
    """A project whose tests pytest runs, against the packages of this environment."""

    name: str
    root: Path
    language: str = "python"

    def functions(self) -> list[Function]:
        """Functions and methods that are the same when they are taken out of their class and put back."""
        _, package, tests = PROJECTS[self.name]
        found = []
        for path in sorted((self.root / package).rglob("*.py")):
            if path.is_relative_to(self.root / tests):
                continue
            text = path.read_bytes().decode()
            if "\r" not in text:
                found += self._of_file(path, text)
        return found

    def _of_file(self, path: Path, text: str) -> list[Function]:
        lines = text.splitlines(keepends=True)
        starts = [0]
        for line in lines:
            starts.append(starts[-1] + len(line))
        found = []
        for node in _outermost(ast.parse(text)):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            start, end = starts[first - 1], starts[node.end_lineno or node.lineno]
            function = Function(path, start, end, textwrap.dedent(text[start:end]), node.name)
            if self._is_whole(text, function):
                found.append(function)
        return found

    def _is_whole(self, text: str, function: Function) -> bool:
        if not function.text.startswith(("def ", "async ", "@")):
            return False
        again = text[: function.start] + self.placed(function, function.text) + text[function.end :]
        try:
            return ast.dump(ast.parse(again)) == ast.dump(ast.parse(text))
        except SyntaxError:
            return False

    def placed(self, function: Function, text: str) -> str:
        """Indented as the function was."""
        kept = function.path.with_name(function.path.name + ".kept")
        original = (
            (kept if kept.exists() else function.path).read_bytes().decode()[function.start : function.end]
        )
        indent = original[: len(original) - len(original.lstrip())]
        end = "" if text.endswith("\n") or not original.endswith("\n") else "\n"
        return (
            "".join(indent + line if line.strip() else line for line in text.splitlines(keepends=True)) + end
        )

    def passed(self, only: Collection[str] = ()) -> set[str]:
        """By pytest's own account; nothing where it does not end in time. Of some, all of their files."""
        _, package, tests = PROJECTS[self.name]
        files = sorted({self._file(name) for name in only}) or [tests]
        outcome = self.root / "outcome.xml"
        outcome.unlink(missing_ok=True)
        path = os.pathsep.join([str((self.root / package).parent), str(self.root)])
        environment = os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}
        command = [sys.executable, "-W", "ignore", "-m", "pytest", "-q", "-p", "no:cacheprovider",
                   "-o", "addopts=", "-o", "filterwarnings=ignore", "--continue-on-collection-errors",
                   f"--junitxml={outcome}", *(files if all(files) else [tests])]  # fmt: skip
        try:
            subprocess.run(
                command, cwd=self.root, env=environment, capture_output=True, timeout=1800, check=False
            )
        except subprocess.TimeoutExpired:
            return set()
        if not outcome.exists():
            return set()
        cases = ElementTree.parse(outcome).iter("testcase")  # noqa: S314 - of the run just above
        return {
            f"{case.get('classname')}.{case.get('name')}"
            for case in cases
            if not case.findall("failure") + case.findall("error")
        }

    def _file(self, name: str) -> str:
        """The file of a test, "" where its name does not tell."""
        parts = name.split(".")
        paths = ("/".join(parts[:length]) + ".py" for length in range(len(parts), 0, -1))
        return next((path for path in paths if (self.root / path).exists()), "")


def _outermost(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Functions that stand in no other."""
    found: list[ast.FunctionDef | ast.AsyncFunctionDef] = []
    stack: list[ast.stmt] = list(tree.body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.append(node)
        else:
            stack += [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]
    return sorted(found, key=lambda node: node.lineno)
