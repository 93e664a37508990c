"""Prompts as pretrained models know them, on small tokenizers of the same kinds."""

from dataclasses import replace

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from kdray.config import Encoding
from kdray.corpus.example import Example
from kdray.errors import ConfigError, DataError
from kdray.storage import write_json
from kdray.students.load import saved_encoding, told_encoding
from kdray.tasks import task_of
from kdray.tasks.form import PLAIN, Form, form_of
from kdray.tasks.reread import Reread
from kdray.tasks.round_trip import check_round_trip
from kdray.tasks.row import IGNORED
from kdray.tasks.tokenizer import train_line_tokenizer

UNKNOWN = "<unk>"
TEST = "def test_f():\n    total = f(1, 23)\n"
SOURCE = f"{TEST}    assert total == g(2)\n    y = 2\n    assert y\n        if x:\n"
CHAIN = [
    Example("0", "p/test_f.py", "python", "test_f", "", f"{TEST}    ", "assert total == g(2)", "train"),
    Example(
        "1", "p/test_f.py", "python", "test_f", "",
        f"{TEST}    assert total == g(2)\n    y = 2\n    ", "assert y", "train",
    ),
]  # fmt: skip


def byte_level(frame=None, trim=False):
    """As GPT-2's and RoBERTa's: a space belongs to the word behind it, and a word in front of it to no other."""
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=500, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([SOURCE] * 9, trainer)
    if frame:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=frame, special_tokens=[("<s>", 0), ("</s>", 2)]
        )
    elif trim:
        tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",  # noqa: S106
        pad_token="<pad>",  # noqa: S106
        eos_token="</s>",  # noqa: S106
        unk_token="<unk>",  # noqa: S106
        clean_up_tokenization_spaces=False,
    )


def assertion(tokenizer, encoder_decoder=False, **encoding):
    return task_of("assertion", tokenizer, encoder_decoder, Encoding(**encoding))


def test_an_encoder_decoder_that_frames_texts_has_its_start_token_before_inputs_and_answers():
    task = assertion(byte_level("<s> $A </s>"), True)
    (row, _) = task.rows(CHAIN)
    assert (row.input_ids[0], row.input_ids[-1]) == (0, 2)
    assert (row.labels[0], row.labels[-1]) == (0, 2)
    assert row.input_ids.tolist() == task.prompt(CHAIN[0]).tolist()
    assert task.encode_target(CHAIN[0].target).tolist() == row.labels.tolist()
    assert task.decode(row.labels) == CHAIN[0].target
    assert len(replace(task, max_input=16).prompt(CHAIN[0])) == 16


@pytest.mark.shared
def test_codet5_has_its_start_token(shared_data):
    (row, _) = assertion(AutoTokenizer.from_pretrained(shared_data / "tokenizers" / "codet5"), True).rows(
        CHAIN
    )
    assert (row.input_ids[0], row.labels[0], row.labels[-1]) == (1, 1, 2)


@pytest.mark.parametrize("trim", [False, True])
def test_a_pretrained_decoder_reads_the_whole_text_as_its_tokenizer_writes_it(trim):
    tokenizer = byte_level(trim=trim)
    task = assertion(tokenizer)
    (row,) = task.rows(CHAIN)
    text = f"# p/test_f.py\n{CHAIN[1].context}{CHAIN[1].target}\n"
    assert row.input_ids.tolist() == tokenizer(text)["input_ids"]
    prompt = task.prompt(CHAIN[0])
    assert prompt.tolist() == row.input_ids[: len(prompt)].tolist()
    assert tokenizer.decode(prompt).endswith("\n   ")  # the last space is the answer's
    assert row.labels[len(prompt)] == tokenizer.convert_tokens_to_ids("Ġassert")
    assert row.labels[: len(prompt)].tolist() == [IGNORED] * len(prompt)


def test_an_answer_of_a_pretrained_decoder_ends_with_its_line():
    task = assertion(byte_level())
    (row,) = task.rows(CHAIN)
    targets = [part[part != IGNORED] for part in np.split(row.labels, np.flatnonzero(row.labels == IGNORED))]
    targets = [part for part in targets if len(part)]
    assert [task.decode(part) for part in targets] == [example.target for example in CHAIN]
    for part in targets:
        assert part[-1] in task.end_ids
        assert not task.end_ids & set(part[:-1].tolist())
    answer = task.encode_target("assert y")
    assert task.tokenizer.decode(answer) == " assert y\n"
    assert task.decode(np.concatenate([answer, answer])) == "assert y"
    assert len(replace(task, max_target=4).encode_target("assert total == g(2)")) == 4


def test_a_start_token_begins_every_row_however_little_fits():
    task = replace(assertion(byte_level("<s> $A")), max_row=24, max_input=20, overlap=8)
    assert task.form.start
    rows = task.rows(CHAIN)
    assert {row.input_ids[0] for row in rows} == {0} and {row.labels[0] for row in rows} == {IGNORED}
    assert all(len(row.input_ids) == len(row.labels) <= 24 for row in rows)
    assert task.prompt(CHAIN[1])[0] == 0 and len(task.prompt(CHAIN[1])) <= 20


