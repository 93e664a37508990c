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
