"""The code under test, resolved by name: the imported thing that a test's name speaks of.

`test_integer_nthroot` in a file with `from sympy.core.intfunc import integer_nthroot` is about that function;
its signature is looked up in the source of the module, following re-exports. A module's own name counts as well:
`toolz.first(...)` in `test_first` is about `first` of `import toolz`. Nothing is imported or run. What cannot be
resolved stays empty: a wrong guess would teach the model to distrust the line.

A mined folder is seldom a package itself: the packages of a checkout lie in it, below its `src`, or beside the
folder of its tests. They are looked for there, up to the checkout's root.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

from kdray.corpus.decode import python_text
from kdray.corpus.python_tree import FunctionNode, parsed, source_of
from kdray.corpus.source_files import read_source
from kdray.errors import DataError

MIN_NAME = 3
HOPS = 3
"""Re-exports that are followed at most."""
ROOT_FILES = ("pyproject.toml", "setup.py", "setup.cfg", ".git")
"""What the root of a checkout has."""
LEVELS_UP = 3
"""How far above a mined folder its checkout's root is looked for."""
_INSIDE = ("", "src", "lib", "python")
_MISSING = Path()


class FocalFinder:
    """Finds signatures in the packages below and beside some roots; parsed modules are kept."""

    def __init__(self, roots: dict[str, Path]) -> None:
        """`roots` maps a name to its folder: a top-level package, or a folder of a checkout."""
        self._roots = roots
        self._places = list(dict.fromkeys(place for root in roots.values() for place in import_folders(root)))
        self._tops: dict[str, Path] = {}
        self._definitions: dict[str, dict[str, str]] = {}
        self._reexports: dict[str, dict[str, str]] = {}

    def imports(self, tree: ast.Module, path: Path | None = None) -> dict[str, str]:
        """Imported name -> dotted name of where it comes from, of packages that are known here: of a name its
        module, of a module `module.*`. What stands for all names of a module (`from m import *`) is `*`.

        Args:
            tree: of the file.
            path: of the file, for relative imports.
        """
        modules: dict[str, str] = {}
        for node in tree.body:
            if isinstance(node, ast.ImportFrom):
                module = self._absolute(node, path)
                if module and self._top(module) != _MISSING:
                    modules |= {alias.asname or alias.name: module for alias in node.names}
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    if self._top(alias.name) != _MISSING:
                        modules[alias.asname or alias.name.partition(".")[0]] = f"{alias.name}.*"
        return modules

    def _absolute(self, node: ast.ImportFrom, path: Path | None) -> str:
        """The module that an import names, "" where it cannot be told."""
        if not node.level:
            return node.module or ""
        if path is None:
            return ""
        folder, package = path.parent, list[str]()
        while (folder / "__init__.py").is_file():
            package.insert(0, folder.name)
            folder = folder.parent
        if (
            len(package) < node.level
            or self._tops.setdefault(package[0], folder / package[0]).parent != folder
        ):
            return ""
        return ".".join([*package[: len(package) - node.level + 1], *filter(None, [node.module])])

    def signature(
        self,
        test_name: str,
        imports: dict[str, str],
        test: FunctionNode | None = None,
        test_class: str = "",
    ) -> str:
        """The signature of what `test_name` is about (`def f(x):` or `class C(B):`), or "".

        Args:
            test_name: of the function.
            imports: of its file.
            test: its node, for what it takes from modules (`toolz.first`).
            test_class: of the test; where the test's name speaks of nothing, its own is a thing's (`TestChunked`).
        """
        words = _plain(test_name.removeprefix("test"))
        candidates = {name: module for name, module in imports.items() if not module.endswith(".*")}
        candidates |= {name: module for name, module in _uses(test, imports) if name not in candidates}
        of_class = re.sub("^tests?|tests?$", "", _plain(test_class))
        long = [name for name in candidates if len(name) >= MIN_NAME]
        named = sorted((name for name in long if _plain(name) in words), key=lambda name: (-len(name), name))
        for name in [*named, *sorted(name for name in long if _plain(name) == of_class)]:
            signature = self._lookup(candidates[name], name)
            if signature:
                return signature
        return ""

    def _lookup(self, module: str, name: str, hops: int = HOPS) -> str:
        self._load(module)
        signature = self._definitions[module].get(name)
        if signature or not hops:
            return signature or ""
        sources = [self._reexports[module].get(name), *self._reexports[module].get("*", "").split()]
        named = (self._lookup(source, name, hops - 1) for source in sources if source)
        return next(filter(None, named), "")

    def _load(self, module: str) -> None:
        if module in self._definitions:
            return
        definitions: dict[str, str] = {}
        reexports: dict[str, str] = {}
        self._definitions[module], self._reexports[module] = definitions, reexports
        path = self._file(module)
        if path is None:
            return
        try:
            tree = parsed(python_text(read_source(path)))
        except DataError:
            return
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        for node in tree.body:
            if isinstance(node, FunctionNode | ast.ClassDef):
                definitions[node.name] = signature_of(node)
            elif isinstance(node, ast.ImportFrom):
                base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
                source = ".".join([*base, *filter(None, [node.module])])
                for alias in node.names:
                    known = reexports.get("*", "") + " " if alias.name == "*" else ""
                    reexports[alias.asname or alias.name] = known + source

    def _top(self, module: str) -> Path:
        """The folder or file of a module's top-level package; an empty path for one that is not here."""
        top = module.partition(".")[0]
        if top not in self._tops:
            root = [self._roots[top]] if top in self._roots else []
            own = [folder for folder in root if (folder / "__init__.py").is_file()]
            beside = [place / name for place in self._places for name in (top, f"{top}.py")]
            self._tops[top] = next(filter(_is_module, [*own, *beside, *root]), _MISSING)
        return self._tops[top]

    def _file(self, module: str) -> Path | None:
        top = self._top(module)
        rest = module.split(".")[1:]
        base = top.joinpath(*rest) if top != _MISSING else top
        candidates = (base, base.with_name(f"{base.name}.py"), base / "__init__.py") if base.name else ()
        return next((path for path in candidates if path.suffix == ".py" and path.is_file()), None)


