"""`kdray demo` itself, with a small budget, and its report in a real browser."""

from __future__ import annotations

import json

import pytest

from kdray import results
from kdray.demo import run as demo
from kdray.report.front import front, value
from tests.report.browser import all_of, css, dot, move, opened, press, rows, text
from tests.test_cli import run
from tests.tiny import smaller_demo

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


def test_the_demos_report_is_hovered_selected_sorted_and_searched(driver, runs, monkeypatch, capsys):
    monkeypatch.setattr(demo, "DEMO_PACKAGES", ("networkx",))
    monkeypatch.setattr(demo, "read_yaml", smaller_demo)
    code, out, err = run(monkeypatch, capsys, "demo", "--json", "--runs", runs)
    assert code == 0, err
    told = json.loads(out)
    experiment = results.experiment(runs / "demo")
    found = front(experiment.records, experiment.sweep.objectives)
    assert told["front"] == [member.key for member in found.members]

    page = opened(driver, runs / "demo" / "front.html")
    assert page.title == "demo · kdray"
    assert sorted(rows(page)) == [f"t{number:04d}" for number in range(4)]
    assert all(name in text(page, "#front-plot") for name in ("teacher", "retrieval", "repeat_last"))

    move(page, *dot(page))
    tip = css(page, ".tip")
    assert tip.is_displayed()
    hovered = next(member for member in found.members if tip.text.startswith(member.key))
    assert f"{value(hovered, 'metamorphic_discrepancy'):.3f} [" in tip.text
    move(page, *dot(page), click=True)
    assert text(page, "#detail h3") == hovered.key
    assert f"kdray export demo {hovered.key} OUT" in text(page, "#detail")
    assert "Worst metamorphic cases" in text(page, "#detail")
    assert "def test" in text(page, "#detail .cases pre")
    assert len(all_of(page, "#detail .relations tbody tr")) == len(hovered.metrics["relations"])

    headings = all_of(page, "#table thead button")
    heading = next(one for one in headings if one.text.replace("\n", " ").startswith("student params"))
    page.execute_script("arguments[0].scrollIntoView({ block: 'center', behavior: 'instant' })", heading)
    heading.click()
    by_key = {record.key: value(record, "student_params") for record in experiment.records}
    sizes = [by_key[key] for key in rows(page)]
    assert sizes in (sorted(sizes), sorted(sizes, reverse=True))
    press(css(page, "#search"), "t0001")
    assert text(page, "#count") == "1 of 4 trials"
    assert driver.get_log("browser") == []
