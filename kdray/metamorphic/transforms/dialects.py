"""The languages with braces, by name."""

from __future__ import annotations

from kdray.metamorphic.transforms.c_dialect import C
from kdray.metamorphic.transforms.curly import Unit, unit_of
from kdray.metamorphic.transforms.java_dialect import JAVA
from kdray.metamorphic.transforms.tree import Source

DIALECTS = {"java": JAVA, "c": C}


def unit(source: Source) -> Unit | str:
    """The source's one function, or why there is none."""
    return unit_of(source, DIALECTS)
