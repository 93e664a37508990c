"""What the rows of a large corpus take of the memory, from somebody's JSON lines to what a teacher reads.

    python tests/benchmarks/corpus_memory.py [--quick] [--out FOLDER]

Masked tests of Java, made up, of which nine in ten are for training. Each step is a process of its own, for each
number of rows; MB is the peak of all that it holds, its libraries included:

- `import`: `kdray corpus import` of the lines;
- `encode`: the training split is read and encoded for the packaged teacher, as before a capture (`before_mb`: what
  the process held with its tokenizer alone);
- `at once`: the same with lists of examples and rows, the way of a program that has room.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])

ROWS = (100_000, 500_000, 1_000_000)
QUICK = (20_000,)


def made(folder: Path, count: int) -> Path:
    """So many rows as JSON lines."""
    from tests.java_world import row

    rng = random.Random(0)
    folder.mkdir(parents=True, exist_ok=True)
    for split, begin, end in (
        ("train", 0, count * 9 // 10),
        ("valid", count * 9 // 10, count * 19 // 20),
        ("test", count * 19 // 20, count),
    ):
        with (folder / f"{split}.jsonl").open("w") as stream:
            stream.writelines(json.dumps(row(number, rng)) + "\n" for number in range(begin, end))
    return folder


def peak_mb() -> float:
    """Of this process, so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def encode(corpus: str, *, at_once: bool) -> dict[str, float]:
    """The rows of the training split in this process."""
    from kdray.corpus.store import read_corpus
    from kdray.students.load import load_tokenizer
    from kdray.tasks import task_of
    from tests.benchmarks.common import TEACHER, teacher_encoding

    task = task_of("assertion", load_tokenizer(TEACHER), False, teacher_encoding())
    before, begin = peak_mb(), time.perf_counter()
    if at_once:
        rows: Any = task.rows(read_corpus(corpus, "train"))
    else:
        from kdray.corpus.store import Examples
        from kdray.tasks.kept_rows import KeptRows, encoded

        rows = KeptRows(encoded(task, Examples(corpus, "train")))
    return {"rows": len(rows), "before_mb": before, "mb": peak_mb(), "s": time.perf_counter() - begin}


def apart(*command: str) -> dict[str, Any]:
    """A process of its own: its peak, its seconds, and what it says itself."""
    begin = time.perf_counter()
    with subprocess.Popen([sys.executable, "-W", "ignore", *command], stdout=subprocess.PIPE) as child:
        assert child.stdout
        said = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, command
    own = json.loads(said.splitlines()[-1]) if "--part" in command else {}
    return {"mb": round(usage.ru_maxrss / 1024), "s": round(time.perf_counter() - begin), **own}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help=f"{QUICK[0]:,} rows alone")
    parser.add_argument("--rows", type=int, nargs="*", help="other numbers of them")
    parser.add_argument(
        "--only", nargs="*", default=["import", "encode", "at once"], help="of the three steps"
    )
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "kdray-corpus-memory")
    parser.add_argument("--part", choices=("encode", "at once"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.part:
        found = encode(str(asked.out), at_once=asked.part == "at once")
        print(json.dumps({key: round(value) for key, value in found.items()}))
        return
    for count in asked.rows or (QUICK if asked.quick else ROWS):
        source, corpus = asked.out / f"{count}.source", asked.out / f"{count}.corpus"
        if not source.exists():
            made(source, count)
        if "import" in asked.only or not corpus.exists():
            command = ("-m", "kdray", "corpus", "import", str(source), "--out", str(corpus), "--force")
            print(json.dumps({"step": "import", "of": count, **apart(*command)}), flush=True)
        for part in ("encode", "at once"):
            if part in asked.only:
                found = apart(__file__, "--part", part, "--out", str(corpus))
                print(json.dumps({"step": part, "of": count, **found}), flush=True)


if __name__ == "__main__":
    main()
