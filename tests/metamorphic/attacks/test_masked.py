"""Names from a masked language model whose preferences are known."""

from __future__ import annotations

import pytest
import torch

from kdray.errors import DataError
from kdray.metamorphic.attacks.identifiers import RESERVED
from kdray.metamorphic.attacks.masked import KEPT, MaskedNames

CODE = "int sum(int first, int second) { int total = first + second; return total; }"
WORDS = "int sum first second total amount result value while return"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, RobertaConfig, RobertaForMaskedLM

    words = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *WORDS.split(), *"(){};+=,"]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))  # noqa: S106
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    marks = {"bos": "<s>", "pad": "<pad>", "eos": "</s>", "unk": "<unk>", "mask": "<mask>"}
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, **{f"{key}_token": mark for key, mark in marks.items()}
    )
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=300, pad_token_id=1,
    )  # fmt: skip
    model = RobertaForMaskedLM(config)
    made = tmp_path_factory.mktemp("masked")
    model.save_pretrained(made)
    fast.save_pretrained(made)
    return str(made)


def test_every_identifier_gets_free_names_and_no_others(folder: str) -> None:
    found = MaskedNames.load(folder)("java", CODE)
    assert set(found) == {"first", "second", "total"}
    for names in found.values():
        assert set(names) == {"amount", "result", "value"}
        assert len(names) <= KEPT
        assert not set(names) & RESERVED["java"]


def test_it_is_loaded_in_silence(folder: str, capfd: pytest.CaptureFixture[str]) -> None:
    from transformers.utils import logging

    logging.enable_progress_bar()  # as in a process that has loaded nothing else
    MaskedNames.load(folder)
    assert capfd.readouterr() == ("", "")


def test_the_most_alike_name_comes_first(folder: str) -> None:
    model = MaskedNames.load(folder)
    embeddings = model._model.roberta.embeddings.word_embeddings.weight
    ids = model._tokenizer.convert_tokens_to_ids(["total", "value"])
    with torch.no_grad():
        embeddings[ids[1]] = embeddings[ids[0]]
    assert model("java", CODE)["total"][0] == "value"


@pytest.mark.parametrize("code", ["", "int f( {", "\ud800", "/* <mask> */ int f(int a) { return a; }"])
def test_what_cannot_be_worked_on_gets_no_names(folder: str, code: str) -> None:
    assert not any(MaskedNames.load(folder)("c", code).values())


def test_a_folder_without_such_a_model_is_one_line(tmp_path) -> None:
    with pytest.raises(DataError, match="no masked language model"):
        MaskedNames.load(tmp_path)
