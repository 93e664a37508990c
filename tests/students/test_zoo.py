"""The contract over families that kdray does not build itself: it says of a model what transformers says."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
import transformers as tf

from kdray.errors import DataError
from kdray.evaluation.generate import greedy
from kdray.evaluation.ways import CACHED, REREAD, way_of
from kdray.students import forward, pieces
from kdray.students.kept_weights import FILE, keep_hashes, own_weights, saved_buffers, teacher_weights
from kdray.students.load import load_config, load_model
from kdray.students.logits import TargetLogits
from kdray.students.pieces import PROVEN, check_pieces
from kdray.students.preflight import check_teacher
from kdray.tasks.row import IGNORED, Row
from tests.students.zoo import END, PAD, VOCAB, ZOO

REFUSED = {
    "t5-asymmetric": "more decoder layers",
    "bert-decoder": "no whole BertClassifier|a bert classifies here and writes nothing",
    **dict.fromkeys(
        ("modernbert-decoder", "xlnet", "prophetnet"),
        "its logits differ by .* from those of its hidden states and head",
    ),
    "cpmant": "its logits differ by .* where a longer text is beside one",
}
"""Name -> what is said of it when its folder is opened."""
NAMED_OTHERWISE = ("gpt-neox", "mixtral", "deepseek3", "marian")
"""Whose files name weights otherwise than the model does: these are loaded whole."""
ACCEPTED = [name for name in ZOO if name not in REFUSED]
LONGEST = 6


@pytest.fixture(scope="module")
def made() -> Any:
    """Models by name, each made once."""
    models: dict[str, Any] = {}
    return lambda name: models.setdefault(name, ZOO[name]())


def ids_of(length: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(4, VOCAB, length).astype(np.int32)


def rows_of(model: Any) -> list[Row]:
    rows = []
    for length in (23, 6, 14):  # longer than the zoo's windows, and padded
        ids = ids_of(length, length)
        labels = np.where(np.arange(length) < length // 2, IGNORED, ids).astype(np.int32)
        rows.append(Row("", ids, ids[length // 2 :] if model.config.is_encoder_decoder else labels))
    return rows


def by_transformers(model: Any, row: Row) -> Any:
    """The logits of a row's targets by a plain call of the model."""
    ids = torch.from_numpy(row.input_ids.astype(np.int64))[None]
    with torch.no_grad():
        if not model.config.is_encoder_decoder:
            return model(input_ids=ids).logits[0, :-1].numpy()[row.labels[1:] != IGNORED]
        start = [model.config.decoder_start_token_id, *row.labels[:-1].tolist()]
        return model(input_ids=ids, decoder_input_ids=torch.tensor([start])).logits[0].numpy()


@pytest.mark.parametrize("name", ACCEPTED)
def test_captured_logits_are_the_models_own(name, made):
    model = made(name)
    rows = rows_of(model)
    for row, found in zip(rows, TargetLogits(model, PAD)(rows), strict=True):
        np.testing.assert_allclose(found, by_transformers(model, row), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", ACCEPTED)
def test_greedy_writes_what_generate_writes(name, made):
    model = made(name)
    prompts = [ids_of(length, length) for length in (23, 5, 14)]
    drafts = [ids_of(3), ids_of(0), ids_of(2)]
    found = greedy(
        model, prompts, end_id=END, pad_id=PAD, max_new_tokens=LONGEST, batch_size=2, drafts=drafts
    )
    for prompt, output in zip(prompts, found, strict=True):
        ids = torch.from_numpy(prompt.astype(np.int64))[None]
        written = model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=LONGEST, do_sample=False,
            eos_token_id=END, pad_token_id=PAD,
        )[0, 1 if model.config.is_encoder_decoder else len(prompt) :]  # fmt: skip
        assert output.ids.tolist() == written.tolist()


@pytest.mark.parametrize("name", ACCEPTED)
def test_its_kept_weights_are_read_where_they_lie_and_are_its_own(name, made, tmp_path):
    model = made(name)
    model.save_pretrained(tmp_path)
    keep_hashes(tmp_path, own_weights(model), "f")
    is_mapped = (tmp_path / FILE).exists()
    assert is_mapped or name in NAMED_OTHERWISE
    if is_mapped:
        read = teacher_weights(str(tmp_path), "f")
        assert all(torch.equal(read[key], own) for key, own in model.named_parameters())
        assert all(torch.equal(read[key], own) for key, own in saved_buffers(model))
        assert read.keys() - dict(saved_buffers(model)).keys() == dict(model.named_parameters()).keys()


