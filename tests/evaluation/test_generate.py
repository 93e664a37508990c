from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, T5Config, T5ForConditionalGeneration

from kdray.evaluation.decoding import _cache_argument
from kdray.evaluation.generate import Generation, greedy

VOCAB = 64
PAD, LONGEST = 0, 20
ENDS = {"llama": 18, "t5": 55}
"""Tokens that these random models happen to write sooner or later."""


def drawn(model: Any, widths: dict[str, float]) -> Any:
    """The model with weights of our own: what transformers draws changes with its versions.

    `widths`: part of a parameter's name -> its standard deviation, or a norm's value; the first counts.
    """
    generator = torch.Generator().manual_seed(0)
    for name, parameter in model.named_parameters():
        width = next(width for part, width in widths.items() if part in name)
        if parameter.dim() == 1:
            parameter.data.fill_(width)
        else:
            parameter.data.normal_(0, width, generator=generator)
    return model.eval()


def llama() -> Any:
    config = LlamaConfig(
        vocab_size=VOCAB, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        intermediate_size=48, tie_word_embeddings=True, max_position_embeddings=64,
    )  # fmt: skip
    return drawn(LlamaForCausalLM(config), {"norm": 1.0, "": 0.5})


def t5(tied: bool = True) -> Any:
    config = T5Config(
        vocab_size=VOCAB, d_model=32, d_kv=16, num_heads=2, num_layers=2, num_decoder_layers=2, d_ff=48,
        decoder_start_token_id=PAD, pad_token_id=PAD, eos_token_id=ENDS["t5"], tie_word_embeddings=tied,
    )  # fmt: skip
    return drawn(T5ForConditionalGeneration(config), {"norm": 1.0, "shared": 0.5, ".q.": 0.2, "": 0.8})


MODELS = {"llama": llama, "t5": t5, "t5-unscaled": lambda: t5(tied=False)}


def prompts_of(count: int, seed: int = 0) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [rng.integers(2, VOCAB, rng.integers(1, 30)).astype(np.int32) for _ in range(count)]


def end_of(model: Any) -> int:
    return ENDS["t5" if model.config.is_encoder_decoder else "llama"]


def by_transformers(model: Any, prompt: Any) -> list[int]:
    ids = torch.from_numpy(prompt[None].astype(np.int64))
    output = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=LONGEST,
        do_sample=False,
        eos_token_id=end_of(model),
        pad_token_id=PAD,
    )[0].tolist()
    return output[1:] if model.config.is_encoder_decoder else output[len(prompt) :]


def by_kdray(model: Any, prompts: list[Any], batch_size: int = 8, **options: Any) -> list[Generation]:
    return greedy(
        model,
        prompts,
        end_id=end_of(model),
        pad_id=PAD,
        max_new_tokens=LONGEST,
        batch_size=batch_size,
        **options,
    )


@pytest.fixture(scope="module", params=sorted(MODELS))
def case(request: pytest.FixtureRequest) -> tuple[Any, list[Any], list[list[int]]]:
    model, prompts = MODELS[request.param](), prompts_of(24)
    expected = [by_transformers(model, prompt) for prompt in prompts]
    assert len({len(output) for output in expected}) > 3, (
        "outputs must differ in length for these tests to mean anything"
    )
    return model, prompts, expected


@pytest.mark.parametrize("batch_size", [1, 3, 8, 64])
def test_outputs_are_those_of_transformers_for_any_batch_size(case: Any, batch_size: int) -> None:
    model, prompts, expected = case
    assert [output.ids.tolist() for output in by_kdray(model, prompts, batch_size)] == expected


def test_the_cache_has_the_name_that_the_decoder_gives_it(case: Any) -> None:
    model, prompts, _ = case
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        by_kdray(model, prompts[:2])


