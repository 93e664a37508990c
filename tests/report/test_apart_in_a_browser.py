"""What the page draws of a sweep with two suites: both apart, ties, and differences with their intervals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kdray.report import html
from kdray.report.front import front
from tests.report.browser import all_of, opened, text, texts
from tests.report.paired.made_up import BOTH, outcomes, record

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def told(tmp_path_factory, experiment):
    rng, files = np.random.default_rng(0), [number // 2 for number in range(200)]
    records = []
    for number, (accuracy, alpha) in enumerate([(0.6, 0.5), (0.3, 0.0), (0.32, 0.9)]):
        right, violated = rng.random(200) < accuracy, rng.random(200) < 0.9 - accuracy
        made = record(number, right, files, violated, alpha)
        unseen = {name: made.metrics[name] for name in ("assertion_accuracy", "metamorphic_discrepancy")}
        unseen |= {"intervals": {"assertion_accuracy": [accuracy - 0.05, accuracy + 0.05]}}
        records.append(replace(made, test=unseen | {"outcomes": outcomes(right, files, violated, "unseen")}))
    path = tmp_path_factory.mktemp("apart") / "front.html"
    html.write(path, replace(experiment, records=records), front(records, BOTH))
    return path


def test_the_page_shows_both_suites_and_who_can_be_told_apart(driver, told):
    page = opened(driver, told)
    assert page.get_log("browser") == []
    assert text(page, "#reading").startswith(
        "Told apart on the test suite, case by case: sure that t0000 has"
    )
    assert len(all_of(page, "#apart-plots svg")) == 2
    assert len(all_of(page, "#apart-plots .apart")) == 4
    assert len(all_of(page, "#apart-plots .apart.sure")) == 2
    heads = texts(page, "#table th[scope=col]")
    assert {"assertion accuracy on test", "metamorphic discrepancy on test", "tie"} <= set(heads)
    assert texts(page, "#detail table.metrics thead th")[:3] == ["chosen by", "test suite", "optimism"]
    assert "on test 0.550 [.550\u2013.650]" in text(page, "#figures")


def test_a_metric_says_what_it_is_where_its_name_does_not(driver, told):
    page = opened(driver, told)
    meanings = page.execute_script(
        "const all = [...document.querySelectorAll('#detail .metrics .what')];"
        "return all.map((one) => { one.open = true; return one.innerText; })"
    )
    assert any("four relations" in one for one in meanings)


def test_two_students_stand_side_by_side_with_what_differs(driver, told):
    page = opened(driver, told)
    body = text(page, "#beside-body")
    assert "Of 200 inputs both are right in" in body
    assert texts(page, "#beside-body h3") == [
        "What they measured",
        "Settings that differ",
        "Answers that differ",
    ]
    other = texts(page, "#beside-body table.metrics:not(:first-of-type) thead th")
    assert texts(page, "#detail h3") == other[:1] and len(other) == 2
    assert "alpha" in body
    page.execute_script("document.querySelectorAll('#table tbody tr')[2].click()")
    assert text(page, "#beside-controls b") == text(page, "#detail h3")
