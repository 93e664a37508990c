"""Logits of targets against transformers' own forward pass."""

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, T5Config, T5ForConditionalGeneration

from kdray.students.logits import TargetLogits
from kdray.tasks.row import IGNORED, Row

VOCAB = 40


def _rows(encoder_decoder: bool) -> list[Row]:
    rng = np.random.default_rng(0)
    rows = []
    for length in (5, 12, 9):
        input_ids = rng.integers(1, VOCAB, length).astype(np.int32)
        labels = rng.integers(1, VOCAB, length // 2).astype(np.int32)
        if not encoder_decoder:
            labels = np.where(np.arange(length) >= length // 2, input_ids, IGNORED).astype(np.int32)
        rows.append(Row("x", input_ids, labels))
    return rows


def test_a_decoder_only_model_gives_the_logits_that_predict_each_target() -> None:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCAB, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
    )
    model = LlamaForCausalLM(config).eval()
    rows = _rows(encoder_decoder=False)
    for row, logits_NV in zip(rows, TargetLogits(model, pad_id=0)(rows), strict=True):
        with torch.no_grad():
            whole_TV = model(torch.from_numpy(row.input_ids.astype(np.int64))[None]).logits[0].numpy()
        at = np.flatnonzero(row.labels != IGNORED) - 1
        np.testing.assert_allclose(logits_NV, whole_TV[at], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("tied", [True, False])
def test_an_encoder_decoder_gives_its_scaled_logits(tied: bool) -> None:
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=VOCAB, d_model=16, num_layers=1, num_heads=2, d_kv=8, d_ff=32, tie_word_embeddings=tied,
        decoder_start_token_id=0,
    )  # fmt: skip
    model = T5ForConditionalGeneration(config).eval()
    rows = _rows(encoder_decoder=True)
    for row, logits_NV in zip(rows, TargetLogits(model, pad_id=0)(rows), strict=True):
        inputs = torch.from_numpy(row.input_ids.astype(np.int64))[None]
        with torch.no_grad():
            whole = model(input_ids=inputs, labels=torch.from_numpy(row.labels.astype(np.int64))[None]).logits
        np.testing.assert_allclose(logits_NV, whole[0].numpy(), rtol=1e-4, atol=1e-5)


def test_only_the_shared_ids_are_kept_where_vocabularies_differ() -> None:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCAB, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    model = LlamaForCausalLM(config)
    rows = _rows(encoder_decoder=False)
    whole, shared = TargetLogits(model, pad_id=0), TargetLogits(model, pad_id=0, vocab=33)
    assert (whole.vocab, shared.vocab) == (VOCAB, 33)
    np.testing.assert_array_equal(np.concatenate(whole(rows))[:, :33], np.concatenate(shared(rows)))
