"""Runs of one Java test in confined processes, and how each ended."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kdray.execution.confinement import Limits
from kdray.execution.java.confined_runs import HOME
from kdray.execution.java.jdk import Jdk
from kdray.execution.sandbox import Outcome

PROGRAM = ("-m", "kdray.execution.java.confined_runs")
WAIT = 4.0
"""Times as long as its seconds of a core may a run take by the clock."""
START_SECONDS = 20.0
"""Of a core, for the machine and JUnit to begin."""
MEMORY_BYTES = 2**32
"""Of address space, most of which a machine reserves and never uses; what it uses its own options limit."""
THREADS = 96
PRINTED_BYTES = 2**16
OPTIONS = (
    "-Xmx512m", "-Xss1m", "-XX:MaxMetaspaceSize=192m", "-XX:CompressedClassSpaceSize=64m",
    "-XX:ReservedCodeCacheSize=64m", "-XX:MaxDirectMemorySize=64m", "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-XX:+DisableAttachMechanism", "-XX:ErrorFile=/dev/null",
    "-ea", "-Djava.awt.headless=true", "-Dfile.encoding=UTF-8", "-Duser.timezone=UTC", "-Duser.language=en",
    "-Duser.country=US", f"-Djava.io.tmpdir={HOME}", f"-Duser.home={HOME}",
)  # fmt: skip
_SAID = re.compile(rb"\nkdray (\w+) ([\w$]*)\n")


@dataclass(frozen=True)
class JavaTest:
    """A test as JUnit is asked for it.

    Attributes:
        kit: the program that runs it.
        holder: its class, as the machine names it.
        method: its name.
        parameters: how many it takes.
    """

    kit: str
    holder: str
    method: str
    parameters: int


@dataclass(frozen=True)
class JavaOutcome:
    """How a run ended.

    Attributes:
        said: `passes`, `fails` (an assertion), `raises` (anything else), `skipped`, `absent` (JUnit finds no such
            test), `time`, `memory`, `output`, `exited` or `killed`.
        error: name of what was raised.
    """

    said: str
    error: str = ""


class Runs:
    """Starts one process after the other; for one thread.

    Attributes:
        programs: folder of the compiled runner.
    """

    def __init__(
        self, jdk: Jdk, programs: Path, classes: Sequence[str], seconds: float, unsafe: bool
    ) -> None:
        """Args: programs: folder of the compiled runner; classes: what is given; seconds, unsafe: see `How`."""
        self._jdk, self.programs, self._classes = jdk, programs, os.pathsep.join(classes)
        self._seconds, self._unsafe = seconds, unsafe
        self._home = tempfile.TemporaryDirectory(prefix="kdray-java-")
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-W", "ignore", *PROGRAM], text=True, cwd=self._home.name,
            env={name: os.environ[name] for name in ("PATH", "PYTHONPATH", "VIRTUAL_ENV") if name in os.environ},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def close(self) -> None:
        """Ends it."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()
        self._process.wait()
        self._home.cleanup()

    def run(
        self, test: JavaTest, runs: Sequence[Sequence[str]], folder: Path, must_pass: int = 0
    ) -> list[JavaOutcome]:
        """Runs a test several times.

        Args:
            test: which one.
            runs: for each run, the folders and jars of its classes, the first first.
            folder: where it runs.
            must_pass: so many of the first must pass, else the rest is not run.

        Returns:
            How each ended, up to the first of those that must pass and does not.

        Raises:
            NotConfined: the system refuses it.
        """
        outcomes: list[JavaOutcome] = []
        while len(outcomes) < len(runs):
            outcomes += self._some(test, runs[len(outcomes) :], folder, must_pass - len(outcomes))
            if any(outcome.said != "passes" for outcome in outcomes[:must_pass]):
                break
        return outcomes

    def _some(
        self, test: JavaTest, runs: Sequence[Sequence[str]], folder: Path, must_pass: int
    ) -> list[JavaOutcome]:
        """One process: as many runs as it comes to, one at least."""
        wall = WAIT * self._seconds
        limits = Limits(
            wall_seconds=WAIT * START_SECONDS + wall * len(runs),
            cpu_seconds=round(START_SECONDS + self._seconds * len(runs)) + 1,
            memory_bytes=MEMORY_BYTES,
            processes=THREADS,
            output_bytes=PRINTED_BYTES,
        )
        path = os.pathsep.join([str(self.programs), self._classes])
        asked = [test.kit, test.holder, test.method, str(test.parameters), str(round(1000 * wall))]
        asked += [str(PRINTED_BYTES // 2), str(max(0, must_pass)), *map(os.pathsep.join, runs)]
        argv = [str(self._jdk.java), *OPTIONS, "-cp", path, "KdrayRunner", *asked]
        request = {"argv": argv, "folder": str(folder), "limits": asdict(limits), "unsafe": self._unsafe}
        told = self._asked(request)
        if told.ending == "refused":
            raise NotConfined(told.message)
        said = [JavaOutcome(a.decode(), b.decode()) for a, b in _SAID.findall(told.output)][: len(runs)]
        if told.ending in ("time", "output", "killed") or not said:
            # The run that it had come to when it was ended from outside.
            said = [*said[: len(runs) - 1], JavaOutcome(told.ending, told.error)]
        return said

    def _asked(self, request: dict[str, Any]) -> Outcome:
        assert self._process.stdin and self._process.stdout  # noqa: S101 - they are pipes
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        told = json.loads(self._process.stdout.readline())
        return Outcome(**told | {"output": told["output"].encode("latin-1")})


class NotConfined(Exception):
    """The system does not let a run be confined."""
