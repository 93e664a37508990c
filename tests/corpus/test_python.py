from pathlib import Path

import pytest

from kdray.corpus.focal import FocalFinder
from kdray.corpus.left_out import LeftOut
from kdray.corpus.python import mine_file
from kdray.corpus.splits import split_of

SOURCE = '''
"""Tests."""
from shop.cart import Cart, add_all

def helper():
    assert True

def test_add_all():
    """Adds."""
    # a comment
    cart = Cart()
    add_all(cart,
            [1, 2])
    assert len(cart) == 2
    for item in cart:
        assert item
    assert sum(cart) == 3, "sum"

class TestCart:
    def test_empty(self):
        self.assertEqual(len(Cart()), 0)

async def test_later():
    assert await later() == 1
'''


def mine(tmp_path: Path, source: str, roots: dict[str, Path] | None = None) -> list:
    path = tmp_path / "test_shop.py"
    path.write_text(source)
    return mine_file(path, "shop/test_shop.py", FocalFinder(roots or {}))


def test_each_top_level_assertion_is_an_example(tmp_path):
    examples = mine(tmp_path, SOURCE)
    assert [example.target for example in examples] == [
        "assert len(cart) == 2",
        "assert sum(cart) == 3, 'sum'",
        "self.assertEqual(len(Cart()), 0)",
        "assert await later() == 1",
    ]
    assert [example.test for example in examples] == [
        "test_add_all",
        "test_add_all",
        "TestCart.test_empty",
        "test_later",
    ]


def test_a_context_is_the_canonical_source_before_the_assertion(tmp_path):
    first, second, *_ = mine(tmp_path, SOURCE)
    assert first.context == "def test_add_all():\n    cart = Cart()\n    add_all(cart, [1, 2])\n    "
    assert second.context == (
        first.context + "assert len(cart) == 2\n    for item in cart:\n        assert item\n    "
    )


def test_the_code_under_test_is_found_through_a_reexport(tmp_path):
    package = tmp_path / "shop"
    (package / "cart").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "cart" / "__init__.py").write_text("from .core import add_all\nclass Cart(list):\n    pass\n")
    (package / "cart" / "core.py").write_text("def add_all(cart, items=()):\n    cart += items\n")
    examples = mine(tmp_path, SOURCE, {"shop": package})
    assert examples[0].focal == "def add_all(cart, items=()):"
    assert examples[3].focal == ""


def test_a_long_assertion_is_left_out_but_stays_in_the_context(tmp_path):
    long = "assert f(" + ", ".join(["1"] * 100) + ")"
    (only,) = mine(tmp_path, f"def test_f():\n    {long}\n    assert g()\n")
    assert only.target == "assert g()"
    assert long in only.context


def test_files_that_cannot_be_read_or_parsed_have_no_examples(tmp_path):
    assert mine(tmp_path, "def test_f(:\n") == []
    assert mine(tmp_path, "") == []
    path = tmp_path / "test_bytes.py"
    path.write_bytes(b"\xff\xfe\x00")
    assert mine_file(path, "g", FocalFinder({})) == []
    assert mine_file(tmp_path / "test_missing.py", "g", FocalFinder({})) == []


def test_the_split_depends_on_the_group_alone(tmp_path):
    examples = mine(tmp_path, SOURCE)
    assert {example.split for example in examples} == {split_of("shop/test_shop.py")}


GIVEN = '''
import pytest
from shop import total

@pytest.fixture
def prices():
    """Three."""
    return [1, 2, 3]

@pytest.fixture(name="cart")
def make_cart(prices):
    return sum(prices)

@pytest.mark.parametrize("more, wanted", [(1, 7), (2, 8)])
def test_total(cart, more, wanted):
    assert total(cart, more) == wanted

class TestCart:
    def setup_method(self):
        self.cart = 3

    def test_held(self, outside):
        assert self.cart == outside
'''


def test_what_decides_a_tests_values_stands_before_it(tmp_path):
    (tmp_path / "conftest.py").write_text("import pytest\n@pytest.fixture\ndef outside():\n    yield 3\n")
    first, second = mine(tmp_path, GIVEN)
    assert first.context == (
        "@pytest.fixture\ndef prices():\n    return [1, 2, 3]\n"
        "@pytest.fixture(name='cart')\ndef make_cart(prices):\n    return sum(prices)\n"
        "@pytest.mark.parametrize('more, wanted', [(1, 7), (2, 8)])\n"
        "def test_total(cart, more, wanted):\n    "
    )
    assert second.context == (
        "@pytest.fixture\ndef outside():\n    yield 3\ndef setup_method(self):\n    self.cart = 3\n"
        "def test_held(self, outside):\n    "
    )


def test_bodies_alone_may_be_asked_for(tmp_path):
    path = tmp_path / "test_shop.py"
    path.write_text(GIVEN)
    first, second = mine_file(path, "shop/test_shop.py", FocalFinder({}), whole=False)
    assert first.context == "def test_total(cart, more, wanted):\n    "
    assert second.context == "def test_held(self, outside):\n    "


def test_fixtures_that_need_each_other_end(tmp_path):
    source = "@fixture\ndef a(b):\n    pass\n@fixture\ndef b(a):\n    pass\ndef test_f(a):\n    assert a\n"
    (only,) = mine(tmp_path, source)
    assert only.context.count("def a(") == only.context.count("def b(") == 1


