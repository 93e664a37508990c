"""`tokenizer.json` without transformers, for those folders where it alone says what transformers makes of it.

Whether it does is found out when a graph is exported (`is_whole`), with transformers at hand; then reading it
takes a twentieth of a second instead of two.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kdray.errors import DataError, first_line
from kdray.recorded import json_file

CONFIG, FILE = "tokenizer_config.json", "tokenizer.json"
ROLES = ("bos_token", "eos_token", "pad_token", "cls_token", "sep_token")


class BareTokenizer:
    """As much of a fast transformers tokenizer as a task asks of one that writes."""

    chat_template = None
    eos_token_id: int | None

    def __init__(self, folder: Path) -> None:
        """Reads the folder's two files. Raises `DataError` for what is no tokenizer, or has no end token."""
        from tokenizers import Tokenizer

        try:
            self.backend_tokenizer = Tokenizer.from_file(str(folder / FILE))
        except Exception as error:  # it has no kind of its own
            raise DataError(f"{folder / FILE}: no tokenizer: {first_line(error)}") from error
        said = json_file(folder / CONFIG)
        named = {role: said.get(role) for role in ROLES}
        named = {role: one.get("content") if isinstance(one, dict) else one for role, one in named.items()}
        if wrong := [role for role, one in named.items() if not isinstance(one, str | None)]:
            raise DataError(f"{folder / CONFIG}: {wrong[0]} is no text")
        named["pad_token"] = named["pad_token"] or named["eos_token"]
        self.cleans = bool(said.get("clean_up_tokenization_spaces"))
        for role, token in named.items():
            setattr(self, role, token)
            setattr(self, f"{role}_id", None if token is None else self.backend_tokenizer.token_to_id(token))
        if self.eos_token_id is None:
            raise DataError(f"{folder}: the tokenizer has no eos_token")

    def __call__(
        self,
        text: str | Sequence[str],
        *,
        add_special_tokens: bool = True,
        split_special_tokens: bool = False,
        return_offsets_mapping: bool = False,
        verbose: bool = True,
    ) -> dict[str, Any]:
        """`input_ids`, and `offset_mapping` if asked for: of one text, or a list of each."""
        self.backend_tokenizer.encode_special_tokens = split_special_tokens
        alone = isinstance(text, str)
        texts = [text] if isinstance(text, str) else list(text)
        encoded = self.backend_tokenizer.encode_batch(texts, add_special_tokens=add_special_tokens)
        found: dict[str, Any] = {"input_ids": [one.ids for one in encoded]}
        if return_offsets_mapping:
            found["offset_mapping"] = [one.offsets for one in encoded]
        return {name: ofs[0] for name, ofs in found.items()} if alone else found

    def decode(self, ids: Sequence[int], skip_special_tokens: bool = False) -> str:
        """The text of some tokens."""
        return str(self.backend_tokenizer.decode(list(ids), skip_special_tokens=skip_special_tokens))

    def get_vocab(self) -> dict[str, int]:
        """Every token's id, added ones included."""
        return dict(self.backend_tokenizer.get_vocab(with_added_tokens=True))

    def get_added_vocab(self) -> dict[str, int]:
        """The added tokens' ids."""
        return {
            one.content: number for number, one in self.backend_tokenizer.get_added_tokens_decoder().items()
        }


def is_whole(folder: Path, tokenizer: Any) -> bool:
    """Whether a folder's files alone make the tokenizer that transformers loaded from it."""
    bare = BareTokenizer(folder)
    same = all(getattr(bare, f"{role}_id") == getattr(tokenizer, f"{role}_id", None) for role in ROLES)
    return (
        same and not bare.cleans and bare.backend_tokenizer.to_str() == tokenizer.backend_tokenizer.to_str()
    )
