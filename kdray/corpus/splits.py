"""Splits and duplicates: no test file stands in two splits, no example twice.

The split is a hash of the group's name alone, so a file stays unseen whatever else is mined and whatever
version is installed; of a published set it is the one that its files are named by.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from kdray.corpus.example import Example, Split
from kdray.corpus.left_out import LeftOut
from kdray.corpus.spool import Spool, number_of
from kdray.storage import fingerprint

VALID_SHARE = TEST_SHARE = 0.05
NAMES: dict[str, Split] = {
    **dict.fromkeys(("train", "training", "trainset", "trn"), "train"),
    **dict.fromkeys(
        (
            "valid",
            "validation",
            "validate",
            "validset",
            "val",
            "dev",
            "devel",
            "development",
            "eval",
            "evaluation",
        ),
        "valid",
    ),
    **dict.fromkeys(("test", "testing", "testset", "tst", "heldout"), "test"),
}
"""What people call a split, in small letters."""
EVALUATION = ("eval", "evaluation")
_NO_NAMES = frozenset(
    (
        "of",
        "json",
        "jsonl",
        "ndjson",
        "jsonlines",
        "parquet",
        "arrow",
        "txt",
        "tsv",
        "data",
        "gz",
        "zst",
        "xz",
        "bz2",
    )
)
_PARTS = frozenset(("data", "dataset", "set", "split", "splits", "part", "partial", "files"))
_NAMED = re.compile(r"^((?:async )?def test\w*\(.*\).*:)$", re.MULTILINE)
_FIRST: tuple[Split, ...] = ("test", "valid", "train")
"""Of two alike, the one in the first of these stays."""
SPLIT_FIELDS = ("split", "partition")
"""Where a row may say its own."""


def named_splits(paths: Sequence[Path]) -> list[Split | None]:
    """The split of each file of a set. `eval` is the validation part, but where another is called that and no
    file is a test part.
    """
    splits = [named_split(path) for path in paths]
    names = [_split_name(path) for path in paths]
    validation = {name for name, split in zip(names, splits, strict=True) if split == "valid"}
    if "test" in splits or not validation - set(EVALUATION):
        return splits
    return ["test" if name in EVALUATION else split for name, split in zip(names, splits, strict=True)]


def named_split(path: Path) -> Split | None:
    """The split that a path names, None for none (see `_split_name`)."""
    return NAMES.get(_split_name(path))


def _split_name(path: Path) -> str:
    """What a path calls its split: a whole name, the nearest first, or the first or last word of the file's name
    (`train-00000-of-00002.parquet`, `java_dev.jsonl`); "" where neither does, or both ends differ.
    """
    file = path.name.lower()
    words = [
        word for word in re.split(r"[\W_]+", file) if word and not (word.isdecimal() or word in _NO_NAMES)
    ]
    ends = [word for word in (words[:1] + words[-1:]) if word in NAMES]
    exact = file.partition(".")[0]
    if exact not in NAMES and len({NAMES[word] for word in ends}) == 1:
        return ends[0]
    return next(
        (name for name in (exact, *map(_folder_name, reversed(path.parent.parts))) if name in NAMES), ""
    )


def _folder_name(folder: str) -> str:
    """A folder's name without what only says that it is a part (`train_data`, `partial-train`)."""
    words = [word for word in re.split(r"[\W_]+", folder.lower()) if word and word not in _PARTS]
    return words[0] if len(words) == 1 else folder.lower()


def row_split(row: Mapping[str, object]) -> Split | None:
    """The split that a row says of itself, in the words that name a file (`test`, `Validation`, `test_set`)."""
    said = (row.get(field) for field in SPLIT_FIELDS)
    named = (named_split(Path(name.strip())) for name in said if isinstance(name, str))
    return next(filter(None, named), None)


def split_of(group: str) -> Split:
    """The split of a group: 90 % of names are `train`, 5 % `valid`, 5 % `test`."""
    draw = int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big") / 2**64
    if draw < TEST_SHARE:
        return "test"
    return "valid" if draw < TEST_SHARE + VALID_SHARE else "train"


def by_file(examples: Iterable[Example], left_out: LeftOut | None = None) -> Iterator[Example]:
    """What a set has for training, split anew by file: projects are seen, files are not.

    Its own held-out splits are left out, so that they stay unseen, and counted like what is there twice.
    """
    left_out = LeftOut() if left_out is None else left_out
    with Spool(_anew(examples, left_out)) as kept:
        yield from without_duplicates(kept, left_out)


def _anew(examples: Iterable[Example], left_out: LeftOut) -> Iterator[Example]:
    for example in examples:
        if example.split == "train":
            yield replace(example, split=split_of(example.group))
        else:
            left_out.add("of a split that the set holds out", f"{example.group} {example.test}")


def without_duplicates(
    examples: Sequence[Example] | Spool, left_out: LeftOut | None = None
) -> Iterator[Example]:
    """The examples whose (body before the assertion, assertion, what follows) was not seen before.

    The name of the test does not count. Held-out splits go first, so that what stands in both is kept out of
    training rather than out of the test. The order of what remains is kept; what does not is counted. They are
    read twice, and what is held of each is a number.
    """
    left_out = LeftOut() if left_out is None else left_out
    contents, ranks = array("Q"), array("B")
    for example in examples:
        contents.append(number_of(_body(example), example.target, example.after))
        ranks.append(_FIRST.index(example.split))
    order = np.argsort(np.array(ranks), kind="stable")
    _, firsts = np.unique(np.array(contents)[order], return_index=True)
    is_kept = np.zeros(len(order), bool)
    is_kept[order[firsts]] = True
    again = order[~is_kept[order]]
    for number, example in enumerate(examples):
        if len(again) and number == again[0]:
            place = f"{example.group} {example.test}"
            left_out.add("the same as another example", place, len(again))
        if is_kept[number]:
            yield example


def _body(example: Example) -> str:
    """The context without the line that names the test. A test's first statement stands alone under it: there is
    nothing else to compare then.
    """
    parts = _NAMED.split(example.context, maxsplit=1)
    before, body = (parts[0], parts[2]) if len(parts) == 3 else ("", example.context.partition("\n")[2])
    return before + body.strip() if body.strip() else example.context


def without_given_away(examples: Iterable[Example], left_out: LeftOut | None = None) -> list[Example]:
    """The examples but for those of a test split whose assertion can be read off their own context."""
    left_out = LeftOut() if left_out is None else left_out
    kept = []
    for example in examples:
        if example.split == "test" and example.is_given_away:
            left_out.add(
                "of the test split: the assertion stands in its own context",
                f"{example.group} {example.test}",
            )
        else:
            kept.append(example)
    return kept


def with_unique_ids(examples: Iterable[Example]) -> Iterator[Example]:
    """The examples, of which a later one with the id of another gets one of its own."""
    seen, repeated = set[int](), dict[str, int]()
    for example in examples:
        number = number_of(example.id)
        if number not in seen:
            seen.add(number)
            yield example
            continue
        repeated[example.id] = count = repeated.get(example.id, 1) + 1
        yield replace(example, id=fingerprint(example.id, str(count)))
