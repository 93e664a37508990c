"""Files of an experiment and of a signal with random damage: read, or refused in one line.

`python -m tests.fuzzing [--seconds N] [--seed N]` prints what was found and how many tries it took. Each changes
one file: bytes flipped, cut, doubled, or odd pieces put in. `tests/test_fuzzing.py` tries for a few seconds.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import resource
import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from kdray import results
from kdray.config import sweep_from, yaml_mapping
from kdray.errors import KdrayError
from kdray.experiment import lifecycle
from kdray.experiment.journal_lines import sound_lines
from kdray.report.sources import source
from kdray.teacher import manifest as manifests
from kdray.teacher.codecs import make
from kdray.teacher.manifest import ShardHeader
from kdray.teacher.shards import ShardWriter
from kdray.teacher.verify import verify
from tests.report.simulated import simulate
from tests.teacher.conftest import HEADER, make_logits, make_rows
from tests.teacher.crafted import sealed

SLOW_S = 5.0
PIECES = [
    b"\0" * 50, b"[" * 5000, b"NaN", b"-1", b"9" * 400, b"1e999", b"\xff\xfe", b"null", b'"\\ud800"', b"{}",
    b"\n", b"&a [*a,*a]", b"!!python/object:os.system x", b"\x1b[2J", b"2001-13-45", b"true", b"\n\n---\n", b": ",
]  # fmt: skip


def damaged(data: bytes, rng: random.Random) -> bytes:
    """The same with one to three changes."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        at, end = sorted(rng.choices(range(len(out) + 1), k=2))
        end = min(end, at + rng.choice([0, 1, 4, 40]))
        kind = rng.randrange(5)
        if kind == 0 and at < len(out):
            out[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del out[at:end]
        elif kind == 2:
            out[at:end] = rng.choice(PIECES)
        elif kind == 3:
            out[at:at] = out[at:end]
        elif kind == 4 and at + 4 <= len(out):
            out[at : at + 4] = rng.choice([2**31 - 1, -1, 0, 500_000_000, -(2**31)]).to_bytes(
                4, "little", signed=True
            )
    return bytes(out)


class World:
    """An experiment and a signal, and what reads each of their files."""

    def __init__(self, folder: Path) -> None:
        self.experiment, self.signal = folder / "x", folder / "signal"
        simulate(self.experiment, 4, cases=2)
        rows = make_rows(20)
        header = ShardHeader(**vars(HEADER))
        writer = ShardWriter(str(self.signal), make("head"), header)
        for number in range(2):
            part = rows[number * 10 : number * 10 + 10]
            writer.write(number, part, make_logits(part, number))
        self.manifest = writer.finish()
        self.sweep = (self.experiment / "sweep.yaml").read_bytes()
        self.journal = b"".join(
            json.dumps({"op_code": n % 10, "worker_id": "w", "trial_id": n}).encode() + b"\n"
            for n in range(40)
        )

    def one(self, rng: random.Random) -> str:
        """One try; the name of what was damaged."""
        kind = rng.choice(["yaml", "results", "manifest", "shard", "sealed", "journal"])
        {
            "yaml": self._yaml, "results": self._results, "manifest": self._manifest,
            "shard": self._shard, "sealed": self._sealed, "journal": self._journal,
        }[kind](rng)  # fmt: skip
        return kind

    def _yaml(self, rng: random.Random) -> None:
        sweep_from(yaml_mapping(damaged(self.sweep, rng), "f"), "f")

    def _results(self, rng: random.Random) -> None:
        files = [path for path in self.experiment.rglob("*") if path.suffix in (".json", ".jsonl", ".yaml")]
        with Changed(rng.choice(sorted(files)), rng):
            found = source(str(self.experiment))
            for record in found.records:
                results.read_cases(self.experiment, record.key)
            lifecycle.status(self.experiment)

    def _manifest(self, rng: random.Random) -> None:
        with Changed(self.signal / manifests.FILE, rng):
            verify(str(self.signal))

    def _shard(self, rng: random.Random) -> None:
        with Changed(self.signal / "shard-00000.arrow", rng):
            sealed(self.signal, self.manifest)
            verify(str(self.signal))

    def _sealed(self, rng: random.Random) -> None:
        info = self.manifest.shards[0]
        name = rng.choice(["rows", "tokens", "signal_bytes"])
        odd = replace(info, **{name: rng.choice([-1, 0, 10**12, 10**400, info.rows + 1])})
        sealed(self.signal, replace(self.manifest, shards=(odd, *self.manifest.shards[1:])))
        verify(str(self.signal))

    def _journal(self, rng: random.Random) -> None:
        sound, _ = sound_lines(damaged(self.journal, rng))
        assert sound_lines(sound) == (sound, [])


class Changed:
    """A file damaged for a moment."""

    def __init__(self, path: Path, rng: random.Random) -> None:
        self.path, self.data, self.rng = path, path.read_bytes(), rng

    def __enter__(self) -> None:
        self.path.write_bytes(damaged(self.data, self.rng))

    def __exit__(self, *error: object) -> None:
        self.path.write_bytes(self.data)


def fuzz(seconds: float, seed: int, tries: int | None = None) -> tuple[int, list[str]]:
    """How many tries there were, and what was found: what is no `KdrayError` of one line, or takes too long."""
    found: list[str] = []
    logging.disable(logging.WARNING)
    folder = Path(tempfile.mkdtemp())
    try:
        world, begin, number = World(folder), time.monotonic(), 0
        while time.monotonic() - begin < seconds and (tries is None or number < tries):
            rng, started = random.Random(f"{seed}/{number}"), time.monotonic()
            try:
                world.one(rng)
            except KdrayError as error:
                if "\n" in str(error):
                    found.append(f"{seed}/{number}: several lines: {error!r:.200}")
            except Exception as error:
                found.append(f"{seed}/{number}: {type(error).__name__}: {error!s:.200}")
            if time.monotonic() - started > SLOW_S:
                found.append(f"{seed}/{number}: {time.monotonic() - started:.1f} s")
            number += 1
        return number, found
    finally:
        logging.disable(logging.NOTSET)
        shutil.rmtree(folder)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tries, found = fuzz(asked.seconds, asked.seed)
    print("\n".join(found))
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{tries:,} tries, {len(found)} found, {peak:.0f} MB more at the peak")


if __name__ == "__main__":
    main()
