"""The languages with braces, by name, and the function of a source in one of them."""

from __future__ import annotations

from kdray.metamorphic.transforms.c_dialect import C
from kdray.metamorphic.transforms.curly import Unit, surveyed
from kdray.metamorphic.transforms.java_dialect import JAVA
from kdray.metamorphic.transforms.tree import Source

DIALECTS = {"java": JAVA, "c": C}


def unit_of(source: Source) -> Unit | str:
    """The source's one function, or why there is none."""
    if "unit" not in source.memory:
        source.memory["unit"] = surveyed(source, DIALECTS[source.language])
    unit: Unit | str = source.memory["unit"]
    return unit
