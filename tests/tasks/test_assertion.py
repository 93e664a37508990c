from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdray.corpus.example import Example
from kdray.tasks.assertion import AssertionTask
from kdray.tasks.row import IGNORED
from kdray.tasks.tokenizer import train_line_tokenizer

NAMES = st.sampled_from(["x", "total", "result", "f(1, 23)", "a.b", "'text  here'"])
LINES = st.lists(st.builds("{} = {}".format, NAMES, NAMES), max_size=4)
TARGETS = st.builds("assert {} == {}".format, NAMES, NAMES)
TESTS = st.lists(st.tuples(LINES, TARGETS), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def tokenizer():
    text = "def test_f():\n    total = f(1, 23)\n    assert total == a.b\n"
    text += "    if x:\n        result = 'text  here'\n"
    return train_line_tokenizer([text] * 3, 400)


def chain(parts, group="shop/test_f.py"):
    context, examples = "def test_f():\n", []
    for number, (lines, target) in enumerate(parts):
        context += "".join(f"    {line}\n" for line in lines)
        examples.append(
            Example(str(number), group, "python", "test_f", "", context + "    ", target, "train")
        )
        context += f"    {target}\n"
    return examples


@given(TESTS)
def test_the_tokens_of_a_beginning_are_a_prefix_of_the_tokens_of_the_whole(tokenizer, parts):
    task = AssertionTask(tokenizer, False, max_input=4000, max_row=8000)
    examples = chain(parts)
    (row,) = task.rows(examples)
    for example in examples:
        prompt, target = task.prompt(example), task.encode_target(example.target)
        assert row.input_ids[: len(prompt)].tolist() == prompt.tolist()
        end = len(prompt) + len(target)
        assert row.input_ids[len(prompt) : end].tolist() == target.tolist()
        assert row.labels[len(prompt) : end].tolist() == target.tolist()
    assert row.num_targets == sum(len(task.encode_target(example.target)) for example in examples)


@given(TESTS, st.integers(64, 200))
def test_every_assertion_is_a_target_exactly_once_however_rows_are_cut(tokenizer, parts, max_row):
    task = AssertionTask(tokenizer, False, max_input=48, max_header=16, max_row=max_row, overlap=24)
    rows = task.rows(chain(parts))
    labels = [row.labels[row.labels != IGNORED] for row in rows]
    expected = [task.encode_target(target) for _, target in parts]
    assert np.concatenate(labels).tolist() == np.concatenate(expected).tolist()
    for row in rows:
        assert len(row.input_ids) == len(row.labels)
        assert row.labels[0] == IGNORED


@given(TARGETS)
def test_an_answer_decodes_to_its_text(tokenizer, target):
    task = AssertionTask(tokenizer, False)
    output = task.encode_target(target)
    assert output[-1] == task.end_id
    assert task.decode(output) == " ".join(target.split())
    assert task.decode(np.concatenate([output, output])) == " ".join(target.split())


def test_a_long_context_keeps_its_header_and_its_end(tokenizer):
    task = AssertionTask(tokenizer, False, max_input=40, max_header=20)
    (example,) = chain([(["x = total"] * 100, "assert x == 1")])
    prompt = task.prompt(example)
    assert len(prompt) == 40
    text = tokenizer.decode(prompt)
    assert text.startswith("# shop")
    assert text.endswith("x = total\n    ")


def test_an_encoder_decoder_has_a_row_per_assertion_with_prompt_and_answer_apart(tokenizer):
    task = AssertionTask(tokenizer, True, max_input=60)
    examples = chain([(["x = 1"], "assert x == 1"), ([], "assert x")])
    rows = task.rows(examples)
    assert len(rows) == 2
    for row, example in zip(rows, examples, strict=True):
        assert row.input_ids.tolist() == task.prompt(example).tolist()
        assert row.input_ids[-1] == task.end_id
        assert task.decode(row.labels) == example.target
    answer = task.answer(task.prompt(examples[0]), task.encode_target("assert x"))
    assert task.decode(answer.labels) == "assert x"


def test_an_answer_that_is_too_long_is_no_target(tokenizer):
    task = AssertionTask(tokenizer, False, max_target=8)
    rows = task.rows(chain([([], "assert x"), ([], "assert f(1, 23) == f(1, 23) == total")]))
    assert sum(row.num_targets for row in rows) == len(task.encode_target("assert x"))
    assert (
        AssertionTask(tokenizer, True, max_target=8).rows(chain([([], "assert f(1, 23) == f(1, 23)")])) == []
    )


def test_limits_and_tokenizer_are_part_of_the_fingerprint(tokenizer):
    task = AssertionTask(tokenizer, False)
    other = train_line_tokenizer(["something else entirely " * 9], 400)
    prints = {
        task.fingerprint,
        AssertionTask(tokenizer, False, max_input=100).fingerprint,
        AssertionTask(other, False).fingerprint,
    }
    assert len(prints) == 3
    assert task.fingerprint == AssertionTask(tokenizer, False).fingerprint


METHOD = "class Cart {\nint total() {\n    return held;\n}\n}"
JAVA = Example(
    "0", "p/CartTest.java", "java", "CartTest.total", METHOD, "@Test\nvoid total() {\n    f();\n    ",
    "assertTrue(x); assertNull(y);", "train", after="\n    cart.close();\n}",
)  # fmt: skip


@pytest.fixture(scope="module")
def java_tokenizer():
    return train_line_tokenizer(
        [f"{METHOD}\n{JAVA.context}{JAVA.target}{JAVA.after}\n// p/CartTest.java\n"] * 3, 400
    )


def test_an_encoder_decoder_reads_the_method_and_the_test_on_both_sides_of_its_assertions(java_tokenizer):
    task = AssertionTask(java_tokenizer, True, max_input=300)
    prompt = task.prompt(JAVA)
    assert task.text(prompt[:-1]) == f"// p/CartTest.java\n{METHOD}\n{JAVA.context}<ASSERT>{JAVA.after}"
    assert prompt[-1] == task.end_id
    (row,) = task.rows([JAVA])
    assert row.input_ids.tolist() == prompt.tolist()
    assert task.decode(row.labels) == JAVA.target


def test_a_decoder_reads_what_follows_first_and_ends_where_the_assertions_begin(java_tokenizer):
    task = AssertionTask(java_tokenizer, False, max_input=300, max_row=400)
    prompt = task.prompt(JAVA)
    assert task.text(prompt) == f"// p/CartTest.java\n{METHOD}\n<ASSERT>{JAVA.after}\n{JAVA.context}"
    (row,) = task.rows([JAVA])
    target = task.encode_target(JAVA.target)
    assert row.input_ids.tolist() == [*prompt, *target]
    assert row.labels.tolist() == [IGNORED] * len(prompt) + target.tolist()


@given(st.booleans(), st.integers(1, 60), st.integers(0, 60), st.integers(1, 60), st.integers(24, 200))
def test_each_part_of_a_prompt_has_its_share(java_tokenizer, both, method, before, after, max_input):
    task = AssertionTask(java_tokenizer, both, max_input=max_input)
    example = replace(
        JAVA,
        focal="m();\n" * method,
        context="void f() {\n" + "b();\n" * before + "    ",
        after="\n" + "a();\n" * after,
    )
    prompt = task.prompt(example)
    assert len(prompt) <= max_input
    whole = AssertionTask(java_tokenizer, both, max_input=10_000).prompt(example)
    if len(whole) <= max_input:
        assert prompt.tolist() == whole.tolist()
    else:
        assert len(prompt) >= max_input - 1  # no room is left unused
        text = task.text(prompt)
        assert text.startswith("// p/CartTest.java")
        assert "<ASSERT>" in text or max_input < 100
        assert both or text.endswith("\n    ")


def test_what_follows_is_cut_so_that_the_context_still_begins_a_line(java_tokenizer):
    task = AssertionTask(java_tokenizer, False, max_input=120)
    example = replace(JAVA, context="void f() {\n    ", after="\n" + "close(x, y);\n" * 40)
    assert task.text(task.prompt(example)).endswith("\nvoid f() {\n    ")


def test_a_group_that_is_no_file_is_not_shown(java_tokenizer):
    task = AssertionTask(java_tokenizer, True, max_input=300)
    assert "row" not in task.text(task.prompt(replace(JAVA, group="row 7 of train")))


def test_a_changed_source_keeps_its_three_parts(java_tokenizer):
    task = AssertionTask(java_tokenizer, True)
    context, target = task.source(JAVA)
    assert task.changed(JAVA, context, target) == JAVA
    assert context + target == JAVA.context + JAVA.target + JAVA.after
    changed = task.changed(JAVA, context, target.replace("cart", "box"))
    assert (changed.target, changed.after) == (JAVA.target, "\n    box.close();\n}")


@given(TESTS, st.integers(32, 256), st.integers(48, 192))
def test_no_row_is_longer_than_it_may_be_and_every_target_stays(tokenizer, parts, max_row, max_input):
    task = AssertionTask(tokenizer, False, max_input=max_input, max_header=16, max_row=max_row, overlap=12)
    rows = task.rows(chain(parts, group="shop/a/rather/long/name/of/a/folder/test_f.py"))
    assert all(len(row.input_ids) == len(row.labels) <= max_row for row in rows)
    expected = [task.encode_target(target) for _, target in parts]
    assert np.concatenate([row.labels[row.labels != IGNORED] for row in rows]).tolist() == (
        np.concatenate(expected).tolist()
    )
