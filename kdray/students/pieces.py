"""Whether a model's two pieces say what its own forward pass says: asked of every model that is loaded.

A family may do more to its logits than a projection does (scale, bias, bound), or begin its decoder elsewhere.
What `students.forward` knows of that is held against transformers on two rows; a family that does something else
again is refused here, before anything is captured from it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kdray.errors import DataError
from kdray.students.forward import is_classifier
from kdray.students.logits import TargetLogits, WholeLogits
from kdray.students.whole_weights import first_line
from kdray.tasks.row import IGNORED, Row

LENGTHS = (9, 5)
"""Tokens of the rows, which are padded to one length."""
TOLERANCE = 1e-4
"""Largest difference of a logit in float32, in the logits' own standard deviations where these are above 1."""


def check_pieces(model: Any, source: str) -> None:
    """Raises `DataError` for a model whose logits kdray does not get right, or cannot get at all."""
    if is_classifier(model):  # our own class, whose forward is its pieces
        return
    rows = _rows(model)
    pad_id = getattr(model.config, "pad_token_id", None) or 0
    refused = f"{source}: a {model.config.model_type} model, which kdray cannot learn from"
    try:
        pieces, whole = (np.concatenate(kind(model, pad_id)(rows)) for kind in (TargetLogits, WholeLogits))
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise DataError(f"{refused}: {first_line(error)}") from error
    furthest = float(np.abs(pieces - whole).max())
    if not furthest <= TOLERANCE * max(1.0, float(whole.std())):  # not a number is no agreement
        raise DataError(
            f"{refused}: its logits differ by {furthest:.2g} from those of its hidden states and head"
        )


def _rows(model: Any) -> list[Row]:
    """Random ones, the second half of each to be predicted."""
    rng, rows = np.random.default_rng(0), []
    for length in LENGTHS:
        ids = rng.integers(0, model.config.get_text_config().vocab_size, length).astype(np.int32)
        labels = np.where(np.arange(length) < length // 2, IGNORED, ids).astype(np.int32)
        rows.append(Row("", ids, ids[length // 2 :] if model.config.is_encoder_decoder else labels))
    return rows