DEEP = " + ".join(str(number) for number in range(400))
PYTHON_2 = (
    "print 'a'\n",
    "try:\n    f()\nexcept E, e:\n    pass\n",
    "x = 0777\n",
    "exec 'a'\n",
    "raise E, 'a'\n",
)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (f"def test_deep():\n    x = {DEEP}\n    assert x\n".encode(), "nested too deeply"),
        (f"def test_deep():\n    assert {'(' * 300}1{')' * 300}\n".encode(), "nested too deeply"),
        (b"def test_deep():\n    x = 0x" + b"f" * 4000 + b"\n    assert x\n", "a number of too many digits"),
        *((text.encode(), "syntax of Python 2") for text in PYTHON_2),
        (b"def test_f(:\n", "does not parse as Python"),
        (b"x = '\xe9'\n", "encoding"),
        (b"x = 1\x00\n", "a null byte"),
        (b"def test_f():\n    with a:\n        assert x\n", "an assertion within another statement"),
        (
            b"def test_f():\n    assert x, " + b"'a' * 1 + " * 40 + b"''\n",
            "an assertion of several lines or more",
        ),
    ],
)
def test_what_is_left_out_of_a_file_is_counted_and_costs_no_other_test(tmp_path, source, said):
    path, left_out = tmp_path / "test_shop.py", LeftOut()
    path.write_bytes(source + b"\ndef test_g():\n    assert g()\n" * ("deep" in source.decode("latin-1")))
    found = mine_file(path, "shop/test_shop.py", FocalFinder({}), left_out)
    assert [one.target for one in found] == ["assert g()"] * (b"test_deep():\n    x" in source)
    (line,) = left_out.lines()
    assert line.startswith("left out 1, first shop/test_shop.py")
    assert said in line


def test_tests_under_conditions_and_in_classes_of_classes_are_found(tmp_path):
    source = "if x:\n    def test_a():\n        assert 1\n"
    source += "class A:\n    class B:\n        def test_b(self):\n            assert 2\n"
    source += "match x:\n    case 1:\n        def test_c():\n            assert 3\n"
    source += "try:\n    pass\nexcept* E:\n    def test_d():\n        assert 4\n"
    source += "for i in x:\n    def test_e():\n        assert 5\n"
    source += "def helper():\n    def test_f():\n        assert 6\n"
    assert [one.test for one in mine(tmp_path, source)] == [
        "test_a",
        "A.B.test_b",
        "test_c",
        "test_d",
        "test_e",
    ]


def checkout(tmp_path, below):
    (tmp_path / "pyproject.toml").write_text("")
    package = tmp_path / below / "shop"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("from .core import *\nfrom .core import add_all as add\n")
    (package / "core.py").write_text("def add_all(cart, items=()):\n    pass\nclass Cart(list):\n    pass\n")
    (tmp_path / "tests").mkdir()
    return tmp_path / "tests"


@pytest.mark.parametrize("below", ["", "src", "lib"])
@pytest.mark.parametrize(
    ("head", "call"),
    [
        ("from shop.core import add_all", "add_all"),
        ("from shop import add_all", "add_all"),
        ("from shop import *", "add_all"),
        ("import shop", "shop.add_all"),
        ("import shop.core as core", "core.add_all"),
        ("from shop import core", "core.add_all"),
    ],
)
def test_the_code_under_test_is_found_beside_the_tests_of_a_checkout(tmp_path, below, head, call):
    tests = checkout(tmp_path, below)
    (tests / "test_x.py").write_text(f"{head}\ndef test_add_all():\n    assert {call}([]) == 1\n")
    for root in (tests, tmp_path):
        (only,) = mine_file(tests / "test_x.py", "g/tests/test_x.py", FocalFinder({root.name: root}))
        assert only.focal == "def add_all(cart, items=()):"


def test_a_class_of_tests_may_name_the_code_under_test(tmp_path):
    tests = checkout(tmp_path, "")
    source = "import shop\nclass AddAllTests:\n    def test_even(self):\n        assert shop.add_all([1])\n"
    (tests / "test_x.py").write_text(source)
    (only,) = mine_file(tests / "test_x.py", "g/tests/test_x.py", FocalFinder({"tests": tests}))
    assert only.focal == "def add_all(cart, items=()):"


def test_a_relative_import_is_found_in_its_package(tmp_path):
    tests = checkout(tmp_path, "").parent / "shop" / "tests"
    tests.mkdir()
    (tests / "__init__.py").write_text("")
    (tests / "test_x.py").write_text("from ..core import Cart\ndef test_cart():\n    assert Cart()\n")
    (only,) = mine_file(tests / "test_x.py", "shop/tests/test_x.py", FocalFinder({"shop": tests.parent}))
    assert only.focal == "class Cart(list):"


def test_modules_of_a_package_are_not_taken_for_those_of_the_library(tmp_path):
    package = tmp_path / "shop"
    (package / "random").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "random" / "__init__.py").write_text("def choice(x):\n    pass\n")
    (tmp_path / "test_x.py").write_text(
        "from random import choice\ndef test_choice():\n    assert choice([1])\n"
    )
    (only,) = mine_file(tmp_path / "test_x.py", "shop/test_x.py", FocalFinder({"shop": package}))
    assert only.focal == ""
