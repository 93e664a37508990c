"""How the text of an example becomes tokens: what a pretrained model has always seen around it.

Told by the tokenizer unless it is asked for. A tokenizer of ours ends a line with its end token and never crosses
one: `PLAIN`, whatever is there. An encoder-decoder whose tokenizer writes `<s> ... </s>` (RoBERTa's and CodeT5's)
has both around inputs and answers. A pretrained decoder reads the text as its tokenizer writes the whole of it,
behind a start token where the tokenizer puts one; its answer ends with the line.

Not here: chat templates and fill-in-the-middle. That a tokenizer has them is said (`unused`): prompts are plain
text, which continues.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kdray.config import FORM, Encoding, parse
from kdray.errors import ConfigError, DataError
from kdray.tasks.encode import PLAIN as OPTIONS
from kdray.tasks.encode import spells_special

Ids = NDArray[np.int32]
MIDDLES = ("<fim_middle>", "<|fim_middle|>", "<fim-middle>", "<MID>", "▁<MID>", "<\uff5cfim▁end\uff5c>")
"""How tokenizers spell the place between prefix and suffix: StarCoder's, Qwen's, SantaCoder's, CodeLlama's (two),
DeepSeek-Coder's."""


@dataclass(frozen=True)
class Form:
    """See `kdray.config.Encoding`, whose fields these are, all of them decided."""

    start: bool = False
    boundary: str = "apart"
    end: str = "token"

    @property
    def is_packed(self) -> bool:
        """Whether a row holds several assertions: not where a token that ends a text would stand amid one."""
        return self.boundary == "apart" or self.end == "newline"

    def __str__(self) -> str:
        start = "a start token" if self.start else "no start token"
        whole = "in one piece with its prompt" if self.boundary == "whole" else "apart from its prompt"
        ends = {"token": "the end token", "newline": "the newline", "both": "the newline and the end token"}
        return f"{start}, the answer encoded {whole}, ended by {ends[self.end]}"


PLAIN = Form()
"""That of our own tokenizers, and of every folder of ours that does not say its own."""


def plain(encoding: Encoding) -> Encoding:
    """An encoding in our own form where it does not say another."""
    asked = {name: getattr(encoding, name) for name in FORM}
    said = {name: value for name, value in asked.items() if value is not None}
    return encoding.model_copy(update={**asdict(PLAIN), **said})


def recorded(record: Any, where: str) -> Encoding:
    """The encoding in a student's `kdray.json`, in our own form where it does not say. Raises `DataError`."""
    said = record.get("encoding") if isinstance(record, dict) else None
    try:
        return plain(parse(Encoding, said, f"{where}: encoding"))
    except ConfigError as error:
        raise DataError(str(error)) from None


def check_form(encoding: Encoding, encoder_decoder: bool) -> None:
    """Raises `ConfigError` for what has no effect on an encoder-decoder."""
    for name in ("boundary", "end") if encoder_decoder else ():
        if getattr(encoding, name) not in (None, getattr(PLAIN, name)):
            raise ConfigError(
                f"encoding.{name} {getattr(encoding, name)} has no effect on an encoder-decoder, which writes"
                f" its answer apart: leave it out, or '{getattr(PLAIN, name)}'"
            )


def form_of(encoding: Encoding, tokenizer: Any, encoder_decoder: bool) -> Form:
    """What is asked for, and else what the tokenizer tells. Raises `ConfigError` for what has no effect."""
    check_form(encoding, encoder_decoder)
    told = asdict(_told(tokenizer, encoder_decoder))
    said = {name: getattr(encoding, name) for name in FORM if getattr(encoding, name) is not None}
    form = Form(**{**told, **said})
    if form.start and start_token(tokenizer) is None:
        raise ConfigError("encoding.start true: the tokenizer has no start token: set it false")
    return form


def _told(tokenizer: Any, encoder_decoder: bool) -> Form:
    if not (tokenizer.eos_token or "").strip():  # the newline: one of ours
        return PLAIN
    bare = tokenizer("x", **OPTIONS)["input_ids"]
    framed = tokenizer("x", verbose=False)["input_ids"]
    before = len(framed) > len(bare) and framed[: len(bare)] != bare
    start = before and start_token(tokenizer) is not None
    return Form(start) if encoder_decoder else Form(start, "whole", "newline")


def unused(tokenizer: Any) -> str:
    """What a tokenizer has for prompts and kdray leaves alone, in words; "" where that is nothing."""
    known = tokenizer.get_vocab()
    found = ["chat template"] if getattr(tokenizer, "chat_template", None) else []
    if any(text in known for text in MIDDLES):
        found.append("fill-in-the-middle tokens")
    verb = "is" if found == ["chat template"] else "are"
    return f" (plain text: its {' and '.join(found)} {verb} unused)" if found else ""


def start_token(tokenizer: Any) -> int | None:
    """The id that begins a text: the start token, or a BERT's class token."""
    ids = (tokenizer.bos_token_id, tokenizer.cls_token_id)
    return next((int(one) for one in ids if one is not None), None)


def newline_ids(tokenizer: Any) -> frozenset[int]:
    """Every token whose text has a newline in it, alone (`\\n`), with an indentation or behind a bracket."""
    vocabulary = tokenizer.get_vocab()
    # As byte-level tokenizers, those without bytes and those with single bytes spell it.
    likely = [n for text, n in vocabulary.items() if "Ċ" in text or "\n" in text or text == "<0x0A>"]
    return frozenset(n for n in likely if "\n" in tokenizer.decode([n]))


def encode_whole(tokenizer: Any, texts: Sequence[str], answers: frozenset[int]) -> list[Ids]:
    """The tokens of all texts in one piece, shared out among them.

    Args:
        tokenizer: a fast one.
        texts: which follow one another.
        answers: places in `texts` of those that take the tokens that they share with a neighbour: an answer
            begins with the space before it, and ends in the newline with what its token has of the next line.
    """
    options = {"return_offsets_mapping": True, **OPTIONS}
    whole = "".join(texts)
    if spells_special(tokenizer, whole):
        options["split_special_tokens"] = True
    encoded = tokenizer(whole, **options)
    ids = np.asarray(encoded["input_ids"], np.int32)
    offsets = np.asarray(encoded["offset_mapping"], np.int64).reshape(-1, 2)
    # Some tokenizers leave white space out of a token's place: an end may then lie too far in front, and a start
    # too far behind, but both stay on their side of every text's end.
    ends = np.cumsum([len(text) for text in texts])[:-1]
    cuts = [
        int((offsets[:, 1] <= end).sum()) if number + 1 in answers else int((offsets[:, 0] < end).sum())
        for number, end in enumerate(ends)
    ]
    return np.split(ids, np.maximum.accumulate(cuts) if cuts else [])
