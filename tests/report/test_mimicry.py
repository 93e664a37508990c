"""MetaCompress's table in every form, with figures known beforehand and with source that means harm."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest

from kdray.metamorphic.attacks.measure import Damage
from kdray.metamorphic.compare_models.result import Column, Duel, Mimicry, up_to
from kdray.metamorphic.discrepancy import Rate
from kdray.metamorphic.relations import RELATIONS
from kdray.metamorphic.worst import WorstCase
from kdray.report.describe import NOTHING
from kdray.report.models.models_data import as_data
from kdray.report.models.models_files import write
from kdray.report.models.models_page import to_html
from kdray.report.models.models_tables import tables
from kdray.report.models.models_text import to_markdown, to_text

HOSTILE = '</pre></script><script>alert(1)</script><img src=x onerror="alert(2)">`````\n| a | b |'


def column(name, hits, total, is_attack=False):
    rates = {relation: Rate(hits, total) for relation in RELATIONS}
    rates["high_confidence_preservation"] = Rate(0, 0)
    return Column(name, is_attack, total, rates, Rate(hits, total))


def damage(flipped, clean=0.8):
    return Damage(40, 32, flipped, clean, clean - flipped / 40, 12.0 if flipped else float("nan"), 0.5, 0.1)


def comparison(text="student", **changes):
    worst = WorstCase(
        "rename_variable", ("prediction_agreement",), text, f"@@ -1 +1 @@\n-{text}\n+{text}", text, text, text,
        text, 1.5,
    )  # fmt: skip
    base = {
        "teacher": "teacher", "student": text, "technique": text, "task": "clone", "cases": 40, "variants": 62,
        "marks": {"teacher": {"accuracy": 0.95}, "student": {"accuracy": 0.9}}, "discrepancy": 0.25,
        "interval": (0.2, 0.3), "rates": {r: Rate(10, 40) for r in RELATIONS},
        "clean_rates": {r: Rate(1, 40) for r in RELATIONS}, "violating": Rate(12, 40), "calibration_gap": 0.125,
        "flips": {"teacher": Rate(1, 40), "student": Rate(4, 40)},
        "columns": (column("comments", 20, 40), column("permute", 2, 2), column("alert", 15, 20, True)),
        "curves": {"calibration_alignment": ((0.1, Rate(3, 40)), (0.2, Rate(0, 0)))},
        "duels": (Duel("alert", damage(4), damage(12)), Duel("mhm", damage(0), damage(3))), "worst": (worst,),
    }  # fmt: skip
    return Mimicry(**{**base, **changes})


class Elements(HTMLParser):
    """Every element and attribute of a page, and its visible text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data):
        self.text.append(data)


def test_the_headlines_are_the_greatest_figures_that_enough_inputs_stand_behind():
    found = up_to((comparison(),))
    assert found["violating"] == {"share": 0.75, "student": "student", "column": "alert"}
    assert "high_confidence_preservation" not in found
    # Drops: teacher 4/40 of .8, student 12/40 of .8; the duel in which the teacher stands has no ratio.
    assert found["greater_drop"]["share"] == pytest.approx(2.0)
    assert found["greater_drop"]["column"] == "alert"


def test_a_column_of_two_inputs_makes_no_headline():
    few = comparison(columns=(column("permute", 2, 2),), duels=())
    assert up_to((few,)) == {}


def test_rows_are_students_with_their_technique_and_columns_each_transformation_and_attack():
    rows = [
        comparison("small", technique="Compressor"),
        comparison("tiny", columns=(column("layout", 1, 40),)),
    ]
    found = {name: (heads, body) for name, heads, body in tables(rows)}
    heads, body = found["Violated: prediction agreement"]
    assert heads == ["student (technique)", "comments", "permute", "layout", "alert"]
    assert body[0] == ["small (Compressor)", "50.0 %", "100.0 %", NOTHING, "75.0 %"]
    assert body[1][1:] == [NOTHING, NOTHING, "2.5 %", NOTHING]
    assert found["Violated: high confidence preservation"][1][0][1] == NOTHING


