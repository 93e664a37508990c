"""A test with a placeholder is the example that the miner would have made of it."""

from __future__ import annotations

import gzip
import itertools
import json
from pathlib import Path

import pytest

from kdray.corpus.mine import mine
from kdray.errors import ConfigError, DataError
from kdray.handover.placeholder import example
from tests import java_world, world

REAL_JAVA = Path(__file__).resolve().parents[3] / "shared" / "data" / "java_assertions" / "test.jsonl.gz"

JAVA = """\
package shop;

public class CartTest {
    private Cart cart;

    @Test
    public void addsUp() {
        // two of a kind
        Cart cart = new Cart();
        if (cart.isEmpty()) {
            cart.add("a", 2); /* not
            really */
        }

        int sum = cart.total();
        <AssertPlaceHolder>;
    }

    @Test
    public void other() { fail(); }
}
"""


def test_every_mined_example_comes_back_from_its_file_with_a_placeholder(tmp_path):
    folder = world.write_tests(tmp_path / "shop", files=4)
    examples = mine([str(folder)], processes=1)
    assert len(examples) > 10
    for one in examples:
        lines = (tmp_path / one.group).read_text().split("\n")
        # The same assertion may stand in several tests of the file.
        begin = next(n for n, line in enumerate(lines) if line.startswith(f"def {one.test}("))
        at = next(n for n, line in enumerate(lines) if n > begin and line.strip() == one.target)
        lines[at] = "    <ASSERT>"
        found = example("\n".join(lines), one.group)
        assert (found.context, found.test, found.focal, found.language) == (
            one.context, one.test, one.focal, "python",
        )  # fmt: skip


FIXTURES = """
import pytest

@pytest.fixture
def cart():
    return Cart(3)

class TestCart:
    def setup_method(self):
        self.size = 3

    @pytest.mark.parametrize("n", [1, 2])
    def test_adds(self, cart, n):
        cart.add(n)
        assert cart.total == n + self.size
"""


def test_what_a_test_is_given_stands_before_it_as_the_miner_has_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "conftest.py").write_text(FIXTURES.partition("class")[0])
    own = FIXTURES[FIXTURES.index("class") :]
    for name, text in (("test_own.py", FIXTURES), ("test_other.py", f"import pytest\n\n{own}")):
        (tmp_path / "shop" / name).write_text(text)
    mined = {one.group: one for one in mine(["shop"], processes=1)}
    assert mined
    for group, expected in mined.items():
        assert "return Cart(3)" in expected.context
        source = (tmp_path / group).read_text().replace("assert cart.total == n + self.size", "<ASSERT>")
        assert example(source, group).context == expected.context
    (tmp_path / "shop" / "conftest.py").write_text(
        FIXTURES.partition("class")[0].replace("Cart(3)", "Cart(44)")
    )
    assert "return Cart(44)" in example(source, group).context


def test_a_method_alone_and_unfinished_code_behind_it_are_taken():
    found = example("    def test_x(self):\n        x = f( 1)\n        <ASSERT>\n        y = (((\n", "")
    assert found.context == "def test_x(self):\n    x = f(1)\n    "
    assert found.test == "test_x"


def test_the_code_under_test_is_found_without_importing_anything():
    source = (
        "from networkx.algorithms.dag import ancestors\n\ndef test_ancestors():\n    g = f()\n    <ASSERT>\n"
    )
    assert example(source, "tests/test_dag.py").focal.startswith("def ancestors(G, source")


def test_of_java_the_method_is_taken_up_to_the_placeholder_without_comments():
    found = example(JAVA, "src/CartTest.java")
    assert found.language == "java"
    assert found.test == "addsUp"
    assert found.context == (
        "@Test\npublic void addsUp() {\n    Cart cart = new Cart();\n    if (cart.isEmpty()) {\n"
        '        cart.add("a", 2);\n    }\n    int sum = cart.total();\n    '
    )
    assert found.after == "\n}"


def test_unfinished_java_behind_the_placeholder_is_left_out_and_finished_java_is_read():
    begun = "class CartTest {\n    @Test\n    void total() {\n        if (x) {\n            <ASSERT>\n"
    finished = example(begun + "            cart.close();\n        }\n    }\n}\n", "CartTest.java")
    assert finished.after == "\n        cart.close();\n    }\n}"
    unfinished = example(begun + "            cart.close((;\n", "CartTest.java")
    assert unfinished.context == finished.context == "@Test\nvoid total() {\n    if (x) {\n        "
    assert "close" not in unfinished.after


def test_a_mined_java_test_comes_back_from_its_file_with_a_placeholder(tmp_path):
    java_world.write_checkout(tmp_path / "shop", classes=6)
    examples = mine([str(tmp_path / "shop")], processes=1, language="java")
    assert len(examples) > 10
    for one in examples:
        source = (tmp_path / one.group).read_text()
        first = one.target.partition(";")[0]
        found = example(source.replace(one.target.replace("; ", ";\n        "), "<ASSERT>", 1), one.group)
        assert first in source
        assert (found.context, found.after, found.language) == (one.context, one.after, "java")


@pytest.mark.parametrize(
    ("source", "path", "language", "says"),
    [
        ("def test_x():\n    pass\n", "t.py", None, "t.py: no placeholder: write <ASSERT>"),
        ("def test_x():\n    x = <ASSERT>\n", "t.py", None, "on a line of its own"),
        ("def test_x(:\n    <ASSERT>\n", "t.py", None, "does not parse"),
        ("<ASSERT>\n", "t.py", None, "in the body of a function"),
        ("def test_x():\n    with a:\n        <ASSERT>\n", "", None, "in the body of a function"),
        ("class A {\n<ASSERT>\n}", "A.java", None, "must stand in a method"),
    ],
)
def test_what_cannot_be_answered_is_one_line(source, path, language, says):
    with pytest.raises(DataError, match=says) as caught:
        example(source, path, language)
    assert "\n" not in str(caught.value)


def test_a_language_that_is_not_known_is_a_mistake_of_usage():
    with pytest.raises(ConfigError, match="--language jave, did you mean 'java'"):
        example("<ASSERT>", "", "jave")


@pytest.mark.shared
def test_of_real_java_tests_nearly_all_are_understood():
    if not REAL_JAVA.exists():
        pytest.skip("needs ../shared/data/java_assertions")
    with gzip.open(REAL_JAVA, "rt") as lines:
        rows = [json.loads(line) for line in itertools.islice(lines, 300)]
    understood = 0
    for row in rows:
        try:
            found = example(row["test_method_masked"], row["path"])
        except DataError:
            continue
        understood += found.test == row["test_name"] and not found.context.rpartition("\n")[2].strip()
    assert understood >= 0.99 * len(rows)


def test_a_placeholder_may_be_a_comment():
    for mark in ("# <ASSERT>", "#<AssertPlaceHolder>", "<ASSERT>;"):
        assert example(f"def test_x():\n    x = 1\n    {mark}\n", "").context.endswith("x = 1\n    ")
