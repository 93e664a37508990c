"""What is copied from a corpus that no memory holds."""

from __future__ import annotations

import weakref
from collections.abc import Iterator

import numpy as np

from kdray.corpus.example import Example
from kdray.evaluation.baselines import Retrieval, copied, words


def example(number: int, split: str = "train") -> Example:
    text = f"def test_{number}():\n    x = make(w{number % 7}, v{number % 11})\n"
    return Example(str(number), "f.py", "python", "t", "", text, f"assert x == {number}", split)  # type: ignore[arg-type]


def by_hand(train: list[Example], asked: Example) -> str:
    """The nearest one, each compared with each."""
    known = [words(one) for one in train]
    every = sorted(set().union(*known))
    share = np.array([sum(word in one for one in known) for word in every]) / len(train)
    rows = np.array([[word in one for word in every] for one in known]) * -np.log(share)
    wanted = np.array([word in words(asked) for word in every]) * -np.log(share)
    norms = np.sqrt(np.maximum((rows**2).sum(1), 1e-12))
    return train[int(np.argmax(np.round(rows @ wanted / norms, 9)))].target


def test_the_nearest_is_that_of_comparing_all() -> None:
    train = [example(number) for number in range(40)]
    found = Retrieval(iter(train))
    for number in range(40, 60):
        assert found.predict(example(number)) == by_hand(train, example(number))


def test_examples_to_copy_from_are_read_once_and_none_is_held() -> None:
    held, most = weakref.WeakSet[Example](), 0

    def passing() -> Iterator[Example]:
        nonlocal most
        for number in range(200):
            one = example(number)
            held.add(one)
            most = max(most, len(held))
            yield one

    said = copied(passing(), [example(3, "test")], lambda done, total: None)
    assert said["retrieval"] == ["assert x == 3"]
    assert most <= 3
