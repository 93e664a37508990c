"""Whether faults are what cosmic-ray makes of the same functions, and whether plain pytest catches the same ones.

    pip install cosmic-ray
    python tests/benchmarks/mutants.py [--quick] [--out FOLDER]

Held-out tests of mpmath and networkx that run alone, and the functions that they call and catch a fault of. Of
each function all faults that cosmic-ray makes and all of ours; two are the same where their code is. Of those
some are put into a copy of the package, in cosmic-ray's words, and the edited test is run by pytest: with its
own assertion alone, and without any.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])

from kdray.corpus.example import Example  # noqa: E402
from kdray.corpus.mine import Options, mine  # noqa: E402
from kdray.corpus.python import is_assertion  # noqa: E402
from kdray.corpus.sample import evenly, sample  # noqa: E402
from kdray.corpus.store import write_corpus  # noqa: E402
from kdray.execution.ask import How, ask  # noqa: E402
from kdray.execution.case import Case, Fault  # noqa: E402
from kdray.execution.edited_test import function_of, position_of  # noqa: E402
from kdray.execution.mutants import mutants_of  # noqa: E402
from kdray.execution.runnable_tests import find_runnable, runnable_examples  # noqa: E402
from tests.benchmarks.common import options  # noqa: E402
from tests.benchmarks.execution import SECONDS, linked, silent  # noqa: E402

PACKAGES = ("mpmath", "networkx")
ALL = 10**6


class Same(NamedTuple):
    """A fault that both make.

    Attributes:
        example: a test that calls the function.
        fault: ours.
        source: of the function with the fault, as cosmic-ray writes it.
        first, last: lines of the function in its file, from 0, and the one behind it.
    """

    example: Example
    fault: Fault
    source: str
    first: int
    last: int


def theirs(source: str) -> Iterator[str]:
    """What cosmic-ray makes of a function."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator, operator_names

    for name in operator_names():
        try:
            operator = get_operator(name)()
        except TypeError:  # one that wants to be told something
            continue
        occurrence = 0
        while (changed := mutate_code(source, operator, occurrence)) is not None:
            yield changed
            occurrence += 1


def meaning(code: CodeType) -> Any:
    """What a code object does, wherever it stands."""
    consts = [
        meaning(each) if isinstance(each, CodeType) else (type(each), repr(each)) for each in code.co_consts
    ]
    return code.co_code, tuple(consts), code.co_names, code.co_varnames, code.co_freevars


def meaning_of(source: str, name: str) -> Any:
    """That of a function's source; None where it is none."""
    try:
        inside: list[CodeType] = [compile(source, "<theirs>", "exec", dont_inherit=True)]
    except (SyntaxError, ValueError):
        return None
    found = [each for each in inside[0].co_consts if isinstance(each, CodeType) and each.co_name == name]
    return meaning(found[-1]) if found else None


def function_at(fault: Fault, package: str) -> FunctionType | None:
    """The function of a fault; None for one that stands in a class or another function."""
    name = ".".join([package, *Path(fault.file).with_suffix("").parts])
    found = inspect.unwrap(
        getattr(importlib.import_module(name.removesuffix(".__init__")), fault.name, None) or len
    )
    is_it = isinstance(found, FunctionType) and found.__code__.co_firstlineno == fault.line
    return found if is_it and not found.__closure__ else None


def compared(example: Example, fault: Fault) -> tuple[dict[str, int], list[Same]] | None:
    """Counts of faults of one function, and those that both make."""
    function = function_at(fault, example.group.split("/")[0])
    if function is None:
        return None
    lines, first = inspect.getsourcelines(function)
    source = textwrap.dedent("".join(lines))
    own = meaning_of(source, fault.name)
    made = {meaning_of(each, fault.name): each for each in theirs(source)}
    made.pop(None, None)
    made.pop(own, None)
    ours = {meaning(each.code): each for each in mutants_of(function, ALL)}
    both = [
        Same(example, Fault(fault.file, fault.line, fault.name, ours[key].number, ours[key].what), made[key],
             first - 1, first - 1 + len(lines))
        for key in made if key in ours
    ]  # fmt: skip
    return {"ours": len(ours), "theirs": len(made), "both": len(both)}, both


