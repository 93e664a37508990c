"""The codecs, each in a file of its own, and all of them by name (the interface is `kdray.teacher.codec`).

What several of them are made of stands beside them: `levels`, `ranks`, `spread`, `vq`, `weights`.
"""

from typing import Any

from kdray.errors import DataError, nearest
from kdray.teacher.codec import Codec
from kdray.teacher.codecs.full import Full
from kdray.teacher.codecs.head import Head
from kdray.teacher.codecs.minmax import MinMax
from kdray.teacher.codecs.sampled import Sampled

CODECS: dict[str, type[Codec]] = {kind.name: kind for kind in (Head, Full, Sampled, MinMax)}


def make(name: str, **params: Any) -> Codec:
    """The codec of that name. Raises `DataError` for an unknown name or parameter."""
    if name not in CODECS:
        raise DataError(f"codec: unknown '{name}'{nearest(name, CODECS)}")
    kind = CODECS[name]
    unknown = [key for key in params if key not in kind.__dataclass_fields__]
    if unknown:
        raise DataError(
            f"codec {name}: unknown parameter '{unknown[0]}'{nearest(unknown[0], kind.__dataclass_fields__)}"
        )
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in params.items()})
