"""A pretrained model as it is begun with: whole, with its own head, and never beyond what it can read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from kdray.config import parse
from kdray.config.trial import Trial
from kdray.errors import ConfigError, DataError
from kdray.students.checkpoint import checkpoint_config, checkpoint_model
from kdray.students.load import check_padding, load_model, load_tokenizer
from kdray.students.positions import check_length
from tests import pretrained

TEXTS = ["assert x == 1\n"] * 9


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return pretrained.byte_level_tokenizer(TEXTS, vocab=270)


@pytest.mark.parametrize("kind", ["T5", "MT5", "UMT5", "LongT5"])
def test_a_head_of_its_own_stays_where_rows_that_are_no_tokens_go(
    kind: str, tokenizer: Any, tmp_path: Path
) -> None:
    sizes = {"d_model": 32, "d_kv": 16, "d_ff": 48, "num_layers": 1, "num_heads": 2}
    ids = {"pad_token_id": 2, "eos_token_id": 1, "decoder_start_token_id": 2}
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=len(tokenizer) + 28,
        feed_forward_proj="gated-gelu",
        tie_word_embeddings=False,
        **sizes,
        **ids,
    )
    torch.manual_seed(0)
    model = getattr(transformers, f"{kind}ForConditionalGeneration")(config).eval()
    model.lm_head.weight = torch.nn.Parameter(torch.randn_like(model.lm_head.weight))
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    inputs = {"input_ids": torch.arange(3, 12)[None], "decoder_input_ids": torch.arange(2, 9)[None]}
    with torch.no_grad():
        whole = load_model(tmp_path)(**inputs).logits[..., : len(tokenizer)]
        cut = checkpoint_model(str(tmp_path), "assertion", len(tokenizer))(**inputs).logits
    assert torch.allclose(whole, cut, atol=1e-4)


def test_how_a_model_likes_to_generate_is_left_out_of_what_is_shipped(tokenizer: Any, tmp_path: Path) -> None:
    folder = pretrained.save(tmp_path / "llama", tokenizer, "llama")
    place = folder / "generation_config.json"
    place.write_text(json.dumps(json.loads(place.read_text()) | {"repetition_penalty": 3.0, "num_beams": 4}))
    load_model(folder).save_pretrained(tmp_path / "again")
    kept = json.loads((tmp_path / "again" / "generation_config.json").read_text())
    assert not {"repetition_penalty", "num_beams"} & kept.keys()
    assert kept["eos_token_id"] == tokenizer.eos_token_id


@pytest.mark.parametrize("kind", ["llama", "t5"])
@pytest.mark.parametrize("added", [{"pad_token": "[PAD]"}, "esult = "])
def test_a_token_that_the_model_has_no_row_for_is_refused(kind: str, added: Any, tmp_path: Path) -> None:
    tokenizer = pretrained.byte_level_tokenizer(TEXTS, vocab=270)
    folder = pretrained.save(tmp_path, tokenizer, kind)
    if isinstance(added, dict):
        tokenizer.add_special_tokens(added)
    else:
        tokenizer.add_tokens([added])
    tokenizer.save_pretrained(folder)
    with pytest.raises(DataError, match=r"has no row for, such as"):
        checkpoint_config(str(folder), "assertion")


def test_special_tokens_that_no_text_becomes_may_have_no_row(tmp_path: Path) -> None:
    tokenizer = pretrained.byte_level_tokenizer(TEXTS, vocab=270)
    folder = pretrained.save(tmp_path, tokenizer, "llama")
    tokenizer.add_special_tokens({"additional_special_tokens": ["<unknown>"]})  # as CodeT5's
    tokenizer.save_pretrained(folder)
    assert checkpoint_config(str(folder), "assertion").vocab_size == len(tokenizer) - 1


def test_a_folder_that_is_written_anew_is_read_anew(tokenizer: Any, tmp_path: Path) -> None:
    pretrained.save(tmp_path, tokenizer, "llama")
    assert checkpoint_config(str(tmp_path), "assertion").model_type == "llama"
    pretrained.save(tmp_path, tokenizer, "bart")
    assert checkpoint_config(str(tmp_path), "assertion").model_type == "bart"


@pytest.mark.parametrize(
    ("name", "apart"), [("GPT2", False), ("GPTJ", False), ("CodeGen", False), ("MBart", True)]
)
def test_texts_longer_than_a_table_of_positions_are_refused(name: str, apart: bool) -> None:
    config = getattr(transformers, f"{name}Config")(max_position_embeddings=64)
    data = {
        "corpus": "c", "shards": "s", "student": {"family": "teacher", "layers": 1}, "budget": {"steps": 1},
        "encoding": {"max_input": 64 if apart else 40, "max_target": 20, "max_row": 64},
    }  # fmt: skip
    check_length(config, parse(Trial, data, "test"), "x")
    data["encoding"] = {"max_input": 65, "max_target": 20, "max_row": 64}
    with pytest.raises(ConfigError, match=r"x \(\w+\) reads 64 tokens at most, encoding asks for (65|85)"):
        check_length(config, parse(Trial, data, "test"), "x")


def test_a_classifiers_positions_begin_behind_its_padding_token(tokenizer: Any, tmp_path: Path) -> None:
    folder = pretrained.save(tmp_path, tokenizer, "roberta")  # its padding token is 2
    model = checkpoint_model(str(folder), "vulnerability", len(tokenizer)).eval()
    ids_BT = torch.full((1, 140), 5)
    ids_BT[:, 0] = 0
    assert model(ids_BT).shape == (1, 2)


def test_a_classifier_reads_by_the_tokens_that_it_has_learnt(tmp_path: Path) -> None:
    config = transformers.BertConfig(vocab_size=400, pad_token_id=2)
    tokenizer = pretrained.byte_level_tokenizer(TEXTS, vocab=270)
    tokenizer.add_special_tokens({"cls_token": "[CLS]", "sep_token": "[SEP]"})
    with pytest.raises(DataError, match=r"bos_token is <s>, its cls_token \[CLS\]"):
        check_padding(config, tokenizer, "x")
    tokenizer.bos_token, tokenizer.eos_token = None, tokenizer.sep_token
    tokenizer.save_pretrained(tmp_path)
    told = load_tokenizer(tmp_path)
    assert (told.bos_token, told.eos_token) == ("[CLS]", "[SEP]")
