"""Whether a model's two pieces say what its own forward pass says: asked of every model that is loaded.

A family may do more to its logits than a projection does (scale, bias, bound), or begin its decoder elsewhere.
What `students.forward` knows of that is held against transformers on two rows; a family that does something else
again is refused here, before anything is captured from it. So is one to which padding is text: what it says of a
row would depend on the others of its batch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kdray.config import TeacherStudent
from kdray.errors import ConfigError, DataError, first_line
from kdray.students.derive import derived, new_model, sizes_of
from kdray.students.forward import is_classifier
from kdray.students.logits import TargetLogits, WholeLogits
from kdray.tasks.row import IGNORED, Row

PROVEN = frozenset({
    "arcee", "bart", "biogpt", "bloom", "codegen", "cohere", "cohere2", "deepseek_v3", "exaone4", "falcon",
    "gemma", "gemma2", "gemma3_text", "glm", "glm4", "gpt2", "gpt_bigcode", "gpt_neo", "gpt_neox", "gpt_oss",
    "gptj", "granite", "led", "lfm2", "llama", "longt5", "mamba", "mamba2", "marian", "mbart", "mistral",
    "mixtral", "mpt", "mt5", "nemotron", "olmo", "olmo2", "opt", "phi", "phi3", "plbart", "qwen2", "qwen3",
    "smollm3", "stablelm", "starcoder2", "t5", "umt5", "xglm",
})  # fmt: skip
"""Model types whose pieces a test holds against transformers."""
SMALL, SHAKEN = 150_000_000, 0.02
"""Parameters at most of a model that is made to look at its family, and how far its weights are moved."""
LENGTHS = (9, 5)
"""Tokens of the rows, which are padded to one length."""
TOLERANCE = {"float32": 1e-4, "float16": 0.02, "bfloat16": 0.15}
"""Largest difference of a logit, in the logits' own standard deviations where these are above 1, by the model's
precision: transformers rounds logits to it."""


def check_pieces(model: Any, source: str) -> None:
    """Raises `DataError` for a model whose logits kdray does not get right, or cannot get at all."""
    if is_classifier(model):  # our own class, whose forward is its pieces
        return
    rows = _rows(model)
    refused = f"{source}: a {model.config.model_type} model, which kdray cannot learn from"
    try:
        pieces, *others = map(np.concatenate, _asked(model, rows))
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise DataError(f"{refused}: {first_line(error)}") from error
    precision = str(model.dtype).removeprefix("torch.")
    if not all(np.isfinite(logits).all() for logits in (pieces, *others)):
        raise DataError(
            f"{source}: its logits are not finite in {precision}: its weights are damaged, or too large for that"
            " (capture.dtype)"
        )
    from_what = ("from those of its hidden states and head", "where a longer text is beside one")
    for other, what in zip(others, from_what, strict=False):
        furthest = float(np.abs(pieces - other).max())
        if furthest > TOLERANCE[precision] * max(1.0, float(other.std())):
            raise DataError(f"{refused}: its logits differ by {furthest:.2g} {what}")


def _asked(model: Any, rows: list[Row]) -> list[list[Any]]:
    """Logits of rows by the pieces and by the model itself; if no test has seen its family, of each row alone.
    Only in float32: a router's choice may turn on the last bit of less.
    """
    pad_id = getattr(model.config, "pad_token_id", None) or 0
    if not 0 <= pad_id < model.config.get_text_config().vocab_size:  # the first Llamas say -1
        pad_id = 0
    whole = WholeLogits(model, pad_id)
    asked = [TargetLogits(model, pad_id)(rows), whole(rows)]
    if model.config.model_type not in PROVEN and str(model.dtype) == "torch.float32":
        asked.append([logits for row in rows for logits in whole([row])])
    return asked


def check_family(config: Any, source: str) -> None:
    """Raises `DataError` for a family that `check_pieces` would refuse, told from a small model of it at random
    weights. Says nothing of families that are `PROVEN`, and of those that are not small even with one layer.
    """
    import torch

    if config.model_type in PROVEN:
        return
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        model = _small(config)
        if model is None:
            return
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(SHAKEN * torch.randn(parameter.shape))  # biases begin as nothing
    check_pieces(model.eval(), source)


def _small(config: Any) -> Any:
    """A model of one layer, or of as many as the configuration has where that cannot be."""
    import torch

    layers = {field: 1 for field in sizes_of(config) if field.endswith("layers")}
    wanted = TeacherStudent(family="teacher", init="random", **layers)
    for smaller in (True, False):
        try:
            made = derived(config, wanted, config.vocab_size) if smaller else config
            with torch.device("meta"):
                numbers = sum(parameter.numel() for parameter in new_model(made).parameters())
            return new_model(made) if numbers <= SMALL else None
        except ConfigError:
            continue
    return None


def _rows(model: Any) -> list[Row]:
    """Random ones, the second half of each to be predicted."""
    rng, rows = np.random.default_rng(0), []
    for length in LENGTHS:
        ids = rng.integers(0, model.config.get_text_config().vocab_size, length).astype(np.int32)
        labels = np.where(np.arange(length) < length // 2, IGNORED, ids).astype(np.int32)
        rows.append(Row("", ids, ids[length // 2 :] if model.config.is_encoder_decoder else labels))
    return rows
