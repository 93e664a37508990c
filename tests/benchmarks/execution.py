"""What running assertions says of the packaged teacher, how fast, and whether pytest says the same.

    python tests/benchmarks/execution.py [--quick] [--out FOLDER]

- `judged`: the packaged teacher, retrieval, repeating the last assertion, the tests' own and none on held-out
  tests of sympy, networkx and mpmath that run alone, with at most ten mutants a case: rates with intervals over
  test files, and strict accuracy beside them.
- `agreement`: verdicts beside plain pytest on the edited files, case by case: each file stands edited in a copy of
  its package made of links, and all of a package are run by one pytest.
- `speed`: runs a second here, beside one `pytest FILE::TEST` after the other.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])

from kdray.corpus.example import Example  # noqa: E402
from kdray.corpus.mine import Options, mine  # noqa: E402
from kdray.corpus.python import is_assertion  # noqa: E402
from kdray.corpus.sample import sample  # noqa: E402
from kdray.corpus.store import write_corpus  # noqa: E402
from kdray.execution.ask import How, ask  # noqa: E402
from kdray.execution.imported_file import Case  # noqa: E402
from kdray.execution.place_of_test import function_of, position_of  # noqa: E402
from kdray.execution.runnable_tests import examine_by_running, find_runnable, runnable_examples  # noqa: E402
from tests.benchmarks.common import TEACHER, options, teacher  # noqa: E402

PACKAGES = ("sympy", "networkx", "mpmath")
SECONDS = 2.0
"""Of a core that a run may take: a case is run two dozen times."""
FAILING = ("AssertionError", "Failed")


def silent(done: int, total: int) -> None:
    """No progress."""


def written_by_teacher(examples: Sequence[Example]) -> list[str]:
    from kdray.evaluation.answering import answering

    model, task = teacher()
    outputs = answering(task).outputs(model, task, [task.prompt(e) for e in examples], batch_size=64)
    return [task.decode(output.ids) for output in outputs]


def linked(package: str, place: Path) -> None:
    """A copy of an installed package made of links, in which files can be added."""
    import importlib.util

    spec = importlib.util.find_spec(package)
    assert spec and spec.submodule_search_locations
    (source,) = spec.submodule_search_locations
    shutil.copytree(
        source, place / package, copy_function=os.symlink, ignore=shutil.ignore_patterns("__pycache__")
    )


def edited(source: str, example: Example, text: str) -> str | None:
    """A test file with a text in place of an example's assertion; None where that does not parse."""
    function = function_of(ast.parse(source), example.test)
    statement = function.body[position_of(function, example.target, example.context)]
    assert is_assertion(statement)
    lines = source.split("\n")
    indent = lines[statement.lineno - 1][: statement.col_offset]
    end = statement.end_lineno or statement.lineno
    lines[statement.lineno - 1 : end] = [f"{indent}{line}" for line in text.split("\n")]
    try:
        ast.parse(text)
    except SyntaxError:
        return None
    return "\n".join(lines)


def by_pytest(examples: Sequence[Example], texts: Sequence[str], place: Path) -> list[str]:
    """The verdicts of pytest over all edited files, of one package after the other: a `conftest.py` may speak of
    every test that is collected with its own.
    """
    verdicts = ["unparsed"] * len(examples)
    nodes: dict[str, list[str]] = defaultdict(list)
    for package in {example.group.split("/")[0] for example in examples}:
        linked(package, place)
    for number, (example, text) in enumerate(zip(examples, texts, strict=True)):
        path = place / example.group
        new = edited(path.read_text(), example, text) if text.strip() else None
        if new is not None:
            copy = path.with_name(f"test_kdray_{number}.py")
            copy.write_text(new)
            nodes[example.group.split("/")[0]].append("::".join([str(copy), *example.test.split(".")]))
    for package, own in nodes.items():
        for number, verdict in _of_a_package(own, place, place / f"{package}.xml"):
            # A parametrised test is as good as its first set of parameters that does not pass, of those that run.
            if verdicts[number] in ("unparsed", "skipped") or (
                verdicts[number] == "passes" and verdict != "skipped"
            ):
                verdicts[number] = verdict
    return ["raises" if verdict == "skipped" else verdict for verdict in verdicts]


