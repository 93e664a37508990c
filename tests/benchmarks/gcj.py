"""Google Code Jam's clone pairs, split anew by function: no function of one split stands in another.

The published lists are split by pair, and 129 of 166 functions of the test pairs stand in training pairs too. Here
each function belongs to one split by a hash of its number (6 of 10 train, 2 valid, 2 test), and of all published
pairs those are kept whose two functions belong together: as many of either class, at most so many of a split.
A snippet is a whole class as published; here it is the longest method of it, for transformations take a function.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import random
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "clones" / "gcj"
SPLITS = ("train", "valid", "test")


def split_of(number: str) -> str:
    """The split of a function."""
    at = int(hashlib.sha256(number.encode()).hexdigest(), 16) % 10
    return "train" if at < 6 else "valid" if at < 8 else "test"


def write_source(folder: Path, most: dict[str, int]) -> dict[str, int]:
    """Writes functions and pairs as `read_labelled` takes them; how many pairs there are of each split."""
    codes = methods()
    pairs: dict[tuple[str, int], list[tuple[str, str]]] = {}
    for name in SPLITS:
        with gzip.open(DATA / f"{name}.tsv.gz", "rt") as stream:
            for row in csv.DictReader(stream, delimiter="\t"):
                one, two = row["id1"], row["id2"]
                if split_of(one) == split_of(two) and one in codes and two in codes:
                    pairs.setdefault((split_of(one), int(row["label"])), []).append((one, two))
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"id": number, "code": code}) + "\n" for number, code in codes.items()]
    (folder / "functions.jsonl").write_text("".join(lines))
    counts = {}
    for split in SPLITS:
        both = [pairs.get((split, label), []) for label in (0, 1)]
        count = min(len(both[0]), len(both[1]), most[split] // 2)
        chosen = [(*pair, label) for label in (0, 1) for pair in random.Random(0).sample(both[label], count)]
        random.Random(1).shuffle(chosen)
        lines = [f"{one}\t{two}\t{label}\n" for one, two, label in chosen]
        (folder / f"{split}.tsv").write_text("".join(lines))
        counts[split] = len(lines)
    return counts


def methods() -> dict[str, str]:
    """The longest method of each class that has one, by its number."""
    import tree_sitter
    import tree_sitter_java

    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_java.language()))
    found = {}
    with gzip.open(DATA / "functions.jsonl.gz", "rt") as stream:
        for line in map(json.loads, stream):
            nodes, declared = [parser.parse(line["code"].encode()).root_node], []
            while nodes:
                node = nodes.pop()
                declared += [node.text.decode()] if node.type == "method_declaration" else []
                nodes += node.children
            if declared:
                found[str(line["id"])] = max(declared, key=len)
    return found


def write_final(source: Path, folder: Path) -> Path:
    """The valid pairs alone, as a folder whose every pair is for judging."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "functions.jsonl").write_text((source / "functions.jsonl").read_text())
    lines = (source / "valid.tsv").read_text().split("\n")
    found = [dict(zip(("id1", "id2", "label"), line.split("\t"), strict=True)) for line in lines if line]
    (folder / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in found))
    return folder