def test_the_attacks_table_says_what_each_model_lost_and_by_how_much_more():
    _, heads, body = list(tables([comparison()]))[-1]
    teacher, student = (dict(zip(heads, line, strict=True)) for line in body[:2])
    assert (teacher["ASR"], student["ASR"]) == ("12.5 %", "37.5 %")
    assert (student["clean"], student["attacked"], student["drop"]) == ("80.0 %", "50.0 %", "37.5 %")
    assert student["student's drop greater by"] == "200 %"
    assert body[3][-1] == NOTHING, "a teacher that stands gives no ratio"


def test_json_carries_every_figure_and_no_nan():
    data = json.loads(json.dumps(as_data([comparison()]), allow_nan=False))
    (row,) = data["comparisons"]
    assert row["metamorphic_discrepancy"] == 0.25
    assert row["columns"][0]["rates"]["prediction_agreement"]["share"] == 0.5
    assert row["columns"][0]["rates"]["high_confidence_preservation"]["share"] is None
    assert row["duels"][1]["teacher"]["queries"] is None
    assert row["duels"][0]["greater_drop"] == pytest.approx(2.0)
    assert row["worst"][0]["diff"].startswith("@@")


def test_a_hostile_snippet_is_text_and_nothing_else():
    tame, hostile = Elements(to_html([comparison("x")])), Elements(to_html([comparison(HOSTILE)]))
    assert "script" not in hostile.tags
    assert "img" not in hostile.tags
    assert not [name for name in hostile.attributes if name.startswith("on")]
    assert set(hostile.tags) == set(tame.tags)
    assert any("<script>alert(1)</script>" in text for text in hostile.text)


def test_the_page_allows_its_own_style_and_nothing_else():
    page = to_html([comparison()])
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    allowed = "sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; style-src '{allowed}';")
    assert " style=" not in page
    assert "http" not in re.sub(r"http-equiv", "", page)


def test_a_hostile_snippet_stays_inside_its_fence_and_its_cell():
    text = to_markdown([comparison(HOSTILE)])
    fence = re.search(r"^(`+)diff$", text, re.MULTILINE)[1]
    inside = text[text.index(f"{fence}diff") :].split("\n")
    assert fence not in "".join(inside[1 : inside.index(fence)])
    outside = text[: text.index(f"{fence}diff")] + text[text.rindex(fence) :]
    assert "<script>" not in outside
    widths = [len(re.findall(r"(?<!\\)\|", line)) for line in outside.split("\n") if line.startswith("|")]
    tables_of = [
        len(heads) + 1 for _, heads, body in tables([comparison(HOSTILE)]) for _ in range(2 + len(body))
    ]
    assert widths == tables_of


def test_a_terminal_gets_a_line_for_each_transformation_and_attack():
    text = to_text([comparison(), comparison("other")])
    assert re.search(r"^comments +50% +50% +. +50% +50%", text, re.MULTILINE)
    assert "up to 75.0 % of inputs violate a relation (student, alert)" in text
    assert "[2] clone: student other (other), teacher teacher" in text
    assert "greater by 200 %" in text


def test_three_files_are_written(tmp_path):
    made = write(str(tmp_path), [comparison()])
    assert [path.rsplit("/", 1)[1] for path in made] == ["mimicry.html", "mimicry.md", "mimicry.json"]
    assert all((tmp_path / path).exists() for path in made)


def test_the_clean_inputs_have_a_table_of_marks_for_both_models():
    _, heads, body = list(tables([comparison()]))[1]
    teacher, student = (dict(zip(heads, line, strict=True)) for line in body)
    assert (teacher["accuracy"], student["accuracy"]) == ("95.0 %", "90.0 %")
    assert teacher["f1"] == NOTHING, "what was not measured is not shown"
    assert (teacher["PA"], student["PA"]) == ("", "2.5 %")
