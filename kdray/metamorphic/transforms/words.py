"""Names that a programmer might have chosen."""

from __future__ import annotations

import random
from collections.abc import Container

WORDS = (
    "value",
    "item",
    "data",
    "result",
    "entry",
    "count",
    "total",
    "index",
    "size",
    "left",
    "right",
    "first",
    "second",
    "other",
    "current",
    "previous",
    "start",
    "stop",
    "limit",
    "offset",
    "width",
    "height",
    "node",
    "parent",
    "child",
    "source",
    "output",
    "buffer",
    "record",
    "field",
    "key",
    "pair",
    "group",
    "table",
    "row",
    "column",
    "matrix",
    "vector",
    "element",
    "number",
    "amount",
    "level",
    "depth",
    "score",
    "weight",
    "factor",
    "ratio",
    "state",
    "status",
    "mode",
    "option",
    "label",
    "message",
    "text",
    "line",
    "word",
    "part",
    "piece",
    "sample",
    "batch",
    "block",
    "chunk",
    "frame",
)
COMMENTS = (
    "set up what is needed",
    "check the result",
    "the order matters here",
    "see the documentation for details",
    "this is the usual case",
    "prepare the input",
    "keep this simple",
    "regression test",
)


def fresh(rng: random.Random, taken: Container[str], style: str = "snake", words: int = 1) -> str:
    """A name that nothing has yet.

    Args:
        rng: draws the name.
        taken: every word of the source.
        style: `snake` or `camel`.
        words: how many at least.
    """
    word = rng.choice(WORDS)
    tries = 0
    while word in taken or tries + 1 < words:
        tries += 1
        second = rng.choice(WORDS)
        word = f"{word.split('_')[0]}_{second}" if style == "snake" else word + second.capitalize()
        if tries > 4:
            word += str(rng.randrange(10**6))
    return word
