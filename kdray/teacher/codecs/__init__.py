"""The codecs by name."""

from kdray.teacher.codec import Codec
from kdray.teacher.codecs.full import Full
from kdray.teacher.codecs.head import Head
from kdray.teacher.codecs.minmax import MinMax
from kdray.teacher.codecs.sampled import Sampled

CODECS: dict[str, type[Codec]] = {kind.name: kind for kind in (Head, Full, Sampled, MinMax)}
