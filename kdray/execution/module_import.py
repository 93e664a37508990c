"""A test file as a module of this process."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from types import ModuleType

from kdray.errors import DataError


def executed(name: str, path: str, source: str) -> ModuleType:
    """A module of this source, as if it stood in the file. Raises `DataError` where it cannot be imported."""
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None:
        raise DataError("its file cannot be imported")
    module = importlib.util.module_from_spec(spec)
    try:
        if "." in name:
            importlib.import_module(name.rpartition(".")[0])
        sys.modules[name] = module
        exec(compile(source, path, "exec", dont_inherit=True), vars(module))  # noqa: S102 - the user's own test file
    except BaseException as error:
        raise DataError(f"its file cannot be imported ({type(error).__name__})") from error
    return module


def imported(name: str, path: str) -> ModuleType:
    """A module of an installed package. Raises `DataError` where it cannot be imported."""
    try:
        module = importlib.import_module(name)
    except BaseException as error:
        raise DataError(f"its file cannot be imported ({type(error).__name__})") from error
    if not os.path.samefile(getattr(module, "__file__", None) or os.devnull, path):
        raise DataError("its file is not the one that is imported by its name")
    return module
