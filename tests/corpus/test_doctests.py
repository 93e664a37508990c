"""Examples in docstrings as assertions."""

from __future__ import annotations

import pytest

from kdray.corpus.doctests import mine_doctests
from kdray.corpus.left_out import LeftOut
from kdray.corpus.mine import Options, mine

SOURCE = '''
"""A shop.

>>> from shop import *
>>> add(1, 2)
3
"""

def add(a, b=0):
    """Adds.

    >>> x = add(1,
    ...         2)
    >>> x
    3
    >>> add(1) > 0
    True
    >>> print(x)
    3
    >>> Cart([x])
    Cart(items=[3])
    """

class Cart:
    def total(self):
        """
        >>> Cart([1]).total() / 0
        Traceback (most recent call last):
        ZeroDivisionError: division by zero
        >>> Cart(range(99))
        Cart(items=[0, 1, ...])
        >>> Cart([1]).total()
        1
        """
'''


def mined(tmp_path, source):
    (tmp_path / "shop.py").write_text(source)
    left_out = LeftOut()
    return mine_doctests(tmp_path / "shop.py", "shop/shop.py", left_out), left_out


def test_what_python_answers_is_asserted(tmp_path):
    found, left_out = mined(tmp_path, SOURCE)
    assert [(one.test, one.target) for one in found] == [
        ("module", "assert add(1, 2) == 3"),
        ("add", "assert x == 3"),
        ("add", "assert (add(1) > 0) is True"),
        ("add", "assert repr(Cart([x])) == 'Cart(items=[3])'"),
        ("Cart.total", "assert Cart([1]).total() == 1"),
    ]
    assert found[0].context == "def test_module():\n    from shop import *\n    "
    assert found[2].context == "def test_add():\n    x = add(1, 2)\n    assert x == 3\n    "
    assert [one.focal for one in found] == ["", *["def add(a, b=0):"] * 3, "def total(self):"]
    assert {reason: one["count"] for reason, one in left_out.because().items()} == {
        "an exception or printed output in a docstring": 2,
        "an answer of a docstring that is not given whole on one line": 1,
    }


LONG = f">>> f()\n{'7' * 200}"


@pytest.mark.parametrize(
    "docstring",
    [">>>add(1)\n1", ">>> add(\n1", ">>> print 1\n1", "  >>> a\n bad\n", ">>> f('\\ud800')\n1", LONG],
)
def test_a_docstring_that_cannot_be_read_is_counted(tmp_path, docstring):
    found, left_out = mined(
        tmp_path, f'def f():\n    """\n{docstring}\n"""\ndef g():\n    """\n>>> g()\n1\n"""\n'
    )
    assert [one.target for one in found] == ["assert g() == 1"]
    assert left_out.total == 1


def test_doctests_are_mined_where_they_are_asked_for(tmp_path):
    (tmp_path / "shop.py").write_text(SOURCE)
    (tmp_path / "test_shop.py").write_text("def test_a():\n    assert f()\n")
    assert len(mine([str(tmp_path)], processes=1)) == 1
    found = mine([str(tmp_path)], processes=1, options=Options(doctests=True))
    assert len(found) == 6
    assert len({one.id for one in found}) == 6