def alone(source: str, example: Example, *, with_own: bool) -> str:
    """A test file in which a test has its own assertion alone, or none."""
    tree = ast.parse(source)
    function = function_of(tree, example.test)
    own = function.body[position_of(function, example.target, example.context)]
    function.body = [each for each in function.body if (each is own and with_own) or not is_assertion(each)]
    function.body += [ast.Pass()]
    return ast.unparse(ast.fix_missing_locations(tree))


def by_pytest(same: Same, place: Path) -> tuple[bool, bool]:
    """Whether the test with its own assertion alone, and the one without any, notices a fault."""
    package, _, inner = same.example.group.partition("/")
    code, test = place / package / same.fault.file, place / package / inner
    original = code.resolve()
    lines = original.read_text().splitlines(keepends=True)
    indent = lines[same.first][: len(lines[same.first]) - len(lines[same.first].lstrip())]
    changed = textwrap.indent(same.source, indent).splitlines(keepends=True)
    code.unlink()
    code.write_text("".join([*lines[: same.first], *changed, *lines[same.last :]]))
    try:
        return tuple(
            _fails(alone(test.read_text(), same.example, with_own=own), test, same, place)
            for own in (True, False)
        )  # type: ignore[return-value]
    finally:
        code.unlink()
        code.symlink_to(original)


def _fails(source: str, test: Path, same: Same, place: Path) -> bool:
    copy = test.with_name("test_kdray_fault.py")
    copy.write_text(source)
    node = "::".join([str(copy), *same.example.test.split(".")])
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout=60", node]
    ended = subprocess.run(
        command, cwd=place, capture_output=True, check=False,
        env=os.environ | {"PYTHONPATH": f"{place}{os.pathsep}{os.environ['PYTHONPATH']}"},
    )  # fmt: skip
    copy.unlink()
    return ended.returncode != 0


def noticed(same: Sequence[Same]) -> list[tuple[bool, bool]]:
    """The same by our runs."""
    cases = [
        Case(e.test, e.target, e.context, (e.target, ""), mutants=1, counting=(fault,))
        for e, fault, *_ in same
    ]
    ran = ask([each.example for each in same], cases, How(seconds=SECONDS), silent)
    assert not [each.reason for each in ran if each.reason]
    return [(each.killed[0][0], each.killed[1][0]) for each in ran]


def main() -> None:
    wanted = options("mutants")
    corpus, count, checked = str(wanted.out / "corpus"), *((30, 8) if wanted.quick else (150, 60))
    if not Path(corpus).exists():
        write_corpus(corpus, mine(PACKAGES, options=Options(files=count)), PACKAGES)
        find_runnable(corpus, 2 * count, How(seconds=SECONDS), silent)
    examples = sample(runnable_examples(corpus, "test"), count)
    cases = [Case(e.test, e.target, e.context, (e.target,), mutants=10) for e in examples]
    called = {
        (fault.file, fault.line, fault.name): (example, fault)
        for example, ran in zip(examples, ask(examples, cases, How(seconds=SECONDS), silent), strict=True)
        for fault in (Fault(*each) for each in ran.counting)
    }
    counts, same = {"functions": 0, "ours": 0, "theirs": 0, "both": 0}, list[Same]()
    for example, fault in called.values():
        found = compared(example, fault)
        if found is not None:
            counts = {name: value + found[0].get(name, 1) for name, value in counts.items()}
            same += found[1]
    some = [same[i] for i in evenly(len(same), min(checked, len(same)))]
    place = wanted.out / "mutated"
    place.mkdir(exist_ok=True)
    for package in {each.example.group.split("/")[0] for each in some}:
        if not (place / package).exists():
            linked(package, place)
    here, by_them = noticed(some), [by_pytest(each, place) for each in some]
    differ = [
        {"test": f"{each.example.group} {each.example.test}", "fault": f"{each.fault.file} {each.fault.what}",
         "here": own, "pytest": other}
        for each, own, other in zip(some, here, by_them, strict=True) if own != other
    ]  # fmt: skip
    counting = sum(own and not without for own, without in here)
    told = "{functions} functions: {theirs} faults by cosmic-ray, {ours} by us, the same: {both}"
    print(told.format_map(counts))
    print(
        f"{len(some)} of these run: {len(some) - len(differ)} are noticed by pytest as here; {counting} count"
    )
    print(
        json.dumps(
            counts
            | {"run": len(some), "agree": len(some) - len(differ), "counting": counting, "differ": differ}
        )
    )


if __name__ == "__main__":
    main()
