from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdray.corpus.example import Example
from kdray.corpus.left_out import LeftOut
from kdray.corpus.sample import sample
from kdray.corpus.splits import (
    by_file,
    named_split,
    named_splits,
    split_of,
    with_unique_ids,
    without_duplicates,
    without_given_away,
)


def example(
    number: int, group: str = "g", context: str = "def test():\n    x = 1\n    ", target: str = "assert x"
) -> Example:
    return Example(str(number), group, "python", "test", "", context, target, split_of(group))


def test_about_a_twentieth_of_the_groups_is_held_out_twice():
    counts = Counter(split_of(f"package/tests/test_{n}.py") for n in range(4000))
    assert 0.03 < counts["test"] / 4000 < 0.07
    assert 0.03 < counts["valid"] / 4000 < 0.07


def test_a_duplicate_keeps_its_held_out_copy():
    train = replace(example(1), split="train")
    test = replace(example(2, context="def test_other_name():\n    x = 1\n    "), split="test")
    assert list(without_duplicates([train, test, replace(test, id="3")])) == [test]


def test_an_assertion_alone_in_its_test_is_told_apart_by_the_name():
    one = example(1, context="def test_a():\n    ")
    two = example(2, context="def test_b():\n    ")
    assert list(without_duplicates([one, two])) == [one, two]


@given(st.lists(st.integers(1, 30), min_size=1, max_size=8), st.integers(1, 40))
def test_a_sample_takes_from_each_file_in_turn(sizes, count):
    examples = [example(100 * g + i, group=f"g{g}") for g, size in enumerate(sizes) for i in range(size)]
    taken = sample(examples, count)
    assert len(taken) == min(count, len(examples))
    assert len({e.id for e in taken}) == len(taken)
    per_group = Counter(e.group for e in taken)
    sizes_by_group = {f"g{g}": size for g, size in enumerate(sizes)}
    for group, size in sizes_by_group.items():
        # no file is ahead of another that still had examples to give
        assert all(
            per_group[group] <= per_group[other] + 1 or per_group[other] == sizes_by_group[other]
            for other in sizes_by_group
        )
        assert per_group[group] <= size


def test_a_smaller_sample_begins_a_larger_one():
    examples = [example(i, group=f"g{i % 7}") for i in range(60)]
    assert sample(examples, 40)[:11] == sample(examples, 11)
    assert sample(examples, 40, seed=1) != sample(examples, 40, seed=0)


def test_split_by_file_what_was_held_out_stays_out_and_no_file_stands_in_two_splits():
    given = [
        replace(example(n, group=f"p/{n % 90}.java", target=f"assert {n}"), split=split)
        for n, split in enumerate(["train"] * 300 + ["valid", "test"] * 20)
    ]
    left_out = LeftOut()
    found = list(by_file([*given, replace(given[0], id="again")], left_out))
    assert [line.partition(",")[0] for line in left_out.lines()] == ["left out 40", "left out 1"]
    assert [one.id for one in found] == [one.id for one in given[:300]]
    assert {one.split for one in found} == {"train", "valid", "test"}
    assert all(one.split == split_of(one.group) for one in found)


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("train.jsonl", "train"),
        ("Training/testMethods.txt", "train"),
        ("validation.parquet", "valid"),
        ("data/train-00000-of-00005.parquet", "train"),
        ("java_dev.jsonl.gz", "valid"),
        ("bcb.test.0.json.zst", "test"),
        ("python_train_12.jsonl.gz", "train"),
        ("test/7/7_1.json", "test"),
        ("all.jsonl", None),
        ("latest.jsonl", None),
        ("train_test.jsonl", None),
        ("train_data/0.jsonl", "train"),
        ("default/partial-test/0000.parquet", "test"),
        ("Split_Dev/rows.json", "valid"),
        ("test-repo/rows.json", None),
        ("test_train/rows.json", None),
        ("constraint.jsonl", None),
    ],
)
def test_a_split_is_told_by_a_name(path, split):
    assert named_split(Path(path)) == split


def test_eval_is_a_test_part_where_another_is_for_validation():
    paths = [Path(f"{name}.jsonl") for name in ("train", "dev", "eval")]
    assert named_splits(paths) == ["train", "valid", "test"]
    assert named_splits(paths[::2]) == ["train", "valid"]
    assert named_splits([*paths, Path("test.jsonl")]) == ["train", "valid", "valid", "test"]


def test_ids_are_made_unique_and_the_first_of_them_stays():
    found = list(with_unique_ids([example(1), example(2), example(1), example(1)]))
    assert [one.id for one in found[:2]] == ["1", "2"]
    assert len({one.id for one in found}) == 4


def test_a_test_defined_three_times_is_one_example():
    one = example(1)
    assert list(without_duplicates([one, one, one])) == [one]


def test_what_stands_in_its_own_context_is_marked_and_left_out_of_the_test_split():
    told = example(1, context="def test():\n    assert x\n    y = 1\n    ")
    assert told.is_given_away
    assert not example(2, context="def test():\n    assert x == 1\n    ").is_given_away
    train, test = replace(told, split="train"), replace(told, split="test")
    assert without_given_away([train, test]) == [train]


def test_duplicates_are_told_by_body_and_not_by_name_under_a_decorator():
    body = "@mark\ndef test_{}():\n    x = 1\n    "
    one, two = example(1, context=body.format("a")), example(2, context=body.format("b"))
    assert list(without_duplicates([one, two])) == [one]


@given(st.lists(st.tuples(st.sampled_from(("train", "valid", "test")), st.integers(0, 4)), max_size=20))
def test_of_alike_ones_the_first_of_the_most_held_out_split_stays(given):
    examples = [
        replace(example(number, target=f"assert {content}"), split=split)
        for number, (split, content) in enumerate(given)
    ]
    by_rank = sorted(examples, key=lambda one: ("test", "valid", "train").index(one.split))
    first = {one.target: one.id for one in reversed(by_rank)}
    left_out = LeftOut()
    found = list(without_duplicates(examples, left_out))
    assert found == [one for one in examples if first[one.target] == one.id]
    assert left_out.total == len(examples) - len(found)
