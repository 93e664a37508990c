"""Names for identifiers from a masked language model, as ALERT makes them (Yang et al., ICSE 2022).

An identifier is masked where it is first mentioned; the model's most probable single-token names are read again in
its place, and those stay whose states there are most like the original's. The published attack also proposes names
of several tokens; these are left out (ours), as is every name that the code has already.

Shape suffixes: N candidates, T tokens, D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kdray.errors import DataError, first_line
from kdray.metamorphic.attacks.identifiers import Identifiers, identifiers
from kdray.teacher.cache import local_folder

TOP, KEPT = 60, 30
WINDOW = 600
"""Characters of code on either side that the model sees."""


class MaskedNames:
    """Proposes names for every changeable identifier of a piece of code."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        """Any masked language model of transformers with its fast tokenizer."""
        self._model, self._tokenizer = model.eval(), tokenizer

    @classmethod
    def load(cls, folder: str | Path) -> MaskedNames:
        """A folder, a URI or a hub name, safetensors only. Raises `DataError` where there is no such model."""
        from transformers import AutoModelForMaskedLM, AutoTokenizer

        from kdray.students.load import quiet
        from kdray.students.whole_weights import UNREAD, whole_model

        quiet()
        source = local_folder(str(folder))
        try:
            tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
        except (OSError, ValueError) as error:
            raise DataError(f"{folder}: no masked language model: {first_line(error)}") from error
        # BERT's files hold a second head, for which sentence comes next.
        unread = rf"{UNREAD}|(^|\.)seq_relationship\."
        model = whole_model(AutoModelForMaskedLM, source, unread, trust_remote_code=False)
        if tokenizer.mask_token is None or not tokenizer.is_fast:
            raise DataError(f"{folder}: its tokenizer must be a fast one with a mask token")
        return cls(model, tokenizer)

    def __call__(self, language: str, code: str) -> dict[str, list[str]]:
        """Identifier -> at most `KEPT` names, the most alike first; none for code that does not parse."""
        names = identifiers(language, code)
        return {name: self._names(names, name) for name in names.places}

    @torch.inference_mode()
    def _names(self, names: Identifiers, name: str) -> list[str]:
        before, after = _around(names, name)
        candidates = names.free(self._predicted(before, after))
        if not candidates:
            return []
        states_ND = self._states(before, after, [name, *candidates])
        alike_N = torch.nn.functional.cosine_similarity(states_ND[1:], states_ND[:1])
        return [candidates[i] for i in alike_N.argsort(descending=True, stable=True)[:KEPT].tolist()]

    def _predicted(self, before: str, after: str) -> list[str]:
        """The most probable tokens for the place between two pieces of code, as text."""
        mask = self._tokenizer.mask_token
        encoded = self._tokenizer(f"{before}{mask}{after}", return_tensors="pt")
        at = (encoded["input_ids"][0] == self._tokenizer.mask_token_id).nonzero()
        if len(at) != 1:  # the code spells the mask itself
            return []
        logits_V = self._model(**encoded).logits[0, at[0, 0]]
        tokens = logits_V.topk(min(TOP, len(logits_V))).indices.tolist()
        return [self._tokenizer.decode([token]).strip() for token in tokens]

    def _states(self, before: str, after: str, words: Sequence[str]) -> Tensor:
        """[N, D], the mean last hidden state of each word's tokens in that place."""
        encoded = self._tokenizer(
            [f"{before}{word}{after}" for word in words],
            return_tensors="pt",
            return_offsets_mapping=True,
            padding=True,
        )
        offsets_NT2 = encoded.pop("offset_mapping")
        hidden_NTD = self._model(**encoded, output_hidden_states=True).hidden_states[-1]
        begin, ends_N = len(before), torch.tensor([len(before) + len(word) for word in words])
        own_NT = (offsets_NT2[..., 0] < ends_N[:, None]) & (offsets_NT2[..., 1] > begin)
        weight_NT1 = own_NT[..., None].to(hidden_NTD.dtype)
        mean_ND: Tensor = (hidden_NTD * weight_NT1).sum(1) / weight_NT1.sum(1).clamp(min=1)
        return mean_ND


def _around(names: Identifiers, name: str) -> tuple[str, str]:
    """The code before and after the first mention of a name."""
    begin, end = names.places[name][0]
    data = names.code.encode()
    return data[:begin].decode()[-WINDOW:], data[end:].decode()[:WINDOW]
