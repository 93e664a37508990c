"""The code under test, resolved by name: the imported thing that a test's name speaks of.

`test_integer_nthroot` in a file with `from sympy.core.intfunc import integer_nthroot` is about that function;
its signature is looked up in the source of the module, following one re-export. Nothing is imported or run.
What cannot be resolved stays empty: a wrong guess would teach the model to distrust the line.
"""

from __future__ import annotations

import ast
import warnings
from pathlib import Path

MIN_NAME = 3


class FocalFinder:
    """Finds signatures in the packages below some roots; parsed modules are kept."""

    def __init__(self, roots: dict[str, Path]) -> None:
        """`roots` maps a top-level package name to its folder."""
        self._roots = roots
        self._definitions: dict[str, dict[str, str]] = {}
        self._reexports: dict[str, dict[str, str]] = {}

    def imports(self, tree: ast.Module) -> dict[str, str]:
        """Imported name -> dotted module, for absolute `from module import name` statements of known
        packages.
        """
        return {
            alias.asname or alias.name: node.module
            for node in tree.body
            if isinstance(node, ast.ImportFrom) and node.module and not node.level
            for alias in node.names
            if node.module.partition(".")[0] in self._roots
        }

    def signature(self, test_name: str, imports: dict[str, str]) -> str:
        """The signature of what `test_name` is about (`def f(x):` or `class C(B):`), or ""."""
        words = _plain(test_name.removeprefix("test"))
        named = [name for name in imports if len(name) >= MIN_NAME and _plain(name) in words]
        for name in sorted(named, key=lambda name: (-len(name), name)):
            found = self._lookup(imports[name], name)
            if found:
                return found
        return ""

    def _lookup(self, module: str, name: str, hops: int = 2) -> str:
        self._load(module)
        found = self._definitions[module].get(name)
        if found or not hops:
            return found or ""
        source = self._reexports[module].get(name)
        return self._lookup(source, name, hops - 1) if source else ""

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
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(path.read_text(encoding="utf-8"))
        except (OSError, SyntaxError, ValueError, RecursionError):
            return
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                definitions[node.name] = f"def {node.name}({ast.unparse(node.args)}):"
            elif isinstance(node, ast.ClassDef):
                bases = ", ".join(ast.unparse(base) for base in node.bases)
                definitions[node.name] = f"class {node.name}({bases}):"
            elif isinstance(node, ast.ImportFrom) and node.module:
                base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
                for alias in node.names:
                    reexports[alias.asname or alias.name] = ".".join([*base, node.module])

    def _file(self, module: str) -> Path | None:
        top, _, rest = module.partition(".")
        if top not in self._roots:
            return None
        base = self._roots[top].joinpath(*rest.split(".")) if rest else self._roots[top]
        for candidate in (base.with_suffix(".py"), base / "__init__.py"):
            if candidate.is_file():
                return candidate
        return None


def _plain(name: str) -> str:
    return name.lower().replace("_", "")
