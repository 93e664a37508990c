"""A model's weights from a folder: all of them, none made up.

transformers fills what a file lacks with random numbers and says so in a log. Here whatever a file lacks, has too
much of or in another shape is refused by its name; so are files that are no weights of a model: pickles, which
`kdray teacher convert` reads apart, and adapters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kdray.errors import DataError, first_line
from kdray.recorded import json_value

UNREAD = r"(^|\.)pooler\."
"""Weights in a file that no model here reads: the layer behind an encoder that other heads begin with."""
PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json")
_SHOWN = 3


def whole_model(
    auto: Any,
    source: str,
    unread: str = UNREAD,
    *,
    new: str | None = None,
    begun: list[str] | None = None,
    dtype: str = "float32",
    **options: Any,
) -> Any:
    """A transformers model in evaluation mode, every weight of it read.

    Args:
        auto: the class, or the auto class, that it is.
        source: a local folder or a hub name.
        unread: names of weights in the file that may be left aside.
        new: names of weights that the file may lack, all of them or none: they begin at random.
        begun: gets the names of those that do.
        dtype: precision, as torch names it.
        options: further ones of `from_pretrained`.

    Raises:
        DataError: no such model, or weights that are missing, unexpected or of another shape.
    """
    import torch

    check_files(source)
    try:
        model, told = auto.from_pretrained(
            source, dtype=getattr(torch, dtype), use_safetensors=True, output_loading_info=True,
            ignore_mismatched_sizes=True, **options,
        )  # fmt: skip
    except Exception as error:  # transformers and safetensors raise all kinds over a damaged file
        raise DataError(f"{source}: no model that transformers can load: {first_line(error)}") from error
    check_read(model, told, source, unread, new=new, begun=begun)
    decode_greedily(model)
    return model.eval()


def decode_greedily(model: Any) -> None:
    """Leaves of a model's own way to generate its special tokens alone: beams, penalties and bans would be asked
    of what is shipped, and never of what is judged.
    """
    from transformers import GenerationConfig

    if model.can_generate():
        own = model.generation_config
        names = ("pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id")
        model.generation_config = GenerationConfig(**{name: getattr(own, name) for name in names})


def check_read(
    model: Any,
    told: Mapping[str, Any],
    source: str,
    unread: str = UNREAD,
    *,
    new: str | None = None,
    begun: list[str] | None = None,
) -> None:
    """Raises `DataError` where a model has weights that its file lacks, or the other way round.

    Args:
        model: as it was loaded.
        told: what `from_pretrained` says of it (`output_loading_info`).
        source: where from.
        unread, new, begun: see `whole_model`.
    """
    said = {
        "lacks": _missing(model, set(told["missing_keys"]), new, begun),
        "has in another shape": (key[0] for key in told["mismatched_keys"]),
        "does not have": (key for key in told["unexpected_keys"] if not re.search(unread, key)),
    }
    for what, names in said.items():
        if names := sorted(names):
            raise DataError(_unlike(source, type(model).__name__, what, names))


def _missing(model: Any, missing: set[str], new: str | None, begun: list[str] | None) -> set[str]:
    """Less those that may begin at random, if the file has none of them."""
    made = {name for name, _ in model.named_parameters() if new is not None and re.search(new, name)}
    if not made or not made <= missing:
        return missing
    if begun is not None:
        begun += sorted(made)
    return missing - made


def _unlike(source: str, kind: str, what: str, names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    listed = ", ".join(names[:_SHOWN]) + more
    if what == "does not have":
        return f"{source}: no {kind}: the file holds weights that this model does not have: {listed}"
    return f"{source}: no whole {kind}: the file {what} {listed}: is it a base model, or one of another task?"


def why(source: str, error: Exception) -> str:
    """What transformers says, which of a folder that is not there speaks of its hub alone."""
    said = first_line(error)
    return said if Path(source).exists() else f"no such folder here, and of the model hub: {said}"


def check_files(source: str) -> None:
    """Raises `DataError` for a local folder whose weights are pickled, or an adapter's, or whose configuration
    names code to fetch.
    """
    folder = Path(source)
    _check_attention(folder / "config.json")
    is_adapted = (folder / "adapter_config.json").is_file()
    if any(not path.name.startswith("adapter_") for path in folder.glob("*.safetensors")):
        if is_adapted:  # which is put into the model where peft is installed, and is not where it is not
            raise DataError(
                f"{source}: a whole model and an adapter (adapter_config.json) in one folder: merge the two with"
                " peft's merge_and_unload(), or move the adapter's files away"
            )
        return
    if is_adapted:
        raise DataError(
            f"{source}: an adapter (adapter_config.json) and no whole model: merge it into its base with peft's "
            "merge_and_unload(), and save_pretrained the result"
        )
    if any((folder / name).is_file() for name in PICKLES):
        raise DataError(
            f"{source}: its weights are pickled, which is code: "
            f"kdray teacher convert {source} --out {source.rstrip('/')}-safetensors"
        )


def _check_attention(path: Path) -> None:
    """transformers would fetch an attention of the form `owner/kernel` from its hub, and run it."""
    config = json_value(path.read_bytes(), str(path)) if path.is_file() else {}
    for part in (config, *config.values()) if isinstance(config, dict) else ():
        for name in ("attn_implementation", "_attn_implementation"):
            if isinstance(part, dict) and "/" in str(part.get(name)):
                raise DataError(
                    f"{path}: {name} '{part[name]}' is code on a hub, which is not run here: remove it"
                )
