"""Tables of settings and their pictures."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from kdray.report.describe import NOTHING
from tests.report.compare.made_up import GRID, ask, table, trial


def test_a_row_is_a_combination_and_references_stand_below(tmp_path):
    said = ask([table(tmp_path)], by="distil.alpha", show="assertion_accuracy,student_params")
    lines = said.splitlines()
    assert lines[0] == "| alpha | trials | assertion accuracy ↑ | student params ↓ |"
    assert lines[2] == f"| 0 | 1 | 0.200 [.160{NOTHING}.240] | 1 M |"  # one seed: its own interval
    assert lines[3].startswith("| 0.5 | 3 | 0.310 [")
    assert lines[4] == f"| teacher | {NOTHING} | 0.400 [.370{NOTHING}.430] | {NOTHING} |"
    assert lines[6] == "mean over trials [95 %, cases and training seeds]"


def test_what_else_varies_within_a_row_is_named(tmp_path):
    said = ask([table(tmp_path)], by="seed")
    assert "trials of a row also differ in distil.alpha" in said


def test_a_table_of_settings_is_drawn_a_line_for_each_of_the_others(tmp_path):
    path = tmp_path / "alpha.svg"
    said = [*GRID, trial(5, 0.5, 0, 0.1, 0.5, shards="runs/d/full")]
    ask(
        [table(tmp_path, said)],
        by="distil.alpha,shards",
        show="assertion_accuracy,student_params",
        svg=str(path),
    )
    root = ET.fromstring(path.read_text())  # noqa: S314 - our own text
    texts = [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"alpha", "assertion accuracy ↑", "shards head", "shards full", "0", "0.5"} <= set(texts)
    dots = root.findall("{http://www.w3.org/2000/svg}circle")
    heights = [float(dot.get("cy")) for dot in dots]  # head at 0 and at .5, then full at .5
    assert heights[1] < heights[0] < heights[2]
    assert float(dots[0].get("cx")) < float(dots[1].get("cx"))


def test_metrics_over_one_setting_are_a_line_each(tmp_path):
    path = tmp_path / "both.svg"
    ask(
        [table(tmp_path)], by="distil.alpha", show="assertion_accuracy,metamorphic_discrepancy", svg=str(path)
    )
    root = ET.fromstring(path.read_text())  # noqa: S314 - our own text
    texts = [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"assertion accuracy ↑", "metamorphic discrepancy ↓"} <= set(texts)
    assert len(root.findall("{http://www.w3.org/2000/svg}path")) == 2
