"""What every task promises, whatever it is: contract tests over `TASKS`."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from kdray.config import SNIPPETS, Encoding, Trial
from kdray.corpus.example import Example
from kdray.errors import ConfigError
from kdray.tasks import TASKS, task_class, task_of
from kdray.tasks.reread import Reread

CODE = "int add(int a, int b) { return a + b; }"
TEXTS = {
    "assertion": ("def test_add():\n    total = add(1, 23)\n    ", "assert total == 24"),
    **dict.fromkeys(SNIPPETS, (CODE, "1")),
}
ENCODING = Encoding(max_input=64, max_target=32, max_row=128)


def example(name):
    context, target = TEXTS[name]
    focal = "" if name == "assertion" else CODE.replace("add", "sum")
    return Example("0" * 16, "shop/test_f.py", "python", "test_add", focal, context, target, "train")


def build(name, encoder_decoder, kind="bpe", vocab=320):
    tokenizer = task_class(name).train_tokenizer(
        task_class(name).corpus_texts([example(name)] * 3), vocab, kind
    )
    return task_of(name, tokenizer, encoder_decoder, ENCODING)


@pytest.fixture(params=[(name, both) for name in TASKS for both in (False, True)], ids=str)
def task(request):
    return build(*request.param)


def test_the_tasks_of_sweep_files_are_those_that_are_there():
    assert list(TASKS) == list(get_args(Trial.model_fields["task"].annotation))


def test_an_unknown_task_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="task: unknown 'clones', did you mean 'clone'"):
        task_class("clones")


def test_it_has_the_name_under_which_it_was_made(task):
    assert type(task) is TASKS[task.name]
    assert task.accuracy == ("assertion_accuracy" if task.writes else "accuracy")


def test_a_rows_output_decodes_to_the_target_and_is_no_longer_than_the_limit(task):
    (row,) = task.rows([example(task.name)])
    output = row.labels[row.labels >= 0]
    assert task.decode(output) == example(task.name).target
    assert len(output) == task.output_length(example(task.name).target) <= task.max_target


def test_an_answer_after_a_prompt_is_a_row_with_that_many_targets(task):
    prompt = task.prompt(example(task.name))
    (row,) = task.rows([example(task.name)])
    output = row.labels[row.labels >= 0]
    answered = task.answer(prompt, output, row.id)
    assert answered.id == row.id
    assert answered.input_ids.tolist() == row.input_ids.tolist()
    assert answered.labels.tolist() == row.labels.tolist()


def test_a_changed_source_is_in_the_prompt_and_the_unchanged_one_gives_the_example_back(task):
    before = example(task.name)
    source, target = task.source(before)
    assert task.prompt(task.changed(before, source, target)).tolist() == task.prompt(before).tolist()
    after = task.changed(before, source.replace("add", "less"), target)
    assert "less" in task.text(task.prompt(after))
    assert task.changed(after, source, target) == before


def test_the_fingerprint_tells_tokenizers_and_limits_apart(task):
    other = build(task.name, task.encoder_decoder, "wordpiece")
    shorter = task_of(task.name, task.tokenizer, task.encoder_decoder, Encoding(max_input=32))
    assert len({task.fingerprint, other.fingerprint, shorter.fingerprint}) == 3


@pytest.mark.parametrize("kind", ["bpe", "wordpiece", "unigram"])
def test_what_another_tokenizer_wrote_is_read_as_if_it_were_its_own(task, kind):
    student = build(task.name, task.encoder_decoder, kind, vocab=300)
    reread = Reread(task, student)
    (row,), (own,) = task.rows([example(task.name)]), student.rows([example(task.name)])
    assert list(task.row_texts([row])) == list(student.row_texts([reread.row(row)]))
    assert reread.row(row).id == row.id
    prompt, output = task.prompt(example(task.name)), row.labels[row.labels >= 0]
    assert student.text(reread.prompt(prompt)) == task.text(prompt)
    assert student.decode(reread.answer(output)) == example(task.name).target
    assert np.array_equal(reread.answer(output), own.labels[own.labels >= 0])


def test_a_bare_tokenizer_is_wrapped_as_it_was_trained(task):
    again = task.wrapped(task.tokenizer.backend_tokenizer)
    assert again.special_tokens_map == task.tokenizer.special_tokens_map
    assert again.get_vocab() == task.tokenizer.get_vocab()
