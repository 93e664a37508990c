"""Logits of outputs as they are written, token by token and many outputs at a time, read back output by output.

A hundred outputs of 64 tokens over a vocabulary of 152 k are 4 GB: beyond a bound they wait on the disk, in a file
without a name.
"""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

HELD_BYTES = 1 << 29
"""What is held in memory at most."""


class KeptLogits:
    """Of several outputs, float32 [V] at a time.

    Args:
        outputs: how many there are.
        vocab: V.
        longest: tokens of an output at most.
    """

    def __init__(self, outputs: int, vocab: int, longest: int) -> None:
        self._vocab, self._written = vocab, 0
        beyond = 4 * outputs * vocab * longest > HELD_BYTES
        self._file = tempfile.TemporaryFile() if beyond else None  # noqa: SIM115 - closed with this, below
        if self._file is not None:
            weakref.finalize(self, self._file.close)
        self._held: list[NDArray[np.float32]] = []
        self._places: list[list[int]] = [[] for _ in range(outputs)]

    def keep(self, output: int, logits_V: NDArray[np.float32]) -> None:
        """The next token's of one output."""
        self._places[output].append(self._written)
        self._written += 1
        if self._file is None:
            self._held.append(logits_V.copy())
        else:
            self._file.write(logits_V.tobytes())

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        """[L, V] of each output in turn."""
        for places in self._places:
            yield np.stack([self._at(place) for place in places])

    def _at(self, place: int) -> NDArray[np.float32]:
        if self._file is None:
            return self._held[place]
        self._file.seek(4 * self._vocab * place)
        return np.frombuffer(self._file.read(4 * self._vocab), np.float32)