def test_newline_and_end_token_close_rows_of_one_assertion():
    task = assertion(byte_level(), end="both")
    rows = task.rows(CHAIN)
    assert [task.tokenizer.decode(row.labels[row.labels != IGNORED]) for row in rows] == [
        f" {example.target}\n</s>" for example in CHAIN
    ]
    assert task.end_ids == {2}
    assert task.decode(task.encode_target("assert y")) == "assert y"


def test_our_own_tokenizer_keeps_its_form_and_its_fingerprint():
    tokenizer = train_line_tokenizer([SOURCE] * 3, 400)
    for both in (False, True):
        assert form_of(Encoding(), tokenizer, both) == PLAIN
        asked = assertion(tokenizer, both, start=False, boundary="apart", end="token")
        assert assertion(tokenizer, both).fingerprint == asked.fingerprint
        assert len(asked.limits) == 6


def test_what_a_tokenizer_has_for_prompts_and_is_not_used_is_said():
    tokenizer = byte_level()
    assert "unused" not in assertion(tokenizer).form_text
    tokenizer.chat_template = "{{ messages[0]['content'] }}"
    assert assertion(tokenizer).form_text.endswith("newline (plain text: its chat template is unused)")
    tokenizer.add_tokens(["<fim_middle>"])
    said = "its chat template and fill-in-the-middle tokens are unused"
    assert said in assertion(tokenizer).form_text


def test_the_form_is_part_of_the_fingerprint():
    tokenizer = byte_level("<s> $A </s>")
    prints = {assertion(tokenizer, True, start=start).fingerprint for start in (True, False)}
    prints |= {assertion(tokenizer, end=end).fingerprint for end in ("token", "newline", "both")}
    assert len(prints) == 5


def test_a_folder_of_ours_without_the_keys_reads_as_before(tmp_path):
    write_json(tmp_path / "kdray.json", {"encoding": {"max_input": 64, "max_target": 16, "max_row": 96}})
    assert form_of(saved_encoding(str(tmp_path)), byte_level("<s> $A </s>"), True) == PLAIN
    told = told_encoding(Encoding(max_input=32), str(tmp_path))
    assert (told.max_input, told.start, told.end) == (32, False, "token")
    write_json(tmp_path / "kdray.json", {"encoding": {"start": True, "boundary": "whole", "end": "newline"}})
    assert form_of(saved_encoding(str(tmp_path)), byte_level(), False) == Form(True, "whole", "newline")
    assert told_encoding(Encoding(start=False), str(tmp_path)).start is False


def test_what_an_encoder_decoder_cannot_do_is_refused():
    with pytest.raises(ConfigError, match=r"encoding\.end newline has no effect on an encoder-decoder"):
        assertion(byte_level(), True, end="newline")


def test_a_student_with_its_own_tokenizer_reads_the_same_texts():
    teacher, student = assertion(byte_level()), assertion(train_line_tokenizer([SOURCE] * 3, 400))
    reread = Reread(teacher, student)
    (row,), (own,) = teacher.rows(CHAIN), student.rows(CHAIN)
    read = reread.row(row)
    assert student.text(read.input_ids) == student.text(own.input_ids)
    assert read.labels.tolist() == own.labels.tolist()
    assert student.text(reread.prompt(teacher.prompt(CHAIN[0]))) == student.text(student.prompt(CHAIN[0]))
    assert student.decode(reread.answer(teacher.encode_target("assert y"))) == "assert y"


def test_targets_that_are_too_long_to_be_learnt_are_said(capsys):
    task = replace(assertion(byte_level()), max_target=20)
    examples = [replace(CHAIN[0], target="assert x" + "x" * length) for length in (0, 0, 0, 40)]
    check_round_trip(task, examples, "t")
    assert (
        "targets   25.0% of the corpus's targets are longer than encoding.max_target"
        in capsys.readouterr().err
    )
    assert len(task.rows(examples[:1])) == 1
    assert task.rows(examples[3:]) == []


def test_targets_that_do_not_come_back_from_their_tokens_are_refused():
    tokenizer = Tokenizer(models.WordLevel({"<unk>": 0, "assert": 1, "x": 2, "</s>": 3}, UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    words = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token=UNKNOWN, pad_token=UNKNOWN, eos_token="</s>"  # noqa: S106
    )  # fmt: skip
    task = assertion(words, True)
    known = [replace(CHAIN[0], target="assert x")] * 99
    check_round_trip(task, known, "t")
    check_round_trip(task, [*known, CHAIN[1]], "t")
    with pytest.raises(DataError, match=r"t: its tokenizer does not fit the corpus: 2\.0% of the corpus's"):
        check_round_trip(task, [*known[1:], *CHAIN], "t")
    check_round_trip(assertion(byte_level()), CHAIN * 9, "t")
