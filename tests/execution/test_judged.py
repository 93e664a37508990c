"""Assertions that run: a small package of our own, its tests mined, and what is written in their place."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from types import FunctionType

import pytest

from kdray.corpus.mine import mine
from kdray.corpus.store import write_corpus
from kdray.errors import ConfigError, DataError
from kdray.execution.ask import How, ask
from kdray.execution.case import Case
from kdray.execution.confinement import Limits
from kdray.execution.judged import judge
from kdray.execution.mutants import mutants_of
from kdray.execution.runnable_tests import find_runnable, roots_of, runnable_examples
from kdray.execution.sandbox import Outcome, run
from kdray.execution.warm import answer

CODE = """\
class Box:
    def __init__(self, side):
        self.side = side

    def area(self):
        return self.side * self.side

    def __grown(self, by):
        return Box(self.side + by)

    def grown(self, by=1):
        return self.__grown(by)


def largest(numbers):
    best = numbers[0]
    for number in numbers[1:]:
        if number > best:
            best = number
    return best
"""
TESTS = """\
from __future__ import annotations
import functools
import unittest
from unittest import mock
import random
import pytest
from kdray_shop.boxes import Box, largest

COUNT = 0


def setup_module(module):
    module.READY = 1


def counted():
    global COUNT
    COUNT += 1


def test_counted() -> NobodyHasThis:
    counted()
    assert COUNT == 1


def test_largest():
    found = largest([1, 3, 2])
    assert found == 3


class TestBox(unittest.TestCase):
    def setUp(self):
        super().setUp()
        self.__box = Box(3)

    def test_area(self):
        area = self.__box.area()
        self.assertEqual(area, 9)
        self.assertGreater(area, 0)


class TestPlain:
    def setup_method(self, method):
        self.box = Box(1 + READY)

    def test_grown(self):
        assert self.box.grown().side == 3


def test_taken():
    left = [1, largest([2, 3])]
    assert left.pop() == 3
    assert left == [1]


@pytest.mark.parametrize(("numbers", "most"), [([1, 2], 2), ([5, 4], 5)])
def test_each(numbers, most):
    found = largest(numbers)
    assert found == most


@pytest.fixture
def box():
    return Box(4)


class TestGiven:
    @pytest.fixture(autouse=True)
    def _two(self):
        self.two = 2

    def test_given(self, box, tmp_path, monkeypatch):
        (tmp_path / "side").write_text(str(box.side))
        monkeypatch.setattr(box, "side", box.side + self.two)
        assert box.area() == 36

    def test_two(self):
        area = Box(self.two).area()
        assert area == 4


class TestMocked(unittest.TestCase):
    @mock.patch.object(Box, "side", 5, create=True)
    def test_mocked(self):
        area = Box.area(Box)
        self.assertEqual(area, 25)


@mock.patch.object(Box, "side", 6, create=True)
class TestMarked:
    def test_marked(self):
        area = Box.area(Box)
        assert area == 36


def noisy(test):
    @functools.wraps(test)
    def run(*arguments):
        return test(*arguments)
    return run


@noisy
def test_decorated():
    area = Box(1).area()
    assert area == 1


if COUNT == 0:
    def test_in_a_branch():
        side = Box(2).side
        assert side == 2
else:
    def test_in_the_other():
        assert Box(2) is None


