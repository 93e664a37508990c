"""How often the method under test of a Java test is the right one, on 100 tests that were read and judged by hand.

    for package in commons-math3 joda-convert jsoup lib{commons-{codec,collections4,csv,lang3},joda-time}-java; do
        apt-get source --download-only $package; done
    for archive in *.orig.tar.*; do tar xf $archive; done
    python tests/benchmarks/java_focal.py commons-* joda-* jsoup-*

The tests stand in `java_judged.json` by file, name and the method that they are about (`Class.method(types)`, `-`
for none), of Debian bookworm's versions; nothing of the sources is kept. Tests of files that are not there, or
that are no examples, are not counted. A method that is not told does not count against the precision. The rules
were mended while these tests were read: of tests that nobody has read the precision may be lower.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from kdray.corpus.java_classes import class_of
from kdray.corpus.java_tree import DECLARATIONS, name_of, parse, walk
from kdray.corpus.mine import mine
from kdray.evaluation.intervals import wilson

JUDGED = Path(__file__).with_name("java_judged.json")


def signature(focal: str) -> str:
    """`Class.method(types)` of a method within its class; "" without one."""
    if not focal:
        return ""
    node = next(node for node in walk(parse(focal.encode())) if node.type in DECLARATIONS)
    name, (method, *_) = next(iter(class_of(node).methods.items()))
    return f"{name_of(node)}.{name}({','.join(method.parameters)})"


def main(folders: list[str]) -> None:
    judged = {(one["file"], one["test"]): one["method"] for one in json.loads(JUDGED.read_text())}
    examples = mine(folders, language="java")
    said = {(one.group.partition("/")[2], one.test): signature(one.focal) for one in examples}
    found = {key: (said[key], method) for key, method in judged.items() if key in said}
    told = {key: one for key, one in found.items() if one[0]}
    right = sum(one == method for one, method in told.values())
    low, high = wilson(right, len(told))
    for (file, test), (one, method) in told.items():
        if one != method:
            print(f"  {Path(file).name} {test}: {one}, judged {method}")
    print(f"{len(found)} of {len(judged)} judged tests mined; a method told for {len(told)}")
    print(f"precision {right / len(told):.3f} [{low:.3f}-{high:.3f}]")
    share = sum(bool(one.focal) for one in examples) / len(examples)
    print(f"of all {len(examples):,} examples {share:.3f} have one")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+")
    main(parser.parse_args().folders)