def _of_a_package(nodes: Sequence[str], place: Path, report: Path) -> Iterator[tuple[int, str]]:
    """The numbers of edited files and a verdict of pytest on each, as often as it is run."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}"]
    subprocess.run(
        [*command, "--timeout=60", *nodes], cwd=place, capture_output=True, check=False,
        env=os.environ | {"PYTHONPATH": f"{place}{os.pathsep}{os.environ['PYTHONPATH']}"},
    )  # fmt: skip
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 - pytest wrote it
        file = next(part for part in case.attrib["classname"].split(".") if "test_kdray_" in part)
        yield int(file.split("_")[-1]), _verdict(case)


def _verdict(case: ElementTree.Element) -> str:
    problem = next((child for child in case if child.tag in ("failure", "error")), None)
    if problem is None:
        return "skipped" if case.find("skipped") is not None else "passes"
    said = problem.attrib.get("message", "").split(":")[0].strip()
    is_plain = said == "assert" or said.startswith(("assert ", "AssertionError", "Failed"))
    return "fails" if is_plain or said in FAILING else "raises"


def agreement(examples: Sequence[Example], place: Path) -> dict[str, Any]:
    texts = written_by_teacher(examples)
    cases = [Case(e.test, e.target, e.context, (text,)) for e, text in zip(examples, texts, strict=True)]
    started = time.perf_counter()
    ran = ask(examples, cases, How(seconds=SECONDS), silent)
    ours_s = time.perf_counter() - started
    not_now = [
        f"{e.group} {e.test}: {each.reason}" for e, each in zip(examples, ran, strict=True) if each.reason
    ]
    kept = [number for number, each in enumerate(ran) if not each.reason]
    examples, texts, ran = [examples[n] for n in kept], [texts[n] for n in kept], [ran[n] for n in kept]
    own = [each.verdicts[0] if text.strip() else "unparsed" for each, text in zip(ran, texts, strict=True)]
    theirs = by_pytest(examples, texts, place)
    differ = [
        {"test": f"{e.group} {e.test}", "text": text, "here": one, "pytest": other}
        for e, text, one, other in zip(examples, texts, own, theirs, strict=True)
        if one != other
    ]
    few = examples[:: max(1, len(examples) // 8)][:8]
    started = time.perf_counter()
    for example in few:
        node = "::".join([str(place / example.group), *example.test.split(".")])
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", node], cwd=place, capture_output=True,
            check=False, env=os.environ | {"PYTHONPATH": str(place)},
        )  # fmt: skip
    pytest_s = (time.perf_counter() - started) / len(few)
    return {
        "cases": len(examples), "not_now": not_now, "agree": len(examples) - len(differ), "differ": differ,
        "verdicts": Counter(own), "runs_a_second": 4 * len(examples) / ours_s,
        "seconds_of_one_pytest": pytest_s,
    }  # fmt: skip


def main() -> None:
    wanted = options("execution")
    corpus = str(wanted.out / "corpus")
    cases, files = (40, 30) if wanted.quick else (400, 400)
    if not Path(corpus).exists():
        write_corpus(corpus, mine(PACKAGES, options=Options(files=files)), PACKAGES)
        # Half of the time, so that they run again on a busy machine.
        find_runnable(corpus, 3 * cases // 2, How(seconds=SECONDS / 2), silent)
    examples = sample(runnable_examples(corpus, "test"), cases)
    shutil.rmtree(wanted.out / "linked", ignore_errors=True)
    (wanted.out / "linked").mkdir()
    found: dict[str, Any] = {"agreement": agreement(examples[: cases // 2], wanted.out / "linked")}
    print(json.dumps(found["agreement"]), flush=True)
    started = time.perf_counter()
    judged = examine_by_running(str(TEACHER), corpus, cases, 10, How(seconds=SECONDS), silent)
    found["judged"] = judged.as_data() | {"seconds": time.perf_counter() - started}
    print(json.dumps(found["judged"]), flush=True)


if __name__ == "__main__":
    main()