def signature_of(node: FunctionNode | ast.ClassDef) -> str:
    """A definition in one line, "" for one that cannot be printed."""
    try:
        if isinstance(node, ast.ClassDef):
            return f"class {node.name}({', '.join(source_of(base) for base in node.bases)}):"
        return f"def {node.name}({source_of(node.args)}):"
    except DataError:
        return ""


def import_folders(root: Path) -> list[Path]:
    """Folders whose packages the tests below `root` may import: it and those around it, up to the checkout's root,
    but for packages: what stands in one is imported by the package's name.
    """
    above = [root, *list(root.parents)[:LEVELS_UP]]
    checkout = next((number for number, folder in enumerate(above) if _is_checkout(folder)), 0)
    folders = [folder for folder in above[: checkout + 1] if not (folder / "__init__.py").is_file()]
    return [folder / name for folder in folders for name in _INSIDE if (folder / name).is_dir()]


def _is_checkout(folder: Path) -> bool:
    return any((folder / name).exists() for name in ROOT_FILES)


def _is_module(path: Path) -> bool:
    return path.is_file() if path.suffix == ".py" else path.is_dir() and any(path.glob("*.py"))


def _uses(test: FunctionNode | None, imports: dict[str, str]) -> list[tuple[str, str]]:
    """What a test takes from imported modules: name and module."""
    uses = []
    for node in ast.walk(test) if test is not None else ():
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = imports.get(node.value.id, "")
            if module:
                of_module = (
                    module.removesuffix(".*") if module.endswith(".*") else f"{module}.{node.value.id}"
                )
                uses.append((node.attr, of_module))
        elif isinstance(node, ast.Name) and "*" in imports:
            uses.append((node.id, imports["*"]))
    return uses


def _plain(name: str) -> str:
    return name.lower().replace("_", "")
