"""Splits and duplicates: no test file stands in two splits, no example twice.

The split is a hash of the group's name alone, so a file stays unseen whatever else is mined and whatever
version is installed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace

from kdray.corpus.example import Example, Split

VALID_SHARE = TEST_SHARE = 0.05


def split_of(group: str) -> Split:
    """The split of a group: 90 % of names are `train`, 5 % `valid`, 5 % `test`."""
    draw = int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big") / 2**64
    if draw < TEST_SHARE:
        return "test"
    return "valid" if draw < TEST_SHARE + VALID_SHARE else "train"


def by_file(examples: Iterable[Example]) -> list[Example]:
    """What a set has for training, split anew by file: projects are seen, files are not.

    Its own held-out splits are left out, so that they stay unseen.
    """
    return without_duplicates(
        replace(one, split=split_of(one.group)) for one in examples if one.split == "train"
    )


def without_duplicates(examples: Iterable[Example]) -> list[Example]:
    """The examples whose (body before the assertion, assertion, what follows) was not seen before.

    The name of the test does not count. Held-out splits go first, so that what stands in both is kept out of
    training rather than out of the test. The order of what remains is kept.
    """
    ordered = list(examples)
    seen: set[tuple[str, str, str]] = set()
    kept: set[str] = set()
    for split in ("test", "valid", "train"):
        for example in ordered:
            if example.split != split:
                continue
            # A test's first statement stands alone under its name: without the name nothing would be left to
            # compare.
            body = example.context.partition("\n")[2].strip() or example.context
            content = (body, example.target, example.after)
            if content not in seen:
                seen.add(content)
                kept.add(example.id)
    return [example for example in ordered if example.id in kept]
