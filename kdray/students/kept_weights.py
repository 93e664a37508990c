"""The weights of a teacher that is kept beside its shards, read where they lie.

A trial that is cut out of its teacher takes parts of some tensors: they are mapped, not loaded, so that its start
costs memory in the student's size. Each tensor that is read is compared with its hash of when it was kept. A
folder without hashes, or whose file names its weights otherwise than its model does, is loaded whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from kdray.errors import DataError
from kdray.recorded import json_object, json_value
from kdray.storage import exists, join, write_json
from kdray.teacher.manifest import read as read_manifest

FILE = "weights.json"
OTHERS = "not the weights that the shards were captured from"
INDEX, SINGLE = "model.safetensors.index.json", "model.safetensors"


class KeptWeights(Mapping[str, Tensor]):
    """Name -> tensor, as the files have it; mapped into memory when it is asked for.

    Args:
        folder: of safetensors.
        hashes: of each tensor; reading one that is another raises `DataError`. None: not compared.

    Attributes:
        paths: the files that they are in.

    Raises:
        DataError: there are no files, or they are damaged.
    """

    def __init__(self, folder: Path, hashes: Mapping[str, str] | None = None) -> None:
        from safetensors import SafetensorError, safe_open

        self._folder, self._hashes = folder, hashes
        self._files: dict[str, Any] = {}
        self._compared: set[str] = set()
        self.paths = _files(folder)
        for path in self.paths:
            try:
                opened = safe_open(path, "pt")
            except (OSError, SafetensorError) as error:
                raise DataError(f"{path}: no weights that can be read: {error}") from error
            self._files |= dict.fromkeys(opened.keys(), opened)  # type: ignore[no-untyped-call]

    def __getitem__(self, name: str) -> Tensor:
        tensor: Tensor = self._files[name].get_tensor(name)
        if self._hashes is not None and name not in self._compared:
            if self._hashes.get(name) != _hash(tensor):
                raise DataError(f"{self._folder}: {name}: {OTHERS}")
            self._compared.add(name)
        return tensor

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name -> shape, of all tensors; none is read."""
        return {name: tuple(file.get_slice(name).get_shape()) for name, file in self._files.items()}

    def dtype(self) -> str:
        """The precision that all are in, as torch names it; float32 where they are not of one mind."""
        told = {str(file.get_slice(name).get_dtype()) for name, file in self._files.items()}
        return {"BF16": "bfloat16", "F16": "float16"}.get(told.pop() if len(told) == 1 else "", "float32")

    def __contains__(self, name: object) -> bool:
        return name in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def _hash(tensor: Tensor) -> str:
    """16 hex digits of a tensor's shape, type and values."""
    import torch

    digest = hashlib.sha256(f"{tuple(tensor.shape)}{tensor.dtype}".encode())
    digest.update(tensor.flatten().contiguous().view(torch.uint8).numpy().data)
    return digest.hexdigest()[:16]


def keep_hashes(folder: Path, own: Mapping[str, Tensor], fingerprint: str) -> None:
    """Writes which weights a folder holds, if its file names them as the model does.

    Args:
        folder: of `save_pretrained`.
        own: what was saved (see `own_weights`).
        fingerprint: of all its weights.
    """
    weights = KeptWeights(folder)
    if weights.keys() == own.keys():
        hashes = {name: _hash(tensor) for name, tensor in weights.items()}
        write_json(folder / FILE, {"fingerprint": fingerprint, "tensors": hashes})


def teacher_weights(folder: str, fingerprint: str | None) -> Mapping[str, Tensor]:
    """A teacher's parameters, each once, and the buffers that it keeps.

    Args:
        folder: a local one, with the configuration beside the weights.
        fingerprint: of all its weights; None where nobody says whose they are.

    Raises:
        DataError: they are others than those of `fingerprint`, or cannot be read.
    """
    from kdray.students.load import load_model, weights_fingerprint

    path = Path(folder) / FILE
    if fingerprint is not None and path.is_file():
        told = json_object(path.read_bytes(), str(path))
        if told.get("fingerprint") != fingerprint:
            raise DataError(f"{folder}: {OTHERS}")
        if isinstance(hashes := told.get("tensors"), dict):
            return KeptWeights(Path(folder), hashes)
    model = load_model(folder)
    if fingerprint not in (None, weights_fingerprint(model)):
        raise DataError(f"{folder}: {OTHERS}")
    return own_weights(model)


def is_kept_whole(shards: str) -> bool:
    """Whether every weight of the teacher that is kept beside shards, if one is, is as they name it."""
    from kdray.students.load import load_model, weights_fingerprint

    kept = join(shards, "teacher")
    if not exists(join(kept, "config.json")):
        return True
    return weights_fingerprint(load_model(kept)) == read_manifest(shards).teacher


def saved_buffers(model: Any) -> list[tuple[str, Tensor]]:
    """What a model saves beside its parameters."""
    saved = model.state_dict().keys()
    return [(name, buffer) for name, buffer in model.named_buffers() if name in saved]


def own_weights(model: Any) -> dict[str, Tensor]:
    """A model's parameters, each once, and the buffers that it saves."""
    return dict(model.named_parameters()) | dict(saved_buffers(model))


def _files(folder: Path) -> list[Path]:
    """Those that transformers reads: of one file and an index of several, the one file."""
    index, single = folder / INDEX, folder / SINGLE
    if single.is_file() or not index.is_file():
        return [single]
    named = json_value(index.read_bytes(), str(index))
    parts = named.get("weight_map") if isinstance(named, dict) else None
    if not isinstance(parts, dict) or any(Path(str(part)).name != part for part in parts.values()):
        raise DataError(f"{index}: names no files beside it")
    return [folder / part for part in sorted(set(parts.values()))]
