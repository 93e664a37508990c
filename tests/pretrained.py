"""Tiny models as others pretrain them: random weights, saved as plain transformers folders."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from kdray.corpus.store import read_corpus


def byte_level_tokenizer(texts: Iterable[str], vocab: int = 400) -> Any:
    """One of a pretrained decoder: bytes, a start token before every text, an end token that is no newline."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<s>", "</s>", "<pad>"]
    made.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=vocab, special_tokens=special, initial_alphabet=alphabet)
    )
    made.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    roles = dict(zip(("bos_token", "eos_token", "pad_token"), special, strict=True))
    return PreTrainedTokenizerFast(tokenizer_object=made, **roles)


def corpus_texts(corpus: Path) -> list[str]:
    """What such a tokenizer is trained on."""
    return [f"{example.context}{example.target}\n" for example in read_corpus(corpus, "train")]


def save(folder: Path, tokenizer: Any, kind: str, *, more_rows: int = 0, seed: int = 0) -> Path:
    """A model of one layer under a tokenizer, its table longer by `more_rows` rows that are no tokens."""
    import transformers

    ids: dict[str, Any] = {
        "vocab_size": len(tokenizer) + more_rows,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    wide = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 48}
    t5 = {"d_model": 32, "d_kv": 16, "d_ff": 48, "num_layers": 1, "num_heads": 2, "dropout_rate": 0.1}
    torch.manual_seed(seed)
    model: Any
    if kind == "llama":
        model = transformers.LlamaForCausalLM(
            transformers.LlamaConfig(**ids, **wide, attention_dropout=0.1, tie_word_embeddings=True)
        )
    elif kind == "t5":
        model = transformers.T5ForConditionalGeneration(
            transformers.T5Config(**ids, **t5, decoder_start_token_id=tokenizer.pad_token_id)
        )
    elif kind == "bart":
        bart = {"d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 48}
        heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "decoder_ffn_dim": 48}
        model = transformers.BartForConditionalGeneration(
            transformers.BartConfig(**ids, **bart, **heads, decoder_start_token_id=tokenizer.eos_token_id)
        )
        model.final_logits_bias += torch.randn_like(model.final_logits_bias)
    else:
        model = transformers.RobertaModel(
            transformers.RobertaConfig(**ids, **wide, max_position_embeddings=130, type_vocab_size=1)
        )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
