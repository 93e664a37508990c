"""What spells a special token in source text is text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdray.tasks.assertion import AssertionTask
from kdray.tasks.classification import train_code_tokenizer
from kdray.tasks.encode import encode_text
from kdray.tasks.reread import Reread
from kdray.tasks.tokenizer import train_line_tokenizer

TEXTS = st.lists(
    st.sampled_from(["<pad>", "<unk>", "</s>", "<s>", " ", "x = 1", '"', "\n", "    "]), max_size=9
)


@pytest.fixture(scope="module")
def tokenizers():
    text = ["def test_f():\n    assert tok.pad == 1\n"] * 3
    return train_line_tokenizer(text, 300), train_code_tokenizer(text, 300)


@given(TEXTS)
def test_text_comes_back_whatever_special_tokens_it_spells(tokenizers, pieces):
    text = "".join(pieces)
    for tokenizer in tokenizers:
        (ids,) = encode_text(tokenizer, [text])
        assert tokenizer.decode(ids).lstrip(" ") == text.lstrip(" ")
        assert not {tokenizer.pad_token_id, tokenizer.unk_token_id} & set(ids)


@pytest.mark.parametrize(
    "target", ['assert tok.pad == "<pad>"', 'assert text == "<unk> x"', 'assert e == "</s>"']
)
@pytest.mark.parametrize("number", [0, 1])
def test_an_answer_may_spell_a_special_token(tokenizers, target, number):
    task = AssertionTask(tokenizers[number], bool(number))
    assert task.decode(task.encode_target(target)) == target


def test_a_student_with_another_tokenizer_reads_it_as_text_too(tokenizers):
    own, other = (AssertionTask(tokenizer, False) for tokenizer in tokenizers)
    answer = own.encode_target('assert tok.pad == "</s>"')
    assert other.decode(Reread(own, other).answer(answer)) == 'assert tok.pad == "</s>"'
