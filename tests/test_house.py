"""How the package is built: no circle of imports, one name for one file, and every room says what it is for."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import grimp
import networkx

KDRAY = Path(__file__).resolve().parents[1] / "kdray"


def circles(arrows: Iterable[tuple[str, str]]) -> list[list[str]]:
    """The modules that can be reached from themselves, each circle sorted."""
    graph = networkx.DiGraph(arrows)
    return sorted(sorted(part) for part in networkx.strongly_connected_components(graph) if len(part) > 1)


def test_a_circle_is_seen() -> None:
    assert circles([("a", "b"), ("b", "c"), ("c", "b"), ("c", "d")]) == [["b", "c"]]


def test_no_module_imports_itself_by_way_of_others() -> None:
    imports = grimp.build_graph("kdray", cache_dir=None)
    arrows = [
        (module, other)
        for module in imports.modules
        for other in imports.find_modules_directly_imported_by(module)
    ]
    assert len(arrows) > 1000
    assert circles(arrows) == []


def test_no_two_files_have_the_same_name() -> None:
    names = Counter(path.name for path in KDRAY.rglob("*.py") if not path.name.startswith("__"))
    assert [name for name, count in names.items() if count > 1] == []


def test_every_room_says_what_it_is_for() -> None:
    rooms = [path.parent for path in KDRAY.rglob("__init__.py")]
    silent = [
        str(room.relative_to(KDRAY))
        for room in rooms
        if not (room / "README.md").exists()
        and not ast.get_docstring(ast.parse((room / "__init__.py").read_text()))
    ]
    assert silent == []


def test_a_map_of_a_room_names_each_of_its_files() -> None:
    maps = [path for path in KDRAY.rglob("README.md") if "| file |" in path.read_text()]
    assert len(maps) >= 3
    for path in maps:
        files = [file.name for file in path.parent.glob("*.py") if not file.name.startswith("__")]
        assert [name for name in files if f"`{name}`" not in path.read_text()] == [], path


def imports_of(path: Path) -> set[str]:
    """The modules of the package that a file names, `from a import b` as `a` and as `a.b`."""
    named = set[str]()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            named |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
    return named


def untested(package: Path, tests: Path) -> list[str]:
    """Files that no test of their room reaches: none has their name, imports them, or imports what does."""
    lone = []
    for room in [folder for folder in package.iterdir() if (folder / "__init__.py").exists()]:
        files = [path for path in room.rglob("*.py") if not path.name.startswith("__")]
        module = {path: ".".join(path.relative_to(package.parent).with_suffix("").parts) for path in files}
        own = [*(tests / room.name).rglob("*.py"), *tests.glob(f"test_{room.name}.py")]
        asked = set[str]().union(*map(imports_of, own))
        reached = {
            path for path in files if module[path] in asked or any(t.name == f"test_{path.name}" for t in own)
        }
        # What a room hands on by its face counts as named.
        reached |= {path for path in files if module[path] in imports_of(path.parent / "__init__.py")}
        while more := {
            path
            for path in files
            if path not in reached and any(module[path] in imports_of(other) for other in reached)
        }:
            reached |= more
        lone += [module[path] for path in files if path not in reached]
    return sorted(lone)


def test_a_file_that_no_test_of_its_room_reaches_is_seen(tmp_path: Path) -> None:
    for name, text in {
        "p/a/__init__.py": "",
        "p/a/one.py": "from p.a import two",
        "p/a/two.py": "",
        "p/a/lone.py": "import p.a.one",
        "tests/a/test_one.py": "",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert untested(tmp_path / "p", tmp_path / "tests") == ["p.a.lone"]


ELSEWHERE = {
    "kdray.evaluation.examine": ("train/test_classification.py", "examine("),
    "kdray.handover.unseen": ("pipeline/test_two_suites.py", "judge_unseen("),
    "kdray.pipeline.places.slurm": ("pipeline/test_places.py", "slurm"),
    "kdray.search.start_points": ("experiment/test_coordinator.py", "start"),
    "kdray.search.techniques.avatar": ("pipeline/test_techniques.py", "avatar"),
    "kdray.search.techniques.morph": ("pipeline/test_techniques.py", "morph"),
    "kdray.search.techniques.surrogates": ("search/techniques/test_learning.py", "avatar"),
    "kdray.students.kept_order": ("train/test_families.py", "kept_order"),
}
"""Files that tests of another room hold, by which test, and what it says of them."""


def test_every_file_is_reached_from_the_tests_of_its_room_or_says_from_which() -> None:
    tests = KDRAY.parent / "tests"
    assert untested(KDRAY, tests) == sorted(ELSEWHERE)
    assert [name for name, (test, word) in ELSEWHERE.items() if word not in (tests / test).read_text()] == []
