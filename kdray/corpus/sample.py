"""Samples: of examples, in which every file counts alike, and of rows, evenly spaced."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from kdray.corpus.example import Example, Split
from kdray.corpus.store import Examples, corpus_manifest, read_corpus


def sample(examples: Sequence[Example], count: int, seed: int = 0) -> list[Example]:
    """At most `count` examples, taken from each file in turn.

    One file of generated-looking checks may hold a quarter of a split; taken in turn it weighs no more than
    any other. The order of files and of the examples in a file is a hash of the seed, so a smaller sample is
    the beginning of a larger one.
    """
    by_group: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        by_group[example.group].append(example)

    def draw(text: str) -> bytes:
        return hashlib.sha256(f"{seed}:{text}".encode()).digest()

    queues = [sorted(by_group[group], key=lambda e: draw(e.id)) for group in sorted(by_group, key=draw)]
    taken: list[Example] = []
    depth = 0
    while len(taken) < count and any(depth < len(queue) for queue in queues):
        taken += [queue[depth] for queue in queues if depth < len(queue)]
        depth += 1
    return taken[:count]


def unseen(corpus: str, split: Split, count: int, seed: int, *, written: bool) -> list[Example]:
    """At most `count` examples of a held-out split of a corpus, from each file in turn.

    `written`: whether the answers are texts; then one that can be read off its own context is left out, as it
    is of a test split when that is made.

    Raises:
        DataError: the split is empty.
    """
    examples = read_corpus(corpus, split)
    return sample([e for e in examples if not (written and e.is_given_away)], count, seed)


def evenly(total: int, count: int) -> list[int]:
    """`count` numbers out of 0 to `total` - 1, evenly spaced and ascending; all of them where there are fewer."""
    count = min(total, count)
    return [i * total // count for i in range(count)]


def evenly_read(corpus: str, split: Split, count: int) -> list[Example]:
    """At most `count` examples of a split of a corpus, evenly spaced, and no others held.

    Raises:
        DataError: the split is empty.
    """
    total = int(corpus_manifest(corpus)["splits"].get(split, 0))
    return Examples(corpus, split).at(evenly(total, count))
