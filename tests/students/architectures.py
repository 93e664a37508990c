"""Small architectures of every family and variant, and what the contract asks of them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from kdray.config import LlamaStudent, RobertaStudent, Student, T5Student
from kdray.students.families import build
from kdray.students.forward import head, hidden_states

VOCAB, PAD, END, START = 120, 1, 2, 0
INPUTS, OUTPUTS = 11, 5

_SIZES: dict[str, Any] = {"hidden": 64, "heads": 4, "feed_forward": 96}


def t5(**fields: Any) -> T5Student:
    return T5Student(
        **{"family": "t5", "encoder_layers": 3, "decoder_layers": 2, "head_dim": 16, **_SIZES, **fields}
    )


def llama(**fields: Any) -> LlamaStudent:
    return LlamaStudent(**{"family": "llama", "layers": 3, "head_dim": 16, **_SIZES, **fields})


def roberta(**fields: Any) -> RobertaStudent:
    return RobertaStudent(**{"family": "roberta", "layers": 3, "positions": 40, **_SIZES, **fields})


ARCHITECTURES: dict[str, Student] = {
    "t5": t5(),
    "t5-gelu": t5(activation="gelu", head_dim=8),
    "llama": llama(),
    "llama-untied": llama(tied_embeddings=False, activation="gelu_new", heads=2),
    "roberta": roberta(),
    "roberta-pair": roberta(snippets=2, activation="relu"),
    "roberta-key": roberta(position_type="relative_key", activation="silu"),
    "roberta-key-query": roberta(position_type="relative_key_query", activation="gelu_new", snippets=2),
    "own-vocab": llama(tokenizer="bpe", vocab=300),
}


def model_of(student: Student, seed: int = 0) -> Any:
    """In evaluation mode, its weights moved away from where initialisation makes things equal."""
    torch.manual_seed(seed)
    made = build(student, VOCAB, pad_id=PAD, end_id=END, start_id=START).eval()
    for parameter in made.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return made


def inputs_of(student: Student) -> tuple[Tensor, Tensor, Tensor | None]:
    """Token ids [2, T], their mask and the decoder's ids, without padding."""
    generator = torch.Generator().manual_seed(0)
    length = INPUTS if student.family != "llama" else INPUTS + OUTPUTS
    ids_BT = torch.randint(3, VOCAB, (2, length), generator=generator)
    decoder = None
    if student.family == "t5":  # what a batch whose labels are the last inputs would make of them
        decoder = torch.cat([torch.full((2, 1), PAD), ids_BT[:, -OUTPUTS:-1]], 1)
    if isinstance(student, RobertaStudent):
        ids_BT[:, 0], ids_BT[:, -1] = START, END
        ids_BT = torch.cat([ids_BT] * student.snippets, 1)
    return ids_BT, torch.ones_like(ids_BT), decoder


def logits_of(model: Any, student: Student) -> Tensor:
    """Of the outputs of `inputs_of`: [2, OUTPUTS, V], or [2, 1, C] of a classifier."""
    hidden = hidden_states(model, *inputs_of(student))
    weight, scale = head(model)
    return (hidden[:, -OUTPUTS:] * scale) @ weight.T
