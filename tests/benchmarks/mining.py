"""What mined Python examples say of their tests: parameters, code under test, answers beside the question.

`python tests/benchmarks/mining.py` fetches the source archives of the projects whose suites prove the
transformations (see `transforms_python`) and mines them as folders; with names, these packages or folders.

A parameter is missing where it has no default, is none of pytest's own fixtures and stands nowhere above the test.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from kdray.corpus.example import Example  # noqa: E402
from kdray.corpus.mine import Options, mine  # noqa: E402
from tests.benchmarks.transforms_python import PROJECTS, fetched  # noqa: E402

HEAD = re.compile(r"^(?:async )?(def test\w*\(.*\).*:)$", re.MULTILINE)
PYTEST = {"self", "cls", "request", "tmp_path", "tmp_path_factory", "tmpdir", "tmpdir_factory", "monkeypatch"}
PYTEST |= {"capsys", "capfd", "capsysbinary", "capfdbinary", "caplog", "recwarn", "pytestconfig", "cache"}


def missing(example: Example) -> bool:
    """Whether a test has a parameter of which nothing is said above it."""
    head = HEAD.search(example.context)
    if head is None:
        return False
    arguments = ast.parse(head[1] + " pass").body[0].args  # type: ignore[attr-defined]
    given = [*arguments.posonlyargs, *arguments.args]
    names = {one.arg for one in given[: len(given) - len(arguments.defaults)]}
    return bool(names - PYTEST - set(re.findall(r"\w+", example.context[: head.start()])))


def figures(examples: Sequence[Example]) -> dict[str, float]:
    """Counts and shares of one mining."""
    held = [one for one in examples if one.split == "test"]
    return {
        "examples": len(examples),
        "miss a parameter": sum(map(missing, examples)) / len(examples),
        "have code under test": sum(bool(one.focal) for one in examples) / len(examples),
        "stand in their context": sum(one.is_given_away for one in examples) / len(examples),
        "... of the test split": sum(one.is_given_away for one in held) / max(1, len(held)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sources", nargs="*")
    parser.add_argument("--files", type=int, help="at most, taken evenly")
    parser.add_argument(
        "--work",
        type=Path,
        default=Path(tempfile.gettempdir()) / "kdray-mining",
        help="where archives are kept",
    )
    options = parser.parse_args()
    sources = options.sources or [str(fetched(name, options.work)) for name in PROJECTS]
    bare = Options(whole=False, given_away=True, files=options.files)
    told = {
        "bodies alone (--body --given-away)": figures(mine(sources, 1, options=bare)),
        "as mined": figures(mine(sources, 1, options=Options(files=options.files))),
    }
    for name, found in told.items():
        print(name)
        for what, value in found.items():
            print(f"  {what:28}{value:10,.3f}" if isinstance(value, float) else f"  {what:28}{value:10,}")
    print(json.dumps(told))


if __name__ == "__main__":
    main()
