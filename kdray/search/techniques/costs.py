"""The published cost formula over rows of genes, and over a solver's terms.

A gene that the space leaves out has the base trial's value. AVATAR and MORPH count the tokens of all snippets
of an input as the formula's positions, in size and FLOPs; Compressor the rows of the position table, two more
than the tokens of one snippet, once (`whole_table`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kdray.config import RobertaStudent, Sweep, as_data, value_at
from kdray.errors import ConfigError
from kdray.search.techniques.genes import Floats, Genes, Rows
from kdray.students.published_cost import RESERVED_POSITIONS, Shape, published_flops, published_params

PATHS = {
    "hidden": "student.hidden",
    "layers": "student.layers",
    "positions": "student.positions",
    "vocab": "student.vocab",
    "feed_forward": "student.feed_forward",
    "heads": "student.heads",
}
"""Where the formula's quantities stand in a trial."""


class Costs:
    """What rows cost.

    Args:
        sweep: its base trial's student is of family roberta, with a vocabulary of its own.
        genes: of the sweep's space.
        whole_table: count positions as Compressor does.

    Raises:
        ConfigError: another family, or no vocabulary.
    """

    def __init__(self, sweep: Sweep, genes: Genes, *, whole_table: bool = False) -> None:
        student = sweep.trial.student
        if not isinstance(student, RobertaStudent):
            raise ConfigError(
                f"search.sampler {sweep.search.sampler}: trial.student.family must be roberta, "
                f"not {student.family}"
            )
        self._snippets = 1 if whole_table else student.snippets
        self._unused = 0 if whole_table else RESERVED_POSITIONS
        self._base = {name: value_at(as_data(sweep.trial), path) for name, path in PATHS.items()}
        if self._base["vocab"] is None:
            raise ConfigError(
                f"search.sampler {sweep.search.sampler}: name student.tokenizer and student.vocab"
            )
        self._genes = genes

    def shape(self, values: Mapping[str, Any]) -> Shape:
        """The formula's input; `values` by dotted path replace the base trial's: numbers, arrays or terms."""
        numbers = {name: values.get(path, self._base[name]) for name, path in PATHS.items()}
        return Shape(**{**numbers, "positions": self._snippets * (numbers["positions"] - self._unused)})

    def of(self, rows_CG: Rows) -> dict[str, Floats]:
        """`size_mb` and `gflops` of rows, float [C] each."""
        genes = self._genes
        shape = self.shape({path: genes.values(path, rows_CG) for path in genes.paths})
        one_C = np.ones(len(rows_CG))
        return {
            "size_mb": published_params(shape) * 4e-6 * one_C,
            "gflops": published_flops(shape) * 1e-9 * one_C,
        }
