"""Candidates that are run in their test before they are shown."""

import tempfile
from pathlib import Path

import pytest

from kdray.errors import ConfigError
from kdray.execution.confinement import Limits
from kdray.execution.sandbox import run
from kdray.handover.assertion_places import wanted
from kdray.handover.predict import Candidate
from kdray.handover.run_candidates import run_candidates

SOURCE = """\
import pytest
from till import total


@pytest.fixture
def prices():
    return [1, 2]


def test_total(prices):
    sum_ = total(prices)
    <ASSERT>
    # <ASSERT>


class TestNothing:
    def test_nothing(self):
        sum_ = total([])
        assert sum_ == 0
"""
CANDIDATES = [
    Candidate("assert sum_ == 4", 0.9, 0.9),
    Candidate("assert sum_ == 3", 0.5, 0.5),
    Candidate("assert summ == 3", 0.4, 0.4),
    Candidate("assert (", 0.3, 0.3, parses=False),
]

pytestmark = pytest.mark.skipif(
    run(lambda: None, Limits()).ending == "refused", reason="this system grants no namespaces"
)


@pytest.fixture
def file():
    """In a folder that everybody may read: root's runs are `nobody`'s."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        (Path(folder) / "till.py").write_text("def total(prices):\n    return sum(prices)\n")
        yield Path(folder) / "test_till.py"


def verdicts(file, source, **place):
    file.write_text(source)
    places = wanted(source, str(file), "python", **place)
    found = run_candidates(dict.fromkeys(places, CANDIDATES), places, str(file), "python")
    return [[(one.assertion, one.verdict) for one in each] for each in found.values()]


RUN = [
    ("assert sum_ == 3", "passes"), ("assert sum_ == 4", "fails"), ("assert summ == 3", "raises"),
    ("assert (", ""),
]  # fmt: skip


def test_what_passes_comes_first_and_each_says_how_it_ended(file):
    assert verdicts(file, SOURCE) == [RUN, RUN]  # with a fixture, and another placeholder behind or before it


def test_the_end_of_a_test_and_a_line_are_places_too(file):
    whole = SOURCE.replace("    <ASSERT>\n    # <ASSERT>\n", "")
    assert verdicts(file, whole, test="test_total") == [RUN]
    assert verdicts(file, whole, line=12) == [RUN]
    ((first, *_),) = verdicts(file, whole, test="TestNothing::test_nothing")
    assert first == ("assert sum_ == 4", "fails")  # none passes: the likeliest one


def test_a_test_that_does_not_run_is_said_and_its_candidates_stay(file, capsys):
    broken = SOURCE.replace("total(prices)", "totals(prices)").replace("    # <ASSERT>\n", "")
    assert verdicts(file, broken) == [[(one.assertion, "") for one in CANDIDATES]]
    assert "not run: its test does not pass here (NameError)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("path", "language", "said"), [("", "python", "needs a file"), ("T.java", "java", "not run")]
)
def test_what_cannot_be_run_is_refused(path, language, said):
    with pytest.raises(ConfigError, match=said):
        run_candidates({}, {}, path, language)
