"""A tokenizer in llama.cpp's words, where it has words for it.

llama.cpp knows how text is cut into words by a name, and by nothing else. Names here are of tokenizers whose
`tokenizer.json` says exactly that cut; what says another one is refused. Of Qwen's a composed text is taken for
granted (its NFC): llama.cpp composes nothing. Not here: tokenizers of SentencePiece, with their scores.

One exception: kdray's own line tokenizers, which cut a line's indentation off. No cut of llama.cpp's does, but
what a file calls user-defined is cut off wherever it stands: the newline, and the tokens of four spaces and their
multiples. So most texts are read alike and some are not (an indentation of six, four spaces within a line):
the file is not `exact`, how often is measured, and prompts are better given as ids.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from kdray.errors import ConfigError
from kdray.tasks.encode import encode_text

BYTES = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}
BARE_BYTES = BYTES | {"use_regex": False}
_END = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
CUTS: dict[str, list[dict[str, Any]]] = {
    "gpt-2": [BYTES],
    "smollm": [{"type": "Digits", "individual_digits": True}, BYTES],
    "qwen2": [{"type": "Split", "pattern": {"Regex": rf"{_WORDS}\p{{N}}|{_END}"}}, BARE_BYTES],
    "llama-bpe": [{"type": "Split", "pattern": {"Regex": rf"{_WORDS}\p{{N}}{{1,3}}|{_END}"}}, BARE_BYTES],
}
"""Steps by llama.cpp's name."""
NEAR = {
    "smollm": [{"type": "Split", "pattern": {"Regex": r"\n|(?<![^\n]) +"}}, *CUTS["smollm"]],
}
"""Steps that llama.cpp has no name for, by the name that comes near."""
INDENT, DEEPEST = 4, 64
SPACE = "Ġ"
"""As byte-level text has it."""
USUAL = {"behavior": "Isolated", "invert": False}
NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5
"""llama.cpp's kinds of tokens."""


@dataclass(frozen=True)
class Vocabulary:
    """What a GGUF file keeps of a tokenizer.

    Attributes:
        cut: llama.cpp's name for how text becomes words.
        exact: whether it cuts every text as the tokenizer does.
        tokens, kinds: of every row of the model's embedding.
        merges: pairs, in order.
        special: ids by role, as far as there are: `bos`, `eos`, `pad`, `unk`.
        adds_start: whether the tokenizer puts its start token before a text.
    """

    cut: str
    exact: bool
    tokens: list[str]
    kinds: list[int]
    merges: list[str]
    special: dict[str, int]
    adds_start: bool


def vocabulary(tokenizer: Any, rows: int) -> Vocabulary:
    """Of a fast transformers tokenizer, for a model with so many rows. Raises `ConfigError` for one that llama.cpp
    has no words for, saying what is different.
    """
    said = json.loads(tokenizer.backend_tokenizer.to_str())
    cut, exact = _cut(said)
    tokens, kinds = [f"[PAD{number}]" for number in range(rows)], [UNUSED] * rows
    for token, number in tokenizer.get_vocab().items():
        if number < rows:
            tokens[number], kinds[number] = token, NORMAL
    for one in said["added_tokens"]:
        if one["lstrip"] or one["rstrip"] or one["single_word"]:
            raise _refused(f"its token {one['content']!r} takes the white space around it")
        if one["id"] < rows:
            tokens[one["id"]] = one["content"]
            kinds[one["id"]] = CONTROL if one["special"] else USER_DEFINED
    if not exact:
        for one in (tokenizer.eos_token, *_indentations(tokenizer)):
            number = tokenizer.convert_tokens_to_ids(one.replace(" ", SPACE))
            tokens[number], kinds[number] = one, USER_DEFINED
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in said["model"]["merges"]]
    roles = {role: getattr(tokenizer, f"{role}_token_id", None) for role in ("bos", "eos", "pad", "unk")}
    special = {role: int(number) for role, number in roles.items() if number is not None and number < rows}
    return Vocabulary(cut, exact, tokens, kinds, merges, special, _adds_start(tokenizer))


def _indentations(tokenizer: Any) -> list[str]:
    """Runs of four spaces and their multiples that are tokens."""
    depths = range(INDENT, DEEPEST + 1, INDENT)
    return [" " * depth for depth in depths if SPACE * depth in tokenizer.get_vocab()]


def _cut(said: dict[str, Any]) -> tuple[str, bool]:
    """llama.cpp's name of the way that a tokenizer cuts text into words, and whether it is exactly that."""
    model, normalizer = said["model"], said["normalizer"]
    if model["type"] != "BPE" or model.get("byte_fallback") or model.get("continuing_subword_prefix"):
        raise _refused(f"it is no byte-level BPE ({model['type']})")
    whole = said["pre_tokenizer"] or {}
    steps = whole.get("pretokenizers", [whole])
    for name, known in (*CUTS.items(), *NEAR.items()):
        if len(steps) == len(known) and all(map(_is, steps, known)):
            if bool(model.get("ignore_merges")) != (name == "llama-bpe"):
                raise _refused("it looks whole words up, or does not, other than its cut would have it")
            if normalizer is not None and not (name == "qwen2" and normalizer["type"] == "NFC"):
                raise _refused(f"it changes text before it is cut ({normalizer['type']})")
            return name, known in CUTS.values()
    raise _refused("it cuts text into words as none of these do")


def _is(step: dict[str, Any], known: dict[str, Any]) -> bool:
    """Whether a step is the known one; where offsets begin (`trim_offsets`) makes no other tokens."""
    said = {name: value for name, value in step.items() if name != "trim_offsets"}
    usual = USUAL if known["type"] == "Split" else {}
    return said == known | usual


def _adds_start(tokenizer: Any) -> bool:
    """Whether a start token stands before every text. Raises `ConfigError` for other tokens around it."""
    bare = tokenizer("x", add_special_tokens=False)["input_ids"]
    framed = tokenizer("x")["input_ids"]
    if framed not in (bare, [tokenizer.bos_token_id, *bare]):
        raise _refused("it puts more around a text than a start token")
    return bool(framed != bare)


def _refused(why: str) -> ConfigError:
    return ConfigError(
        f"--gguf: llama.cpp would read other tokens than this student's tokenizer: {why}. Known:"
        f" {', '.join(CUTS)}; a student of a pretrained teacher keeps its tokenizer (student.tokenizer: teacher)"
    )


def different(tokenizer: Any, tokenize: Any, texts: list[str]) -> list[str]:
    """Those of some texts that llama.cpp reads otherwise.

    Args:
        tokenizer: transformers' own.
        tokenize: llama.cpp's: from bytes to ids, without special tokens.
        texts: what is tried.
    """
    found = []
    for text in texts:
        (ours,) = encode_text(tokenizer, [text])
        if ours != list(tokenize(text.encode())):
            found.append(text)
    return found
