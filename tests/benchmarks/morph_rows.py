"""MORPH's published rows, genome -> (accuracy, flips), as points of our space.

The surrogate's training rows of four cells (teacher x task) and the result rows of AVATAR and MORPH. A column is a
gene; a row whose gene lies outside the published space is refused with the gene's name.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kdray.config import Sweep, load_sweep
from kdray.errors import DataError
from kdray.search import space
from kdray.search.constraints import Gate
from kdray.search.techniques.genes import Genes
from kdray.students.published_cost import RESERVED_POSITIONS

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "morph"
CELLS = {
    "CodeBERT clone": ("surrogate_CodeBERT_Clone-Detection.csv", "morph.yaml"),
    "GraphCodeBERT clone": ("surrogate_GraphCodeBERT_Clone-Detection.csv", "morph.yaml"),
    "CodeBERT vulnerability": ("surrogate_CodeBERT_Vulnerability-Detection.csv", "morph_vulnerability.yaml"),
    "GraphCodeBERT vulnerability": (
        "surrogate_GraphCodeBERT_Vulnerability-Detection.csv",
        "morph_vulnerability.yaml",
    ),
}
COLUMNS = {
    "Tokenizer": "student.tokenizer",
    "Vocab Size": "student.vocab",
    "Num Hidden Layers": "student.layers",
    "Hidden Size": "student.hidden",
    "Hidden Act": "student.activation",
    "Hidden Dropout Prob": "student.dropout",
    "Intermediate Size": "student.feed_forward",
    "Num Attention Heads": "student.heads",
    "Attention Probs Dropout Prob": "student.attention_dropout",
    "Max Sequence Length": "student.positions",
    "Position Embedding Type": "student.position_type",
    "Learning Rate": "optim.lr",
    "Batch Size": "optim.batch_size",
}


@dataclass(frozen=True)
class Cell:
    """One teacher and task.

    Attributes:
        name: of the cell.
        sweep: MORPH's preset for the task.
        genes: of its space.
        points: the rows within the space.
        values: float [rows, 2], accuracy and the number of flips.
        refused: why the other rows were refused.
    """

    name: str
    sweep: Sweep
    genes: Genes
    points: list[dict[str, Any]]
    values: NDArray[np.float64]
    refused: list[str]


def point(row: Mapping[str, str]) -> dict[str, Any]:
    """The genes of a row of a table of training rows, in our words."""
    found: dict[str, Any] = {}
    for column, path in COLUMNS.items():
        text = row[column].strip()
        number = float(text) if text.replace(".", "", 1).replace("e-", "", 1).isdigit() else None
        found[path] = text if number is None else number if "." in text or "e" in text else int(number)
    found["student.tokenizer"] = found["student.tokenizer"].lower()
    found["student.positions"] += RESERVED_POSITIONS
    return found


def read_cell(name: str) -> Cell:
    """A cell's training rows."""
    file, preset = CELLS[name]
    sweep = load_sweep(ROOT / "sweeps" / preset)
    genes = Genes(space.build(sweep), Gate(sweep).refusal)
    points, values, refused = [], [], []
    with (DATA / file).open(newline="") as stream:
        for number, row in enumerate(csv.DictReader(stream), start=2):
            try:
                points.append(genes.check(point(row), f"{file}, line {number}"))
                values.append([float(row["Accuracy"]), float(row["Prediction Flips"])])
            except DataError as error:
                refused.append(str(error))
    return Cell(name, sweep, genes, points, np.array(values), refused)
