"""The plain data, and the files in a folder."""

from __future__ import annotations

import json

import pytest

from kdray.report.models.files import as_data, write
from tests.report.models.made_up import comparison


def test_json_carries_every_figure_and_no_nan():
    data = json.loads(json.dumps(as_data([comparison()]), allow_nan=False))
    (row,) = data["comparisons"]
    assert row["metamorphic_discrepancy"] == 0.25
    assert row["columns"][0]["rates"]["prediction_agreement_violated"]["share"] == 0.5
    assert row["columns"][0]["rates"]["high_confidence_preservation_violated"]["share"] is None
    assert row["duels"][1]["teacher"]["queries"] is None
    assert row["duels"][0]["greater_drop"] == pytest.approx(2.0)
    assert row["worst"][0]["diff"].startswith("@@")


def test_three_files_are_written(tmp_path):
    made = write(str(tmp_path), [comparison()])
    assert [path.rsplit("/", 1)[1] for path in made] == ["mimicry.html", "mimicry.md", "mimicry.json"]
    assert all((tmp_path / path).exists() for path in made)
