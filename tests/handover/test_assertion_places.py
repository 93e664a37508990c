"""Where an assertion is wanted: the file as it is asked there, and with the answer in."""

from __future__ import annotations

import pytest

from kdray.errors import ConfigError, DataError
from kdray.handover.assertion_places import at_end_of, at_line, wanted

PYTHON = """\
import x


def test_a():
    a = 1

    if a:
        a = 2


class TestB:
    def test_b(self):
        b = 3
        # <ASSERT>

    def test_a(self): pass
"""
JAVA = """\
class CartTest {
    @Test
    void adds() {
        int n = 1;
    }
    void empty() {}
}
"""


def answered(source: str, language: str = "python", **place) -> list[str]:
    """The file with an answer in each place."""
    found = wanted(source, "t", language, **place)
    return [one.filled(source, "assert this") for one in found]


def test_a_placeholder_gives_way_to_its_answer():
    assert answered(PYTHON) == [PYTHON.replace("# <ASSERT>", "assert this")]


def test_of_several_each_is_asked_without_the_others():
    source = "def test_a():\n    <ASSERT>\n    a = 1\n    <ASSERT>\n"
    assert list(wanted(source, "", "python").values()) == [
        "def test_a():\n    <ASSERT>\n    a = 1\n", "def test_a():\n    a = 1\n    <ASSERT>\n",
    ]  # fmt: skip


def test_before_a_line_it_stands_as_deep_as_that_line_or_the_one_before():
    assert answered(PYTHON, line=5) == [PYTHON.replace("    a = 1\n", "    assert this\n    a = 1\n")]
    assert answered(PYTHON, line=6) == [PYTHON.replace("    a = 1\n", "    a = 1\n    assert this\n")]
    (source,) = wanted(PYTHON, "t", "python", line=14).values()
    assert source == PYTHON.replace("# <ASSERT>", "<ASSERT>")
    with pytest.raises(ConfigError, match=r"t: --line 99: it has \d+ lines"):
        at_line(PYTHON, 99, "t")


def test_a_test_is_ended_where_its_body_ends():
    assert answered(PYTHON, test="TestB::test_b") == [
        PYTHON.replace("        b = 3\n", "        b = 3\n        assert this\n")
    ]
    assert answered(PYTHON, test="test_a") == [
        PYTHON.replace("        a = 2\n", "        a = 2\n    assert this\n")
    ]
    assert answered(JAVA, "java", test="adds") == [
        JAVA.replace("        int n = 1;\n", "        int n = 1;\n        assert this\n")
    ]


def test_lines_end_as_those_of_the_file_do():
    (found,) = answered(PYTHON.replace("\n", "\r\n"), line=5)
    assert found.count("\r\n") == found.count("\n")


@pytest.mark.parametrize(
    ("source", "place", "said"),
    [
        ("def test_a():\r\n    <ASSERT>", {}, "def test_a():\r\n    assert this"),
        ("def test_a():\r\n    a", {"test": "test_a"}, "def test_a():\r\n    a\r\n    assert this"),
        ("def test_a():\n    a = 1\n", {"test": "test_a"}, "def test_a():\n    a = 1\n    assert this\n"),
    ],
)
def test_a_file_that_ends_without_a_line_end_goes_on_doing_so(source, place, said):
    assert answered(source, **place) == [said]


def test_a_carriage_return_alone_ends_a_line_as_it_does_where_the_place_was_found():
    raw = 'def test_a():\n    x = "a"\r    <ASSERT>\n    y\n'
    (place,) = wanted(raw.replace("\r", "\n"), "t", "python")
    assert place.filled(raw, "assert this") == raw.replace("<ASSERT>\n", "assert this\n")


def test_a_test_is_ended_also_in_a_file_that_has_placeholders():
    source = "def test_a():\n    a = 1\n    <ASSERT>\n    b = 2\n\n\ndef test_b():\n    b = 1\n    <ASSERT>\n"
    assert answered(source, test="test_a") == [source.replace("b = 2\n", "b = 2\n    assert this\n")]
    (asked,) = wanted(source, "t", "python", test="test_a").values()
    assert asked == source.replace("    <ASSERT>\n", "").replace("b = 2\n", "b = 2\n    <ASSERT>\n")
    before, _, behind = source.rpartition("<ASSERT>")
    assert answered(source, test="test_b") == [f"{before}assert this{behind}"]
    java = JAVA.replace("int n = 1;", "<ASSERT>")
    assert answered(java, "java", test="adds") == [java.replace("<ASSERT>", "assert this")]


@pytest.mark.parametrize(
    ("source", "test", "language", "said"),
    [
        (PYTHON, "test_c", "python", "t::test_c is not there"),
        (PYTHON + "\nclass TestC:\n    def test_b(self):\n        1\n", "test_b", "python", "TestB::test_b, T"),
        ("def (", "test_a", "python", r"t: does not parse as Python 3\.\d+, so where a test ends is"),
        (JAVA, "empty", "java", "t::empty is not there"),
    ],
)  # fmt: skip
def test_a_test_that_cannot_be_ended_is_one_line(source, test, language, said):
    with pytest.raises(DataError if "parse" in said else ConfigError, match=said):
        at_end_of(source, test, "t", language)
