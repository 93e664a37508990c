"""What is mined: the folders of installed packages and of checkouts, each under a name of its own."""

from __future__ import annotations

import importlib.util
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from kdray.corpus.left_out import plain_path
from kdray.errors import DataError

MAX_SOURCE_BYTES = 16 * 2**20
"""A larger file is no source that somebody wrote."""


def package_root(name: str) -> Path:
    """The folder of an installed package, found without importing it. Raises `DataError`."""
    try:
        spec = importlib.util.find_spec(name) if name.isidentifier() else None
    except ValueError:  # what runs now is no package
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise DataError(
            f"package '{name}' is not installed here (or is no package): "
            "name an installed package or a folder"
        )
    return Path(next(iter(spec.submodule_search_locations)))


def source_roots(sources: Sequence[str]) -> dict[str, Path]:
    """Name -> folder for installed packages and for folders. A folder is named by its last part, and by as many
    more as tell it from another. Raises `DataError`.
    """
    roots: dict[str, Path] = {}
    folders: list[Path] = []
    for source in dict.fromkeys(sources):
        folder = Path(source)
        if folder.is_dir():
            folders.append(folder.resolve())
        elif folder.suffix and folder.exists():
            raise DataError(
                f"{source}: a file: name the folder that it lies in, of an archive the unpacked one"
            )
        elif os.sep in source:
            raise DataError(f"{source}: no such folder")
        else:
            roots[source] = package_root(source)
    return roots | _named(list(dict.fromkeys(folders)), set(roots))


def _named(folders: Sequence[Path], taken: set[str]) -> dict[str, Path]:
    length = dict.fromkeys(folders, 1)
    while True:
        names = {folder: plain_path("/".join(folder.parts[-length[folder] :])) for folder in folders}
        counts = Counter([*names.values(), *taken])
        alike = [
            folder for folder in folders if counts[names[folder]] > 1 and length[folder] < len(folder.parts)
        ]
        if not alike:
            return {name: folder for folder, name in names.items()}
        for folder in alike:
            length[folder] += 1


def read_source(path: Path) -> bytes:
    """The bytes of a source. Raises `DataError`."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_SOURCE_BYTES + 1)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}") from error
    if len(data) > MAX_SOURCE_BYTES:
        raise DataError(f"larger than {MAX_SOURCE_BYTES:,} bytes")
    return data
