"""Embeddings for a vocabulary of a student's own."""

from __future__ import annotations

import torch

from kdray.students.vocabulary import carried_over, spelled
from kdray.tasks.tokenizer import train_code_tokenizer


def test_another_vocabulary_takes_the_rows_of_shared_tokens_and_spells_the_others():
    words = ["alpha beta gamma return value", "if value == beta: return alpha"] * 30
    teacher, student = train_code_tokenizer(words, 270), train_code_tokenizer(words, 300, "word")
    spelling = spelled(student, teacher)
    known, own = teacher.get_vocab(), student.get_vocab()
    assert spelling[own["<pad>"]] == [known["<pad>"]]
    shared = next(token for token in own if token in known and token not in student.all_special_tokens)
    assert spelling[own[shared]] == [known[shared]]
    spelt = next(token for token in own if token not in known)
    assert "".join(teacher.convert_ids_to_tokens(spelling[own[spelt]])) == spelt
    table = torch.randn(len(known), 8)
    carried = carried_over(table, torch.zeros(400, 8), spelling)
    assert torch.equal(carried[own[shared]], table[known[shared]])
    torch.testing.assert_close(carried[own[spelt]], table[torch.tensor(spelling[own[spelt]])].mean(0))
    assert torch.equal(carried[399], torch.zeros(8))
