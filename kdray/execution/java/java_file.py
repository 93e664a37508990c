"""A test file of a checkout, and what its tests say with other assertions in their places."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from kdray.corpus.example import Example
from kdray.corpus.java import PLACEHOLDER
from kdray.corpus.java_tree import name_of
from kdray.corpus.sample import evenly
from kdray.errors import DataError
from kdray.execution.case import Case, Fault, Ran, Verdict
from kdray.execution.java.edited_java import REACHED, EditedJava
from kdray.execution.java.java_checkout import Checkout
from kdray.execution.java.java_mutants import Place, faults_of, focal_method
from kdray.execution.java.java_runs import JavaOutcome, Runs
from kdray.execution.java.javac_process import Javac

_VERDICTS: dict[str, Verdict] = {"passes": "passes", "fails": "fails"}
_REASONS = {
    "skipped": "skips itself",
    "absent": "JUnit finds no such test",
    "time": "takes too long",
    "output": "writes too much",
}


class Mutant(NamedTuple):
    """A fault, and the folder of the classes that have it."""

    fault: Fault
    classes: Path


class JavaFile:
    """One test file; `work` is a folder of its own, which the runs can read."""

    def __init__(
        self, checkout: Checkout, path: Path, javac: Javac, runs: Runs, work: Path, source: str | None = None
    ) -> None:
        """Compiles it as it is, or a source with a placeholder in its place, with what it needs."""
        self._checkout, self._path, self._javac, self._runs, self._work = checkout, path, javac, runs, work
        self._mutants: dict[tuple[Path, str, int], Mutant | None] = {}
        self._source = source
        self.reason = checkout.compiled(path, None if source is None else PLACEHOLDER.sub("", source))
        self._resources = checkout.resources(path)
        self._module = checkout.module(path)

    def ran(self, example: Example, case: Case) -> Ran:
        """Runs a case. Raises `NotConfined` where nothing may be run."""
        if self.reason:
            return Ran(self.reason)
        try:
            if self._source is None:
                test = EditedJava.of(self._checkout.text(self._path).encode(), example)
            else:
                test = EditedJava.wanted(self._source)
        except DataError as error:
            return Ran(str(error))
        folder = Path(tempfile.mkdtemp(dir=self._work))
        folder.chmod(0o755)
        try:
            return self._ran(test, example, case, folder)
        finally:
            shutil.rmtree(folder)

    def _ran(self, test: EditedJava, example: Example, case: Case, folder: Path) -> Ran:
        made = {
            text: self._compiled(test, text, folder / str(number))
            for number, text in enumerate(dict.fromkeys([case.target, REACHED, *case.texts]))
        }
        written: list[Verdict] = [_unrun(made[text]) for text in case.texts]
        own = made[case.target]
        try:
            if not isinstance(own, Path):
                raise DataError("the assertions do not compile where the first one stood")
            mutants = self._tried(example, case)
            counting, known = self._checked(test, case, made, mutants)
        except DataError as error:
            return Ran(str(error), written, [[] for _ in written])
        verdicts, killed = list[Verdict](), list[list[bool]]()
        for text in case.texts:
            place = made[text]
            if isinstance(place, Path):
                runs = [[place], *([place, each.classes] for each in counting)]
                outcomes = known.get(text) or self._run(test, runs, must_pass=1)
                verdicts.append(_VERDICTS.get(outcomes[0].said, "raises"))
                killed.append([o.said != "passes" for o in outcomes[1:]] or [False] * len(counting))
            else:
                verdicts.append(place)
                killed.append([False] * len(counting))
        return Ran("", verdicts, killed, [mutant.fault for mutant in counting])

    def _checked(
        self, test: EditedJava, case: Case, made: dict[str, Path | Verdict], mutants: Sequence[Mutant]
    ) -> tuple[list[Mutant], dict[str, list[JavaOutcome]]]:
        """The mutants that count, and what came of texts with and without them that had to be run for it.

        Raises:
            DataError: the test does not run.
        """
        if not test.test.kit:
            raise DataError("its file names no JUnit")
        if test.is_abstract:
            raise DataError("its class is abstract")
        own, reached = made[case.target], made[REACHED]
        assert isinstance(own, Path)  # noqa: S101 - it was asked before
        if case.counting is not None:
            _check(self._run(test, [[own]], must_pass=1), once=True)
            return list(mutants), {}
        if not isinstance(reached, Path):
            raise DataError("no statement can stand in place of its assertion")
        faulty = [[own, each.classes] for each in mutants]
        outcomes = self._run(test, [[own], [own], [reached], *faulty], must_pass=2)
        _check(outcomes, once=False)
        if outcomes[2].error != "KdrayReached":
            raise DataError("does not come to its assertion")
        faults = dict(zip(mutants, outcomes[3:], strict=True))
        noticed = [mutant for mutant, outcome in faults.items() if outcome.said != "passes"]
        known = {case.target: outcomes[:1]}
        nothing = made[""] if "" in made else self._compiled(test, "", own.parent / "nothing")
        if not noticed or not isinstance(nothing, Path):
            return [], known
        without = self._run(test, [[nothing], *([nothing, each.classes] for each in noticed)], must_pass=1)
        counting = [m for m, o in zip(noticed, without[1:], strict=False) if o.said == "passes"]
        known[case.target] += [faults[mutant] for mutant in counting]
        known[""] = without[:1]
        return counting, known

    def _run(
        self, test: EditedJava, before: Sequence[Sequence[Path]], must_pass: int = 0
    ) -> list[JavaOutcome]:
        behind = [*self._checkout.classes, *map(str, self._resources)]
        return self._runs.run(
            test.test, [[*map(str, each), *behind] for each in before], self._module, must_pass
        )

    def _compiled(self, test: EditedJava, text: str, out: Path) -> Path | Verdict:
        """The folder of the edited test's classes, or why there is none."""
        if not self._javac.parses(text):
            return "unparsed"
        out.mkdir()
        source = test.edited(text)
        classes = [*self._checkout.classes, str(self._runs.programs)]
        return "uncompiled" if self._javac.compile(self._path.stem, source, out, classes) else out

    def _tried(self, example: Example, case: Case) -> list[Mutant]:
        """The mutants that are tried, or that are known to count; none where no method is known to be tested."""
        if not case.mutants or not example.focal:
            return []
        if case.counting is not None:
            known = [Fault(*each) for each in case.counting]
            found = [
                self._mutant(self._checkout.root / each.file, example.focal, each.number) for each in known
            ]
            if [each and each.fault for each in found] != known:
                raise DataError("the code under test is another than when its faults were chosen")
            return [each for each in found if each is not None]
        holder = example.focal.removeprefix("class ").partition(" ")[0]
        for path in self._checkout.named(holder):
            if faults := self._faults(path, example.focal):
                numbers = evenly(len(faults), case.mutants)
                made = (self._mutant(path, example.focal, number) for number in numbers)
                return [each for each in made if each is not None]
        return []

    def _faults(self, path: Path, focal: str) -> list[Place]:
        method = focal_method(self._checkout.text(path).encode(), focal)
        return [] if method is None else faults_of(method)

    def _mutant(self, path: Path, focal: str, number: int) -> Mutant | None:
        """The one of that number; None where it does not compile, or is not there."""
        key = path, focal, number
        if key not in self._mutants:
            self._mutants[key] = self._made(path, focal, number)
        return self._mutants[key]

    def _made(self, path: Path, focal: str, number: int) -> Mutant | None:
        if not path.is_file():
            return None
        data = self._checkout.text(path).encode()
        method = focal_method(data, focal)
        if method is None or number >= len(faults := faults_of(method)):
            return None
        fault, out = faults[number], self._work / f"fault{len(self._mutants)}"
        out.mkdir()
        if self._javac.compile(path.stem, fault.put(data).decode(), out, self._checkout.classes):
            return None
        file = path.relative_to(self._checkout.root).as_posix()
        name = name_of(method) or "?"
        return Mutant(Fault(file, method.start_point[0] + 1, name, number, fault.what), out)


def _unrun(made: Path | Verdict) -> Verdict:
    """What is said of a text whose test cannot be run."""
    return "compiles" if isinstance(made, Path) else made


def _check(outcomes: Sequence[JavaOutcome], *, once: bool) -> None:
    """Raises `DataError` where the first two runs, or the first, do not pass."""
    for outcome, again in zip(outcomes[: 1 if once else 2], ("", " in a second run"), strict=False):
        if outcome.said in ("fails", "raises"):
            raise DataError(f"does not pass here ({outcome.error}){again}")
        if outcome.said != "passes":
            raise DataError(f"{_REASONS.get(outcome.said, f'ends by {outcome.said}')}{again}")
