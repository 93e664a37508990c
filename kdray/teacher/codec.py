"""How a teacher's distributions become bytes: the interface that every codec fulfils.

A codec turns the logits of a few rows into *fields*, each a run of bytes per row, and selected rows' fields
back into a `TeacherSignal`. Rows stand alone (any subset can be decoded, in any order) and all work is on
whole arrays. What is common to all rows (a ranking of the vocabulary, say) is the codec's *state*: fitted
once, stored beside the shards.

A codec sees the labels on both sides (the reader has them anyway), so it may code relative to them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kdray.errors import DataError
from kdray.teacher.signal import TeacherSignal

State = dict[str, NDArray[Any]]
GROUP_BYTES = 1 << 24
"""Of logits that are worked on at a time, about."""


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
        if len(groups) == 1:
            return groups[0]
        sizes = np.concatenate([np.diff(group.offsets_R) for group in groups])
        return cls(np.concatenate([group.data for group in groups]), starts(sizes))

    def read(self, dtype: Any, width: int | None = None) -> NDArray[Any]:
        """The data as an array of `dtype`, [N] or [N, width]."""
        values: NDArray[Any] = self.data.view(dtype)
        return values if width is None else values.reshape(-1, width)


@dataclass(frozen=True)
class FitSample:
    """Positions that a codec is fitted to. Their logits may not fit into memory, so they are read from the
    beginning as often as they are wanted.

    Attributes:
        logits: float32 [n, V], some positions at a time; the same ones each time it is iterated.
        labels_N: int32 ground truth of all positions.
    """

    logits: Iterable[NDArray[np.float32]]
    labels_N: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.labels_N)

    def __iter__(self) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int32]]]:
        done = 0
        for group in grouped(self.logits):
            logits_NV = group[0] if len(group) == 1 else np.concatenate(group)
            yield logits_NV, self.labels_N[done : done + len(logits_NV)]
            done += len(logits_NV)


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

    def fit(self, sample: FitSample) -> State:
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


def grouped(logits: Iterable[NDArray[np.float32]]) -> Iterator[list[NDArray[np.float32]]]:
    """Logits [n, V] in groups of about `GROUP_BYTES`, so that few are held at a time. Raises `DataError` where a
    position has no largest one: no codec makes a distribution of that.
    """
    group: list[NDArray[np.float32]] = []
    for part in logits:
        if not np.isfinite(part.max(-1)).all():
            raise DataError(
                "the teacher's logits are not finite: numbers too large for the precision that it is run in: set"
                " capture.dtype bfloat16 or float32"
            )
        group.append(part)
        if sum(member.nbytes for member in group) >= GROUP_BYTES:
            yield group
            group = []
    if group:
        yield group


def starts(counts_R: NDArray[np.int64]) -> NDArray[np.int64]:
    """[R + 1] where each run begins, and the end."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts_R, dtype=np.int64)])
