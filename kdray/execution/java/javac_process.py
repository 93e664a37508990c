"""Java's compiler as one process that is asked many times: in memory, without annotation processors.

Nothing of what it compiles is run by it. What keeps it longer than it may is ended with it, and the next question
starts another.
"""

from __future__ import annotations

import base64
import contextlib
import os
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from kdray.execution.java.jdk import Jdk, program

SECONDS = 120.0
"""Of one question: the first of a checkout may compile all of it."""
MEMORY = "-Xmx768m"


class Wrong(NamedTuple):
    """The first error of a compilation.

    Attributes:
        code: javac's name for it; `kdray.…` for our own.
        message: its text, which may have several lines.
    """

    code: str
    message: str


class Javac:
    """The process; several threads may ask it."""

    def __init__(self, jdk: Jdk) -> None:
        self._jdk, self._lock = jdk, threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def parses(self, text: str) -> bool:
        """Whether a text is statements that may stand in a method, "" among them."""
        return self._asked("parse", text) is None

    def compile(
        self, name: str, source: str, out: Path, classes: Sequence[str], sources: Sequence[str] = ()
    ) -> Wrong | None:
        """Compiles a source.

        Args:
            name: of its file, without `.java`.
            source: its text.
            out: folder for its classes, and for those of the sources that it needs.
            classes: jars and folders.
            sources: folders of sources that it may need.

        Returns:
            What is wrong with it; None where it compiles.
        """
        joined = (os.pathsep.join(each) for each in (classes, sources))
        return self._asked("compile", name, source, str(out), *joined)

    def close(self) -> None:
        """Ends the process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    if pipe is not None:
                        pipe.close()
            process.wait()

    def _asked(self, *fields: str) -> Wrong | None:
        line = " ".join(base64.b64encode(_encoded(field)).decode("ascii") for field in fields)
        with self._lock:
            answer = self._answer(line)
            if not answer:
                self.close()
                return Wrong("kdray.ended", "the compiler takes too long or too much")
        code, message = (base64.b64decode(part).decode() for part in answer.split(" "))
        return Wrong(code, message) if code else None

    def _answer(self, line: str) -> str:
        process = self._process or self._started()
        assert process.stdin and process.stdout  # noqa: S101 - they are pipes
        watch = threading.Timer(SECONDS, process.kill)
        watch.start()
        try:
            process.stdin.write(f"{line}\n")
            process.stdin.flush()
            return process.stdout.readline().strip("\n")
        except OSError:
            return ""
        finally:
            watch.cancel()

    def _started(self) -> subprocess.Popen[str]:
        asked: list[str | Path] = [
            self._jdk.java,
            MEMORY,
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Xss4m",
        ]
        self._process = subprocess.Popen(
            [*asked, program("KdrayCompiler")], umask=0o022, text=True, encoding="ascii",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        return self._process


def _encoded(field: str) -> bytes:
    """As UTF-8; half a surrogate pair, which no source can hold, as what the compiler refuses."""
    return field.encode("utf-8", "replace")
