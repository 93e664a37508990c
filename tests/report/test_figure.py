"""The still picture of the front."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET

import pytest

from kdray.errors import ConfigError
from kdray.report.figure import HEIGHT, WIDTH, front_svg, to_png
from kdray.report.front import front

SVG = "{http://www.w3.org/2000/svg}"


def test_every_candidate_is_a_dot_inside_the_frame_and_the_front_is_named(found, experiment):
    root = ET.fromstring(front_svg(found, experiment.baselines))  # noqa: S314 - our own text
    circles = root.findall(f"{SVG}circle")
    assert {circle.find(f"{SVG}title").text for circle in circles} == {one.key for one in found.candidates}
    assert all(
        0 < float(circle.get("cx")) < WIDTH and 0 < float(circle.get("cy")) < HEIGHT for circle in circles
    )
    texts = {text.text for text in root.findall(f"{SVG}text")}
    assert {"teacher", "nearest neighbour", "assertion accuracy (better ↑)"} <= texts
    assert "metamorphic discrepancy (← better)" in texts
    assert f"{found.candidates[found.knee].key} ◆" in texts
    named = {text for text in texts if text.startswith("t0")}
    assert named <= {member.key for member in found.members} | {f"{found.candidates[found.knee].key} ◆"}


def test_better_lies_up_and_left_and_the_staircase_goes_through_the_front(found):
    root = ET.fromstring(front_svg(found))  # noqa: S314 - our own text
    at = {
        c.find(f"{SVG}title").text: (float(c.get("cx")), float(c.get("cy")))
        for c in root.findall(f"{SVG}circle")
    }
    members = [at[member.key] for member in found.members]
    assert members == sorted(members, reverse=True)  # the most accurate is the furthest to the right ...
    assert [y for _, y in members] == sorted(y for _, y in members)  # ... and the highest
    path = root.find(f"{SVG}path").get("d")
    assert all(f"H{x:.1f}V{y:.1f}" in path for x, y in members)


def test_hostile_names_are_text(found):
    text = front_svg(
        found, {"<script>alert(1)</script>&\"'": {"assertion_accuracy": 0.1, "metamorphic_discrepancy": 0.1}}
    )
    assert "<script" not in text
    ET.fromstring(text)  # noqa: S314 - our own text


def test_what_cannot_be_drawn_is_one_line(experiment):
    with pytest.raises(ConfigError, match="two objectives, not 1"):
        front_svg(front(experiment.records, {"assertion_accuracy": "max"}))
    with pytest.raises(ConfigError, match="no complete trial"):
        front_svg(front([], experiment.sweep.objectives))


def test_sizes_in_the_millions_have_short_ticks(experiment):
    assert " M<" in front_svg(
        front(experiment.records, {"assertion_accuracy": "max", "student_params": "min"})
    )


def test_without_a_renderer_there_is_no_png_but_a_way_out(monkeypatch):
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(ConfigError, match=r"pip install 'kdray\[png\]', or take --svg"):
        to_png("<svg/>")
