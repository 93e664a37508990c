"""The order in which a teacher is cut, kept beside its shards: made with them, or by the first trial that asks."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from kdray.corpus.sample import evenly
from kdray.storage import exists, join, read_bytes, write_once
from kdray.students.axes import Order
from kdray.students.importance import ROWS, best_order
from kdray.students.vocabulary import KEPT
from kdray.tasks.row import Row

FILE = "order.safetensors"


def sample(count: int) -> list[int]:
    """Which of a store's rows the order is measured on."""
    return evenly(count, ROWS)


def kept_order(shards: str) -> Order | None:
    """The order that these shards remember; None where nobody has asked yet."""
    from safetensors.torch import load

    place = _place(shards)
    return load(read_bytes(place)) if exists(place) else None


def keep_order(teacher: Any, rows: Sequence[Row], pad_id: int, folders: Sequence[str]) -> Order:
    """Measures it on some rows (see `sample`), and keeps it beside each of these stores."""
    from safetensors.torch import save

    order = best_order(teacher, rows, pad_id)
    for folder in folders:
        with contextlib.suppress(OSError):  # shards that may only be read
            write_once(_place(folder), save(dict(order)))
    return order


def _place(shards: str) -> str:
    return join(shards, KEPT, FILE)
