"""How a teacher's distributions become bytes: the interface that every codec fulfils.

A codec turns the logits of a few rows into *fields*, each a run of bytes per row, and selected rows' fields
back into a `TeacherSignal`. Rows stand alone (any subset can be decoded, in any order) and all work is on
whole arrays. What is common to all rows (a ranking of the vocabulary, say) is the codec's *state*: fitted
once, stored beside the shards.

A codec sees the labels on both sides (the reader has them anyway), so it may code relative to them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kdray.teacher.signal import TeacherSignal

State = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Packed:
    """Bytes of R rows, one after the other.

    Attributes:
        data: uint8.
        offsets_R: int64 [R + 1]; row r is data[offsets_R[r] : offsets_R[r + 1]].
    """

    data: NDArray[np.uint8]
    offsets_R: NDArray[np.int64]

    @classmethod
    def fixed(cls, values_N: NDArray[Any], counts_R: NDArray[np.int64], size: int) -> Packed:
        """Values of `size` bytes each, `counts_R` of them a row."""
        return cls(np.ascontiguousarray(values_N).view(np.uint8).reshape(-1), starts(counts_R) * size)

    @classmethod
    def join(cls, groups: Sequence[Packed]) -> Packed:
        """Rows of several groups, one group after the other."""
        sizes = np.concatenate([np.diff(group.offsets_R) for group in groups])
        return cls(np.concatenate([group.data for group in groups]), starts(sizes))

    def read(self, dtype: Any, width: int | None = None) -> NDArray[Any]:
        """The data as an array of `dtype`, [N] or [N, width]."""
        values: NDArray[Any] = self.data.view(dtype)
        return values if width is None else values.reshape(-1, width)


@dataclass(frozen=True)
class Codec(ABC):
    """A store of teacher distributions. The fields of the dataclass are its parameters."""

    name: ClassVar[str]
    fields: ClassVar[tuple[str, ...]]
    fitted: ClassVar[bool] = False
    """Whether it has a state."""

    @abstractmethod
    def bits_per_token(self, vocab: int) -> float:
        """What a target position will cost; an estimate where the layout is not fixed."""

    @abstractmethod
    def encode(
        self,
        logits_NV: NDArray[np.float32],
        labels_N: NDArray[np.int32],
        counts_R: NDArray[np.int64],
        state: State,
    ) -> dict[str, Packed]:
        """The fields of R rows.

        Args:
            logits_NV: of all target positions, row after row; any constant may be added to a position.
            labels_N: ground truth of these positions.
            counts_R: how many of the N positions each row has.
            state: what `fit` returned.
        """

    @abstractmethod
    def decode(
        self,
        packed: Mapping[str, Packed],
        labels_N: NDArray[np.int32],
        counts_R: NDArray[np.int64],
        vocab: int,
        state: State,
    ) -> TeacherSignal:
        """The signal of R rows. Raises `DataError` where the bytes cannot be this codec's."""

    def fit(self, logits_NV: NDArray[np.float32], labels_N: NDArray[np.int32]) -> State:
        """The state for a corpus, from a sample of it; nothing by default."""
        return {}

    def shapes(self, state: State, vocab: int) -> dict[str, tuple[int, ...]]:
        """What the arrays of a state must be shaped like, so that its own numbers can be believed."""
        return {}

    @property
    def grid(self) -> tuple[float, ...]:
        """The nodes a = 1/T at which ln R_a is stored."""
        return ()

    def params(self) -> dict[str, Any]:
        """The parameters as plain data."""
        return {
            key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()
        }


def starts(counts_R: NDArray[np.int64]) -> NDArray[np.int64]:
    """[R + 1] where each run begins, and the end."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts_R, dtype=np.int64)])
