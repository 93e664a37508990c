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
from tests.execution.test_java_runs import JUNIT4, needs_java

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
    ("path", "language", "given", "said"),
    [
        ("", "python", (), "needs a file"),
        ("", "java", (), "needs a file"),
        ("t.py", "python", ("a.jar",), "--classpath is of Java, and t.py is python"),
    ],
)
def test_what_cannot_be_run_is_refused(path, language, given, said):
    with pytest.raises(ConfigError, match=said):
        run_candidates({}, {}, path, language, classpath=given)


JAVA = """\
package shop;

import static org.junit.Assert.*;

import org.junit.Test;

public class CartTest {
    private final Cart cart = new Cart();

    @Test
    public void adds() {
        int sum = cart.add(2);
        // <ASSERT>
        assertTrue(sum > 0);
    }

    @Test
    public void isEmpty() {
        <ASSERT>
    }
}
"""
JAVA_CANDIDATES = [
    Candidate("assertEquals(3, sum);", 0.9, 0.9),
    Candidate("assertEquals(4, summ);", 0.8, 0.8),
    Candidate("assertEquals(2, sum);", 0.5, 0.5),
    Candidate("assertEquals(cart.add(0), 0);", 0.4, 0.4),
    Candidate("assertEquals(", 0.3, 0.3, parses=False),
]


@needs_java
def test_candidates_for_a_java_test_are_run_where_its_file_stands(file, capsys):
    test = file.parent / "src" / "test" / "java" / "shop" / "CartTest.java"
    cart = file.parent / "src" / "main" / "java" / "shop" / "Cart.java"
    for path, source in (
        (test, JAVA),
        (cart, "package shop;\npublic class Cart { int held; int add(int n) { return held += n; } }\n"),
    ):
        path.parent.mkdir(parents=True)
        path.write_text(source)
    places = wanted(JAVA, str(test), "java")
    asked = dict.fromkeys(places, JAVA_CANDIDATES)
    first, second = run_candidates(asked, places, str(test), "java", classpath=JUNIT4).values()
    assert [(one.confidence, one.verdict) for one in first] == [
        (0.5, "passes"), (0.9, "fails"), (0.4, "fails"), (0.8, "uncompiled"), (0.3, ""),
    ]  # fmt: skip
    assert [(one.confidence, one.verdict) for one in second] == [
        (0.4, "passes"), (0.9, "uncompiled"), (0.8, "uncompiled"), (0.5, "uncompiled"), (0.3, ""),
    ]  # fmt: skip
    (place, whole), *_ = places.items()
    broken = {place: whole.replace("cart.add(2)", "cart.take(2)")}
    assert [
        *run_candidates({place: JAVA_CANDIDATES}, broken, str(test), "java", classpath=JUNIT4).values()
    ] == [JAVA_CANDIDATES]
    assert "not run: its test does not compile: cannot find symbol 'take'" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="classpath: Java tests are compiled with JUnit"):
        run_candidates({place: JAVA_CANDIDATES}, {place: whole}, str(test), "java")