def test_the_cache_has_its_old_name_before_transformers_renamed_it() -> None:
    class Before(torch.nn.Module):
        def forward(self, input_ids: Any, past_key_values: Any = None, **_: Any) -> Any: ...

    class After(torch.nn.Module):
        def forward(self, input_ids: Any, cache: Any = None, **_: Any) -> Any: ...

    assert [_cache_argument(one.forward) for one in (Before, After)] == ["past_key_values", "cache"]


def test_a_draft_changes_no_output_whether_right_cut_short_or_wrong(case: Any) -> None:
    model, prompts, expected = case
    rng = np.random.default_rng(1)
    drafts = []
    for number, output in enumerate(expected):
        draft, at = np.array(output, np.int32), int(rng.integers(0, len(output)))
        if number % 4 == 1:
            draft = draft[:at]
        if number % 4 == 2:
            draft[at] = (draft[at] + 1) % VOCAB
        if number % 4 == 3:
            draft = np.concatenate([draft, draft])
        drafts.append(draft)
    outputs = by_kdray(model, prompts, drafts=drafts)
    assert [output.ids.tolist() for output in outputs] == expected
    without = by_kdray(model, prompts)
    for a, b in zip(outputs, without, strict=True):
        np.testing.assert_allclose(a.logprob, b.logprob, atol=1e-4)


def forward_logits(model: Any, prompt: Any, output: Any) -> torch.Tensor:
    """Logits at every output token, from one plain forward pass."""
    ids, labels = (
        torch.from_numpy(prompt[None].astype(np.int64)),
        torch.from_numpy(output[None].astype(np.int64)),
    )
    with torch.no_grad():
        if model.config.is_encoder_decoder:
            return model(input_ids=ids, labels=labels).logits[0]
        return model(input_ids=torch.cat([ids, labels], 1)).logits[0, len(prompt) - 1 : -1]


def test_log_probabilities_are_those_of_a_plain_forward_pass(case: Any) -> None:
    model, prompts, _ = case
    for prompt, output in zip(prompts, by_kdray(model, prompts), strict=True):
        logprobs = forward_logits(model, prompt, output.ids).log_softmax(1)
        expected = logprobs[torch.arange(len(output.ids)), torch.from_numpy(output.ids.astype(np.int64))]
        np.testing.assert_allclose(output.logprob, expected, atol=1e-4)


def test_on_draft_sees_the_teacher_forced_logits(case: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kdray.evaluation.generate.MAX_LOGITS", VOCAB * 25)
    model, prompts, _ = case
    rng = np.random.default_rng(2)
    drafts = [rng.integers(2, VOCAB, rng.integers(1, 12)).astype(np.int32) for _ in prompts]
    seen: dict[int, torch.Tensor] = {}

    def keep(numbers: list[int], logits_NV: torch.Tensor) -> None:
        parts = logits_NV.split([len(drafts[number]) for number in numbers])
        seen.update(zip(numbers, [part.clone() for part in parts], strict=True))

    by_kdray(model, prompts, drafts=drafts, on_draft=keep)
    for number, (prompt, draft) in enumerate(zip(prompts, drafts, strict=True)):
        torch.testing.assert_close(seen[number], forward_logits(model, prompt, draft), atol=0.01, rtol=1e-3)


def test_confidence_is_the_geometric_mean_probability() -> None:
    generation = Generation(np.array([5, 1], np.int32), np.log(np.array([0.5, 0.125], np.float32)))
    assert generation.confidence == pytest.approx(0.25)


def test_the_model_keeps_its_training_mode() -> None:
    model = llama().train()
    by_kdray(model, prompts_of(2))
    assert model.training


def test_bad_requests_are_refused() -> None:
    model = llama()
    with pytest.raises(ValueError, match="prompt without a token"):
        by_kdray(model, [np.empty(0, np.int32)])
    with pytest.raises(ValueError, match="batch_size 0"):
        by_kdray(model, prompts_of(1), batch_size=0)
    assert by_kdray(model, []) == []
