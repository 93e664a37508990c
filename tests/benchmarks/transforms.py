"""How many variants a second one core makes, and how many of them did something else when they ran.

`python tests/benchmarks/transforms.py [--quick | --suites]`. Python: every transformation on real test
functions of networkx and sympy, originals and variants executed. Java and C: own programs, compiled and run, where
the compilers are.
Speed counts the variants made, over the processor time of all attempts, refusals too; each source is parsed anew
once for all transformations, as a suite does.

`--suites`: projects that nobody has tuned to, fetched when it runs, every function replaced by a chain of variants
and their own tests run (see `transforms_suites`). Hours; what is done is kept in `--out`, and not done again.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kdray.metamorphic.transforms.base import Variant
from kdray.metamorphic.transforms.registry import transforms_of
from kdray.metamorphic.transforms.tree import parse
from tests.benchmarks import transforms_curly, transforms_python, transforms_suites
from tests.metamorphic.transforms import proof_curly
from tests.metamorphic.transforms.proof import Proof, prove, real_tests


def speed(language: str, sources: Sequence[tuple[str, str]], rounds: int) -> float:
    """Variants per second of processor time."""
    made = 0
    begin = time.process_time()
    for seed in range(rounds):
        for context, target in sources:
            parse.cache_clear()
            for transform in transforms_of(language):
                made += isinstance(transform(context, target, seed), Variant)
    return made / (time.process_time() - begin)


def row(language: str, per_s: float, proof: Proof) -> dict[str, Any]:
    """One language's figures, printed."""
    executed = sum(proof.executed.values())
    print(f"{language:<8}{per_s:10.0f} variants/s{executed:8d} executed{len(proof.changed):6d} changed")
    for line in proof.changed[:5]:
        print("   ", line.splitlines()[0])
    return {"variants_per_s": round(per_s), "executed": executed, "changed_outcome": len(proof.changed)}


def python(quick: bool) -> dict[str, Any]:
    """Real test functions."""
    tests = list(islice(chain(real_tests("networkx"), real_tests("sympy")), 40 if quick else 600))
    proof = prove(tests, len(tests), each=len(transforms_of("python")))
    print(f"{proof.functions} test functions of networkx and sympy")
    return row("python", speed("python", [(t.context, t.target) for t in tests], 1 if quick else 3), proof)


def curly(language: str, quick: bool) -> dict[str, Any]:
    """Own programs."""
    sources = [(text, "") for text in proof_curly.PROGRAMS[language].values()]
    per_s = speed(language, sources, 10 if quick else 200)
    tool = proof_curly.missing_tool(language)
    if tool is not None:
        print(f"{language}: no {tool} here, nothing executed")
        return {"variants_per_s": round(per_s), "executed": 0, "changed_outcome": 0, "skipped": f"no {tool}"}
    with tempfile.TemporaryDirectory() as folder:
        return row(language, per_s, proof_curly.prove(language, Path(folder)))


def suites(folder: Path, rounds: int, only: Sequence[str] | None) -> dict[str, Any]:
    """Rounds through all projects."""
    folder.mkdir(parents=True, exist_ok=True)

    def log(line: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)

    python, c, java = transforms_python, transforms_curly.CProject, transforms_curly.JavaProject
    projects: dict[str, tuple[str, Callable[[str], transforms_suites.Project]]] = {
        **{
            name: ("python", lambda n: python.PythonProject(n, python.fetched(n, folder)))
            for name in python.PROJECTS
        },
        **{
            name: ("c", lambda n: c(n, transforms_curly.fetched(n, folder)))
            for name in transforms_curly.C_PROJECTS
        },
        **{
            name: ("java", lambda n: java(n, transforms_curly.fetched(n, folder), folder))
            for name in transforms_curly.JAVA_PROJECTS
        },
    }
    for seed in range(rounds):
        for name, (language, made) in projects.items():
            if only is None or name in only or language in only:

                def work(name: str = name, made: Any = made, seed: int = seed) -> transforms_suites.Round:
                    return transforms_suites.play(made(name), seed, log)

                transforms_suites.keep(name, language, seed, folder, work)
    return transforms_suites.report(folder)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--suites", action="store_true")
    parser.add_argument("--rounds", type=int, default=1, help="through each project, with other seeds")
    parser.add_argument("--only", action="append", help="a project or a language; several times for several")
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "kdray-transforms")
    options = parser.parse_args()
    if options.suites:
        print(json.dumps(suites(options.out, options.rounds, options.only)))
        return
    quick = options.quick
    result: dict[str, Any] = {"python": python(quick)}
    result |= {language: curly(language, quick) for language in ("java", "c")}
    print(json.dumps(result | {"quick": quick}))


if __name__ == "__main__":
    main()
