"""Embeddings for another vocabulary: a piece that the teacher knows too takes its row, any other the mean of the
rows of the teacher's pieces that spell it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

ROLES = ("pad_token", "bos_token", "eos_token", "unk_token")


def spelled(student: Any, teacher: Any) -> dict[int, list[int]]:
    """Each of the student's ids -> the teacher's ids for it; an id that the teacher cannot spell is left out.

    Args:
        student: a fast tokenizer.
        teacher: another one.
    """
    known, roles = teacher.get_vocab(), {}
    for role in ROLES:
        ours, theirs = getattr(student, role), getattr(teacher, role)
        if ours is not None and theirs is not None:
            roles[ours] = known[theirs]
    found: dict[int, list[int]] = {}
    decode = student.backend_tokenizer.decoder.decode
    for piece, number in student.get_vocab().items():
        if piece in roles:
            ids = [roles[piece]]
        elif piece in known:
            ids = [known[piece]]
        else:
            ids = teacher(decode([piece]), add_special_tokens=False, verbose=False)["input_ids"]
        if ids:
            found[number] = list(ids)
    return found


def carried_over(table_VD: Tensor, own_WD: Tensor, spelling: dict[int, list[int]]) -> Tensor:
    """The student's table [W, D] out of the teacher's [V, D]; what nothing spells stays as `own_WD` has it."""
    found_WD = own_WD.detach().clone()
    for number, ids in spelling.items():
        found_WD[number] = table_VD[torch.tensor(ids)].mean(0)
    return found_WD