def test_a_cache_is_kept_where_it_is_right(made):
    reread = {"bart", "plbart", "mbart", "marian", "led", "mamba", "mamba2"}
    assert {name for name in ACCEPTED if way_of(made(name)) is REREAD} == reread
    assert way_of(made("gemma2")) is CACHED


def test_a_bias_that_belongs_to_no_layer_is_seen(made):
    model = ZOO["bart"]()
    model.final_logits_bias.normal_()
    (row, *_) = rows_of(model)
    (found,) = TargetLogits(model, PAD)([row])
    np.testing.assert_allclose(found, by_transformers(model, row), atol=1e-4, rtol=1e-4)


def test_a_model_that_overflows_in_a_precision_is_refused_by_its_name():
    model = ZOO["llama"]()
    with torch.no_grad():
        model.model.norm.weight.fill_(60_000)
    check_pieces(model, "here")
    with pytest.raises(DataError, match=r"^here: its logits are not finite in float16: "):
        check_pieces(model.half(), "here")


def test_a_padding_token_that_is_none_is_no_reason_to_refuse_a_model(made, tmp_path):
    made("llama").save_pretrained(tmp_path)
    file = tmp_path / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"pad_token_id": -1}))
    loaded = load_model(tmp_path)
    pairs = zip(loaded.parameters(), made("llama").parameters(), strict=True)
    assert all(torch.equal(own, other) for own, other in pairs)


def test_a_model_whose_pieces_say_something_else_is_refused_when_it_is_loaded(made, tmp_path, monkeypatch):
    made("granite").save_pretrained(tmp_path)
    load_model(tmp_path)
    monkeypatch.setattr(forward, "_scale", lambda config, width: 1.0)  # as for a scale that nobody knows of
    with pytest.raises(
        DataError, match="a granite model, which kdray cannot learn from: its logits differ by"
    ):
        load_model(tmp_path)
    with pytest.raises(DataError, match="which kdray cannot learn from"):
        small = tf.ElectraConfig(vocab_size=VOCAB, hidden_size=12, num_hidden_layers=1, num_attention_heads=2)
        check_pieces(tf.ElectraForMaskedLM(small), "x")


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_right_is_refused_in_a_line_with_weights_and_without(name, made, tmp_path):
    made(name).save_pretrained(tmp_path)
    for ask in (load_model, lambda folder: check_teacher(load_config(folder), "assertion", str(folder))):
        with pytest.raises(DataError, match=REFUSED[name]) as said:
            ask(tmp_path)
        assert "\n" not in str(said.value)


def test_a_family_is_taken_unseen_only_where_it_stands_here(made):
    assert {made(name).config.model_type for name in ACCEPTED} == PROVEN


def test_a_family_that_no_test_has_seen_is_tried_before_its_weights_are_there(made, monkeypatch):
    config = made("granite").config
    monkeypatch.setattr(pieces, "PROVEN", frozenset())
    check_teacher(config, "assertion", "x")
    monkeypatch.setattr(forward, "_scale", lambda config, width: 1.0)
    with pytest.raises(DataError, match="x: a granite model, which kdray cannot learn from"):
        check_teacher(config, "assertion", "x")
    monkeypatch.setattr(pieces, "SMALL", 10)
    check_teacher(config, "assertion", "x")  # told when its weights are loaded


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (tf.BertConfig(), "a bert classifies here and writes nothing"),
        (tf.ElectraConfig(), "a electra model, which writes no text"),
        (tf.T5Config(is_encoder_decoder=False), "a t5 model, which writes no text"),
        (tf.WhisperConfig(), "a whisper model, which writes no text"),
        (tf.CLIPConfig(), "a clip model, which writes no text"),
        (tf.Gemma3Config(), "a gemma3 model is made of several"),
        (tf.ReformerConfig(is_decoder=False), "a reformer model, which writes no text"),
    ],
    ids=lambda value: getattr(value, "model_type", ""),
)
def test_what_writes_no_text_is_no_teacher(config, said):
    with pytest.raises(DataError, match=f"x: {said}"):
        check_teacher(config, "assertion", "x")
