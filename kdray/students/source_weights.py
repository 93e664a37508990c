"""Whose weights a teacher's folder holds, told from its files: no more than one tensor is in memory.

A teacher may be larger than the process that plans its capture. Where its files name weights as its model does,
they are hashed as they pass and copied as they are, in their own precision. Where they do not (a bare T5's or
GPT-2's, a tied head that is written twice, a quantised one's), the model is loaded whole, once, in float32.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from kdray.errors import DataError, first_line
from kdray.storage import delete, is_uri, join, upload
from kdray.students.derive import new_model
from kdray.students.kept_weights import INDEX, SINGLE, KeptWeights, keep_hashes, own_weights
from kdray.students.load import fingerprint, load_config, load_model, readable_as, weights_fingerprint
from kdray.teacher.cache import local_folder


@dataclass(frozen=True)
class SourceWeights:
    """A teacher's weights where they come from.

    Attributes:
        source: a local folder or a hub name.
        files: local folder of safetensors that name weights as the model does, or None.
        fingerprint: of all its parameters.
        params: how many numbers these are.
        dtype: the precision that they are in, as torch names it.
    """

    source: str
    files: Path | None
    fingerprint: str
    params: int
    dtype: str

    @classmethod
    def of(cls, teacher: str) -> SourceWeights:
        """Of a folder, URI or hub name. Raises `DataError` where there is no whole model."""
        import torch

        source = local_folder(teacher)
        with torch.device("meta"):
            model = new_model(load_config(source))
        files = _files_like(source, model)
        if files is None:
            whole = load_model(source, as_numbers=True)
            _check_place(whole, model, source)
            model, weights = whole, cast(Any, own_weights(whole))
        else:
            weights = KeptWeights(files)
        names = sorted(name for name, _ in model.named_parameters())
        told = fingerprint((name, weights[name]) for name in names)
        dtype = "float32" if files is None else weights.dtype()
        return cls(source, files, told, sum(parameter.numel() for parameter in model.parameters()), dtype)

    def keep(self, folder: Path) -> None:
        """Puts weights, configuration and hashes into a local folder, for `put_beside` to copy. Raises `DataError`
        where they are others by now.
        """
        if self.files is None:
            model = load_model(self.source, as_numbers=True)
            self.check_same(weights_fingerprint(model))
            model.save_pretrained(folder)
            keep_hashes(folder, own_weights(model), self.fingerprint)
            readable_as(folder, "config.json")
            return
        self.check_same(SourceWeights.of(self.source).fingerprint)
        load_config(self.source).save_pretrained(folder)
        weights = KeptWeights(self.files)
        beside = (INDEX,) if weights.paths != [self.files / SINGLE] else ()
        for name in (*(path.name for path in weights.paths), *beside, "generation_config.json"):
            if (self.files / name).is_file():
                (folder / name).symlink_to((self.files / name).resolve())
        keep_hashes(folder, weights, self.fingerprint)

    def check_same(self, found: str) -> None:
        """Raises `DataError` where the fingerprint that is found now is another."""
        if found != self.fingerprint:
            raise DataError(f"{self.source}: other weights than when the capture began")


def _check_place(model: Any, made: Any, source: str) -> None:
    """Raises `DataError` where a loaded model has what one made of its configuration has not: transformers reads a
    head of its own also where it is said to be tied, and no student of such a configuration has a place for it.
    """
    if more := sorted(own_weights(model).keys() - own_weights(made).keys()):
        tied = "tie_word_embeddings" if "lm_head" in more[0] else "what it says of this"
        raise DataError(
            f"{source}: its file holds {more[0]}, for which its config.json has no place: correct {tied} there"
        )


def put_beside(kept: Path, folders: Sequence[str]) -> None:
    """Copies what is kept of a teacher into folders or URIs; on one disk it is there once, under several names."""
    for number, folder in enumerate(folders):
        for other in (name for name in (SINGLE, INDEX) if not (kept / name).exists()):
            delete(join(folder, other))  # of a capture that was interrupted, in another form
        if number == 0 or is_uri(folder) or is_uri(folders[0]):
            upload(kept, folder)
            continue
        first, path = (Path(one.removeprefix("file://")) for one in (folders[0], folder))
        path.mkdir(parents=True, exist_ok=True)
        for file in kept.iterdir():
            _same(first / file.name, path / file.name)


def _same(there: Path, wanted: Path) -> None:
    part = wanted.with_name(f"{wanted.name}.{uuid.uuid4().hex}.part")
    try:
        os.link(there, part)
    except OSError:  # another disk, or one without such names
        shutil.copyfile(there, part)
    os.replace(part, wanted)


def _files_like(source: str, model: Any) -> Path | None:
    """The folder whose files hold the very weights of a model; None where they are named or shaped otherwise."""
    folder = Path(source) if Path(source).is_dir() else _fetched(source)
    if not (folder / INDEX).is_file() and not (folder / SINGLE).is_file():
        return None
    if getattr(model.config, "transformers_weights", None):  # transformers reads another file then
        return None
    weights, own = KeptWeights(folder), own_weights(model)
    shapes = weights.shapes()
    same = shapes.keys() == own.keys() and all(shapes[name] == tuple(own[name].shape) for name in own)
    return folder if same else None


def _fetched(name: str) -> Path:
    """A hub's files as transformers keeps them. Raises `DataError`."""
    from huggingface_hub import snapshot_download

    # Mistral's own form of the same weights lies beside them, others' in folders.
    others = ["*/*", "consolidated*"]
    try:
        return Path(
            snapshot_download(name, allow_patterns=["*.json", "*.safetensors"], ignore_patterns=others)
        )
    except Exception as error:  # a hub and what leads there fail in all kinds
        raise DataError(f"{name}: its weights cannot be fetched: {first_line(error)}") from error
