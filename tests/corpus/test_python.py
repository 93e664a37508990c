from pathlib import Path

from kdray.corpus.focal import FocalFinder
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