class TestLater(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.side = 3

    def test_now(self):
        side = Box(self.side).side
        self.assertEqual(side, 3)


class TestTakenDown(unittest.TestCase):
    def setUp(self):
        self.boxes = [Box(1)]
        self.addCleanup(self.cleaned)

    def cleaned(self):
        if self.boxes == [2]:
            raise ValueError

    def tearDown(self):
        self.boxes.pop()

    def test_taken_down(self):
        count = len(self.boxes)
        self.assertEqual(count, 1)


class TestPlainTakenDown:
    def teardown_method(self):
        assert not hasattr(self, "left")

    def test_left(self):
        side = Box(1).side
        assert side == 1


class TestOuter:
    @classmethod
    def setup_class(cls):
        cls.side = 4

    class TestInner:
        def test_inner(self):
            side = Box(TestOuter.side).side
            assert side == 4


def hidden(test):
    return lambda: test()


test_hidden = None


@hidden
def test_hidden():
    assert Box(6).area() == 36


@pytest.mark.xfail
def test_wrong():
    assert Box(7).area() == 0


def test_missing(nobody_has_this):
    assert Box(8).area() == 64


def test_by_chance():
    assert not Path("/proc/self/stat").read_text()


def test_not_reached():
    if Box(1).area():
        return
    assert Box(2) is None


def test_skips():
    pytest.skip("no")
    assert Box(4) is None


async def test_later():
    assert Box(5) is None
"""

pytestmark = pytest.mark.skipif(
    run(lambda: None, Limits()).ending == "refused", reason="this system grants no namespaces"
)
HOW = How(seconds=20.0)


@pytest.fixture(scope="module")
def shop():
    """Examples of a package that can be imported, where everybody may read: root's runs are `nobody`'s."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        root = Path(folder)
        root.chmod(0o755)
        tests = root / "kdray_shop" / "tests"
        tests.mkdir(parents=True)
        (root / "kdray_shop" / "__init__.py").write_text("")
        (tests / "__init__.py").write_text("")
        (root / "kdray_shop" / "boxes.py").write_text(CODE)
        (tests / "test_boxes.py").write_text(TESTS)
        patch.syspath_prepend(folder)
        patch.setenv("PYTHONPATH", os.pathsep.join([folder, *filter(None, [os.environ.get("PYTHONPATH")])]))
        yield {f"{e.test} {e.target}": e for e in mine(["kdray_shop"], processes=1)}


def asked(example, *texts, mutants=0):
    (ran,) = ask(
        [example], [Case(example.test, example.target, example.context, texts, mutants)], HOW, print_nothing
    )
    return ran


def print_nothing(done, total):
    pass


def named(shop, test):
    return [example for name, example in shop.items() if name.startswith(test)][
        -1 if test == "test_taken" else 0
    ]


def test_what_other_assertions_do_is_not_taken_for_a_fault(shop):
    ran = asked(named(shop, "test_taken"), "assert left == [1]", mutants=9)
    assert (ran.reason, ran.verdicts, ran.killed) == ("", ["passes"], [[]])


@pytest.mark.parametrize(
    ("test", "texts", "verdicts"),
    [
        ("test_in_a_branch", ("assert side == 2", "assert side == 3"), ["passes", "fails"]),
        (
            "TestLater.test_now",
            ("self.assertEqual(side, 3)", "self.assertEqual(side, 4)"),
            ["passes", "fails"],
        ),
        (
            "TestTakenDown",
            ("self.assertTrue(count)", "self.boxes.clear()", "self.boxes = [2, 3]"),
            ["passes", "raises", "raises"],
        ),
        ("TestPlainTakenDown", ("assert side", "self.left = 1"), ["passes", "raises"]),
        ("TestMarked", ("assert area", "raise type('Kind', (AssertionError,), {})"), ["passes", "fails"]),
    ],
)
def test_what_stands_around_a_test_is_run_with_it(shop, test, texts, verdicts):
    ran = asked(named(shop, test), *texts)
    assert (ran.reason, ran.verdicts) == ("", verdicts)


def test_a_class_within_a_class_is_set_up_as_this_pytest_has_it(shop):
    (folder,) = importlib.util.find_spec("kdray_shop").submodule_search_locations
    node = f"{folder}/tests/test_boxes.py::TestOuter::TestInner::test_inner"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", node]
    done = subprocess.run(command, capture_output=True, cwd=folder)
    ran = asked(named(shop, "TestOuter"), "assert side == 4")
    assert (done.returncode, ran.reason, ran.verdicts) in (
        (0, "", ["passes"]), (1, "does not pass here (AttributeError)", []),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("test", "old", "new", "target"),
    [
        ("test_largest", "found", "most", "assert most == 3"),
        ("TestBox.test_area", "area", "size", "self.assertEqual(size, 9)"),
        ("test_each", "found", "best", "assert best == most"),
    ],
)
def test_a_variant_runs_as_its_context_has_it(shop, test, old, new, target):
    example = named(shop, test)
    head, _, body = example.context.rpartition(":\n")
    context = f"{head}:\n    # another look\n    if True:\n    {body.rstrip().replace(old, new, 1)}\n    "
    right, wrong = target, example.target
    case = Case(example.test, target, context, (right, wrong, ""), 9, is_variant=True)
    (ran,) = ask([example], [case], HOW, print_nothing)
    assert (ran.reason, ran.verdicts) == ("", ["passes", "raises", "passes"])
    own, _, none = ran.killed
    assert own and all(own)
    assert not any(none)
    (ran,) = ask([example], [replace(case, target="assert not 1")], HOW, print_nothing)
    assert ran.reason == "does not pass here (AssertionError)"


def test_a_variant_that_does_not_end_with_its_assertion_is_left_out(shop):
    example = named(shop, "test_largest")
    for context in (f"{example.context}    if found:\n        ", f"{example.context}pass\n"):
        case = Case(example.test, example.target, context, ("",), is_variant=True)
        (ran,) = ask([example], [case], HOW, print_nothing)
        assert ran.reason == "the variant is no test that ends with its assertion"


@pytest.mark.parametrize(
    "test", ["test_largest", "TestBox.test_area", "TestPlain.test_grown", "test_counted"]
)
def test_a_test_of_its_own_passes_and_another_assertion_says_what_it_says(shop, test):
    subject = {
        "test_largest": "found", "TestBox.test_area": "area", "TestPlain.test_grown": "self.box.side",
        "test_counted": "COUNT",
    }[test]  # fmt: skip
    texts = (
        f"assert {subject}",
        f"assert not {subject}",
        f"assert {subject}.nothing",
        "assert (",
        "",
        "# nothing",
        "break",  # what the parser takes, and the compiler does not
        "nonlocal nothing",
        "assert (yield)",  # with which the test would not be run
        "assert '\ud800'",
    )
    ran = asked(named(shop, test), *texts)
    assert ran.reason == ""
    assert ran.verdicts == ["passes", "fails", "raises", "unparsed", "passes", *["unparsed"] * 5]


def test_an_assertion_kills_the_mutants_that_it_notices_and_a_weak_one_does_not(shop):
    texts = ("assert found == 3", "assert found > 0", "assert True", "assert found == 4")
    ran = asked(named(shop, "test_largest"), *texts, mutants=30)
    own, weak, none, wrong = ran.killed
    assert len(own) >= 3
    assert all(own)
    assert not any(none)
    assert not any(wrong)  # it fails without a fault
    assert sum(weak) < len(own)


def turned(number):
    if number == 1:
        return 2
    if not number:
        return 3
    return 4


def test_no_fault_counts_twice():
    does = [[FunctionType(one.code, {})(number) for number in range(3)] for one in mutants_of(turned, 99)]
    assert len(does) == len(set(map(str, does))) == 9


@pytest.mark.parametrize(
    ("test", "reason"),
    [
        ("test_hidden", "decorated by what hides it"),
        ("test_wrong", "is expected to fail"),
        ("test_missing", "does not pass here (FixtureLookupError)"),
        ("test_by_chance", "does not pass here (NameError)"),
        ("test_not_reached", "does not come to its assertion"),
        ("test_skips", "skips itself"),
        ("test_later", "async"),
        ("test_in_the_other", "pytest does not collect it"),
    ],
)
def test_what_does_not_run_alone_is_left_out_with_its_reason(shop, test, reason):
    assert asked(named(shop, test), "assert True").reason == reason


@pytest.mark.parametrize(
    ("test", "right", "wrong"),
    [
        ("test_each", "assert found == most", "assert found == 2"),  # the second set of parameters fails
        ("TestGiven.test_given", "assert box.area() == 36", "assert box.area() == 16"),
        ("TestGiven.test_two", "assert area == 4", "assert area == 5"),
        ("test_decorated", "assert area == 1", "assert area == 2"),
        ("TestMocked.test_mocked", "assert area == 25", "self.assertEqual(area, 9)"),
        ("TestMarked.test_marked", "assert area == 36", "assert area == 25"),
    ],
)
def test_what_pytest_gives_a_test_is_given(shop, test, right, wrong):
    ran = asked(named(shop, test), right, wrong, "", "assert (", "assert nothing_here", mutants=9)
    assert ran.reason == ""
    assert ran.verdicts == ["passes", "fails", "passes", "unparsed", "raises"]
    own, _, none, *_ = ran.killed
    assert own and all(own)
    assert not any(none)


def test_without_pytest_what_needs_it_is_left_out(shop, monkeypatch):
    import kdray.execution.ask as asking

    script = (
        "import json, sys, importlib.util as u, kdray.execution.warm as w\n"
        "found = u.find_spec\nu.find_spec = lambda name, *a: None if name == 'pytest' else found(name, *a)\n"
        "w.answer(json.load(sys.stdin))\n"
    )
    monkeypatch.setattr(asking, "PROGRAM", ["-c", script])
    assert asked(named(shop, "test_each"), "").reason == "parametrised, and pytest cannot collect it here"
    assert asked(named(shop, "test_largest"), "").verdicts == ["passes"]


ESCAPED = str(Path(tempfile.gettempdir()) / "kdray-escaped")
HOSTILE = {
    "import os\nwhile True: os.fork()": "raises",
    "while True: pass": "raises",
    "x = [0] * 10**10": "raises",
    "import os; os.remove(__import__('kdray_shop').__file__)": "raises",
    "import socket; socket.create_connection(('127.0.0.1', 9), 1)": "raises",
    f"open({ESCAPED!r}, 'w')": "raises",
    "import sys; sys.exit(0)": "raises",
    "import os; os._exit(0)": "raises",
    "def f(): f()\nf()": "raises",
    "import sys\nfor i in range(10**7): sys.stdout.write('x' * 1000)": "raises",
    "import signal\nfor n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)\nwhile 1: pass": "raises",
    "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(9,)).start()": "raises",
    'import os; os.write(3, b\'{"ending": "completed"}\\n\'); assert found == 4': "fails",
    "import os\nwhile True: os.write(os.memfd_create('kept'), bytes(2**20))": "raises",
    "import ctypes; ctypes.string_at(0)": "raises",
    "import json; json.dumps = found": "passes",
}


def test_a_hostile_assertion_is_contained_and_the_next_one_runs(shop):
    example = named(shop, "test_largest")
    case = Case(example.test, example.target, example.context, (*HOSTILE, "assert found == 3"))
    (ran,) = ask([example], [case], How(seconds=5.0), print_nothing)
    assert ran.verdicts == [*HOSTILE.values(), "passes"]
    assert not Path(ESCAPED).exists()


def test_verdicts_are_those_of_pytest_on_the_edited_file(shop, tmp_path):
    for test, line in (
        ("test_largest", "    assert found == 3"),
        ("TestBox.test_area", "        self.assertEqual(area, 9)"),
    ):
        example = named(shop, test)
        indent = line[: len(line) - len(line.lstrip())]
        texts = ("assert 1 + 1 == 2", "assert 1 > 2", "assert nothing_here", "pytest.fail('x')")
        ran = asked(example, *texts)
        for text, verdict in zip(texts, ran.verdicts, strict=True):
            path = tmp_path / "test_edited.py"
            path.write_text(TESTS.replace(line, indent + text))
            node = f"{path}::{test.replace('.', '::')}"
            done = subprocess.run(
                [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", node],
                capture_output=True, text=True, cwd=tmp_path,
            )  # fmt: skip
            assert (done.returncode == 0) == (verdict == "passes"), done.stdout
            assert ("NameError" in done.stdout) == (verdict == "raises")


def test_writers_are_judged_beside_the_tests_own_assertion_and_none(shop):
    examples = [named(shop, test) for test in ("test_largest", "TestPlain.test_grown", "test_later")]
    found = judge(examples, {"me": ["assert found > 0", "", "assert n"]}, mutants=12, how=HOW)
    assert found.cases == 2
    assert list(found.left_out.because()) == ["async"]
    own, none, mine_ = (found.metrics[name] for name in ("original", "no_assertion", "me"))
    assert (own["pass_rate"], own["kill_rate"], own["vacuous_rate"], own["assertion_accuracy"]) == (
        1,
        1,
        0,
        1,
    )
    assert (none["pass_rate"], none["kill_rate"], none["vacuous_rate"]) == (1, 0, 1)
    assert (mine_["parse_rate"], mine_["pass_rate"], mine_["false_alarm_rate"]) == (0.5, 0.5, 0)
    assert 0 < mine_["kill_rate"] < 1
    assert mine_["strict_misses_that_pass_and_kill"] == 1
    json.dumps(found.as_data(), allow_nan=False)


def test_where_not_one_example_runs_the_reason_is_said(shop):
    other = replace(named(shop, "test_largest"), language="c")
    with pytest.raises(DataError, match=r"none of these .* can be run here; left out 1, .*: c is not run"):
        judge([other], {"me": ["assert True"]}, how=HOW)


def test_a_corpus_keeps_which_of_its_tests_run(shop, tmp_path):
    corpus = str(tmp_path / "corpus")
    held_out = [replace(example, split="test") for example in shop.values()]
    write_corpus(
        corpus, [*held_out, replace(held_out[0], split="train"), replace(held_out[0], split="valid")], ["x"]
    )
    kept = find_runnable(corpus, None, HOW, print_nothing)
    # Whether pytest sets up a class for one within it depends on its version.
    assert {e.test for e in runnable_examples(corpus, "test")} - {"TestOuter.TestInner.test_inner"} == {
        "test_largest", "TestBox.test_area", "TestPlain.test_grown", "test_taken", "test_each",
        "TestGiven.test_given", "TestGiven.test_two", "TestMocked.test_mocked", "TestMarked.test_marked",
        "test_decorated", "test_counted", "test_in_a_branch",
        "TestLater.test_now", "TestTakenDown.test_taken_down", "TestPlainTakenDown.test_left",
    }  # fmt: skip
    assert kept["left_out"]["async"]["count"] == 1
    for damaged in ("[]", "{}", json.dumps(kept | {"runnable": 3})):
        Path(corpus, "runnable.json").write_text(damaged)
        with pytest.raises(DataError, match=r"runnable\.json: damaged: kdray corpus runnable "):
            runnable_examples(corpus, "test")


def test_a_mined_folder_is_run_where_it_lies(tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / "src").mkdir()
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "src" / "kdray_kit.py").write_text("def twice(n):\n    return 2 * n\n")
    (tmp_path / "tests").mkdir()
    source = "from kdray_kit import twice\n\n\ndef test_twice():\n    n = twice(3)\n    assert n == 6\n"
    (tmp_path / "tests" / "test_kit.py").write_text(source)
    corpus, folder = str(tmp_path / "corpus"), str(tmp_path / "tests")
    (example,) = mine([folder], processes=1)
    write_corpus(corpus, [replace(example, split=split) for split in ("train", "test")], [folder])
    assert find_runnable(corpus, None, HOW, print_nothing)["left_out"] == {}
    case = Case(example.test, example.target, example.context, ("assert n == 6", "assert n == 7"), 9)
    (ran,) = ask([example], [case], replace(HOW, roots=roots_of(corpus)), print_nothing)
    assert ran.verdicts == ["passes", "fails"]
    assert len(ran.killed[0]) >= 2


def test_where_nothing_can_be_confined_nothing_runs(shop, monkeypatch):
    import kdray.execution.ask as asking

    refused = Outcome("refused", message="cannot be confined here: no")
    script = (
        "import json, sys, kdray.execution.imported_file as f, kdray.execution.warm as w\n"
        f"f.run_each = lambda *a: [f.Outcome('refused', message={refused.message!r})]\n"
        "w.answer(json.load(sys.stdin))\n"
    )
    assert ("-m", answer.__module__) == asking.PROGRAM
    monkeypatch.setattr(asking, "PROGRAM", ["-c", script])
    with pytest.raises(
        ConfigError, match=r"confined or not at all: cannot be confined here: no \(--unsafe, where"
    ):
        asked(named(shop, "test_largest"), "assert True")
