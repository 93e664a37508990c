"""The students that Compressor published (ASE 2022), from one safetensors file with their original names.

The architecture is read off the shapes, except the 8 heads, which no shape tells. The encoder stands under one of
two prefixes, and one file carries an unused second head. Vulnerability detectors call class 0 vulnerable: their
two outputs change places here, so that class 1 is vulnerable as in the data.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from kdray.config import RobertaStudent
from kdray.errors import DataError
from kdray.students.classifier import CodeClassifier, build

HEADS = 8
PAD, START, END = 1, 0, 2
_ENCODER = re.compile(r"^(?:encoder\.roberta\.|encoder\.)(?P<name>(?:embeddings|encoder)\..*)$")
_UNUSED = re.compile(r"position_ids$|pooler\.")


def load_compressor(path: str | Path) -> CodeClassifier:
    """A published student in evaluation mode. Raises `DataError` for any other file."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(str(path))
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path}: no safetensors file: {str(error).splitlines()[0]}") from error
    try:
        state = _renamed(tensors)
        model = _shaped(state)
        model.load_state_dict(state)
    except (KeyError, RuntimeError) as error:
        raise DataError(
            f"{path}: not laid out as Compressor's students: {str(error).splitlines()[0]}"
        ) from error
    return model.eval()  # type: ignore[no-any-return]


def _renamed(tensors: dict[str, Any]) -> dict[str, Any]:
    """Our names; the head is the outer one where there are two."""
    head = "classifier." if "classifier.dense.weight" in tensors else "encoder.classifier."
    state = {
        name.replace(head, "classifier."): tensor for name, tensor in tensors.items() if name.startswith(head)
    }
    for name, tensor in tensors.items():
        match = _ENCODER.match(name)
        if match and not _UNUSED.search(name):
            state[f"roberta.{match['name']}"] = tensor
    width = state["classifier.dense.weight"].shape[0]
    if state["classifier.dense.weight"].shape[1] == width:  # one snippet: a vulnerability detector
        for name in ("classifier.out_proj.weight", "classifier.out_proj.bias"):
            state[name] = state[name].flip(0)
    return state


def _shaped(state: dict[str, Any]) -> CodeClassifier:
    embeddings = "roberta.embeddings."
    vocab, hidden = state[f"{embeddings}word_embeddings.weight"].shape
    layers = {name.split(".")[3] for name in state if name.startswith("roberta.encoder.layer.")}
    student = RobertaStudent(
        family="roberta",
        layers=len(layers),
        hidden=hidden,
        heads=HEADS,
        feed_forward=state["roberta.encoder.layer.0.intermediate.dense.weight"].shape[0],
        positions=state[f"{embeddings}position_embeddings.weight"].shape[0],
        snippets=state["classifier.dense.weight"].shape[1] // hidden,
    )
    return build(student, vocab, pad_id=PAD, start_id=START, end_id=END)
