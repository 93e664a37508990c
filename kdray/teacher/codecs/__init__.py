"""The codecs by name."""

from kdray.teacher.codec import Codec
from kdray.teacher.codecs.head import Head

CODECS: dict[str, type[Codec]] = {kind.name: kind for kind in (Head,)}
