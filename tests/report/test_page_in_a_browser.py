"""The page in a real browser: hover, select, sort, search, filter, by mouse and by keyboard.

Nothing in the console.
"""

from __future__ import annotations

import base64
import dataclasses

import pytest

from kdray import results
from kdray.report import html
from kdray.report.front import front, value
from tests.report.browser import all_of, css, dot, move, opened, press, rows, text, texts, until
from tests.report.simulated import HOSTILE, simulate

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def file(tmp_path_factory, experiment, found):
    path = tmp_path_factory.mktemp("page") / "front.html"
    html.write(path, experiment, found)
    return path


@pytest.fixture
def page(driver, file):
    yield opened(driver, file)
    assert driver.get_log("browser") == []


def count(driver):
    return text(driver, "#count")


def test_the_page_draws_every_view_and_loads_nothing(page, experiment, found):
    assert page.title == "assertion-python · kdray"
    views = ("front", "map", "parallel", "rungs", "losses", "history")
    assert all(css(page, f"#{view}-plot svg").size["height"] > 100 for view in views)
    assert len(all_of(page, "#effects-plots svg")) == 4
    assert len(all_of(page, "#importance-bars dl")) == 2
    assert len(all_of(page, "#importance-bars .whisker")) == len(all_of(page, "#importance-bars .bar")) > 2
    assert len(rows(page)) == len(experiment.records)
    assert rows(page)[: len(found.members)].count(found.members[0].key) == 1
    assert page.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert "teacher" in text(page, "#front-plot")
    assert "nearest neighbour" in text(page, "#front-plot")


def test_a_request_is_refused_by_the_page_itself(page):
    refused = page.execute_async_script(
        "const done = arguments[0];"
        "const told = (e) => done(e.effectiveDirective);"
        "document.addEventListener('securitypolicyviolation', told, { once: true });"
        "fetch('https://example.org/').catch(() => 0);"
    )
    assert refused == "connect-src"
    page.get_log("browser")


def test_hovering_a_front_trial_shows_its_values_and_settings(page, found):
    assert not css(page, ".tip").is_displayed()
    move(page, *dot(page))
    tip = css(page, ".tip")
    assert tip.is_displayed()
    best = min(found.members, key=lambda member: member.number)
    assert tip.text.startswith(best.key)
    assert "on the front" in tip.text or "knee" in tip.text
    assert f"{value(best, 'assertion_accuracy'):.3f} [" in tip.text
    assert best.overrides["distil.loss"] in tip.text
    assert len(all_of(page, "#front-plot .hovered")) == len(all_of(page, "#parallel-plot .hovered")) == 1
    move(page, 5, 5)
    assert not tip.is_displayed()


def test_a_click_selects_the_trial_in_every_view(page, found):
    best = min(found.members, key=lambda member: member.number)
    move(page, *dot(page), click=True)
    assert text(page, "#detail h3") == best.key
    assert "not chosen" not in text(page, "#detail")
    assert f"kdray export assertion-python {best.key} OUT" in text(page, "#detail")
    assert text(page, "#table tr[aria-selected=true] th") == best.key
    for view in ("front", "map", "parallel", "rungs"):
        assert len(all_of(page, f"#{view}-plot .selected")) == 1
    assert "Worst metamorphic cases" in text(page, "#detail")
    assert len(all_of(page, "#detail .relations tbody tr")) == 4


def test_the_knee_is_selected_at_first_and_the_arrows_walk_along_the_front(page, found):
    assert text(page, "#detail h3") == found.candidates[found.knee].key
    keys = [member.key for member in found.members]
    at = keys.index(text(page, "#detail h3"))
    css(page, "#detail .steps button:first-child").click()
    assert text(page, "#detail h3") == keys[at - 1]


def test_the_plot_works_by_keyboard(page):
    plot = css(page, "#front-plot svg")
    page.execute_script("arguments[0].focus()", plot)
    press(plot, "ARROW_RIGHT", "ARROW_RIGHT")
    named = text(page, ".tip b")
    press(plot, "ENTER")
    assert text(page, "#detail h3") == named
    press(plot, "ARROW_UP")
    assert text(page, ".tip b") != named
    press(plot, "ESCAPE")
    assert not css(page, ".tip").is_displayed()


def test_everything_that_acts_can_be_reached_by_tab_and_shows_where_it_is(page):
    reached = set()
    body = css(page, "body")
    for _ in range(60):
        press(page.switch_to.active_element or body, "TAB")
        reached.add(page.execute_script(
            "const e = document.activeElement; const p = e.closest('[id]'); return p ? p.id : e.tagName"
        ))  # fmt: skip
        assert page.execute_script(
            "const e = document.activeElement;"
            "return e === document.body || getComputedStyle(e).outlineStyle !== 'none'"
        )
    assert {
        "theme",
        "front-controls",
        "front-plot",
        "detail",
        "map-plot",
        "parallel-plot",
        "search",
        "table",
    } <= reached


@pytest.mark.parametrize(
    ("heading", "metric"),
    [("assertion accuracy", "assertion_accuracy"), ("student params", "student_params")],
)
def test_a_heading_sorts_and_a_second_click_turns_the_order(page, experiment, heading, metric):
    button = next(
        b for b in all_of(page, "#table thead button") if b.text.replace("\n", " ").startswith(heading)
    )
    page.execute_script("arguments[0].scrollIntoView({ block: 'center', behavior: 'instant' })", button)
    by_key = {record.key: value(record, metric) for record in experiment.records}

    def shown():
        return [by_key[key] for key in rows(page) if by_key[key] == by_key[key]]

    button.click()
    first = css(page, f"#table th:nth-child({1 + columns(page).index(heading)})").get_attribute("aria-sort")
    assert shown() == sorted(shown(), reverse=first == "descending")
    button.click()
    assert shown() == sorted(shown(), reverse=first == "ascending")
    # Trials without a value stay last either way.
    assert all(by_key[key] == by_key[key] for key in rows(page)[:5])


def columns(driver):
    return [heading.replace("\n", " ").rstrip(" ↑↓▲▼") for heading in texts(driver, "#table thead button")]


def test_search_takes_words_and_comparisons(page, experiment, found):
    search = css(page, "#search")

    def wanted(query, keeps):
        search.clear()
        press(search, query)
        keys = {record.key for record in experiment.records if keeps(record)}
        until(lambda: set(rows(page)) == keys)
        assert count(page).startswith(f"{len(keys)} of 60" if len(keys) < 60 else "60")

    members = {member.key for member in found.members}
    wanted("front", lambda r: r.key in members)
    wanted(
        "alpha>0.5 loss=decoupled",
        lambda r: r.overrides["distil.alpha"] > 0.5 and r.overrides["distil.loss"] == "decoupled",
    )
    wanted("stopped", lambda r: r.state == "pruned")
    wanted(
        "student_params<=800000 complete",
        lambda r: r.state == "complete" and value(r, "student_params") <= 8e5,
    )
    wanted("t0003", lambda r: r.key == "t0003")
    press(search, " nosuch>1")
    until(lambda: "no metric or setting is called 'nosuch'" in text(page, "#search-problem"))
    assert rows(page) == []


def test_a_range_dragged_on_an_axis_filters_every_view_and_a_click_clears_it(page, experiment):
    from selenium.webdriver.common.action_chains import ActionChains

    axis = css(page, "#parallel-plot .dimension .axis")
    page.execute_script(
        "arguments[0].ownerSVGElement.scrollIntoView({ block: 'center', behavior: 'instant' })", axis
    )
    box = page.execute_script(
        "const b = arguments[0].getBoundingClientRect(); return [b.x, b.y, b.height]", axis
    )
    x, top, height = int(box[0]), int(box[1]), int(box[2])
    chain = ActionChains(page, duration=0)
    chain.w3c_actions.pointer_action.move_to_location(x, top + height // 2).pointer_down()
    chain.w3c_actions.pointer_action.move_to_location(x, top - 10).pointer_up()
    chain.perform()
    until(lambda: " of 60 trials" in count(page))
    alphas = [record.overrides["distil.alpha"] for record in experiment.records if record.state == "complete"]
    middle = (min(alphas) + max(alphas)) / 2
    chosen = {record.key for record in experiment.records if record.overrides["distil.alpha"] >= middle}
    assert abs(len(rows(page)) - len(chosen)) <= 2
    assert css(page, "#clear-ranges").is_displayed()
    assert all_of(page, "#front-plot .dots.complete.dim")
    css(page, "#clear-ranges").click()
    until(lambda: count(page) == "60 trials")


def test_an_axis_takes_a_range_by_keyboard(page):
    axis = css(page, "#parallel-plot .dimension")
    page.execute_script("arguments[0].focus()", axis)
    for _ in range(6):
        press(axis, "ARROW_DOWN")
    until(lambda: axis.get_attribute("aria-valuetext") == "0 to 70 % of the axis")
    assert " of 60 trials" in count(page)
    press(axis, "ESCAPE")
    until(lambda: count(page) == "60 trials")


def test_axes_can_be_any_metric_with_the_teacher_on_them(page):
    chooser = css(page, "#front-controls label:nth-child(2) select")
    press(chooser, "student params")
    until(lambda: "student params  (← better)" in text(page, "#front-plot"))
    assert "2 M" in text(page, "#front-plot")
    assert "teacher" in text(page, "#front-plot")


def test_hostile_text_is_shown_and_not_run(driver, tmp_path):
    experiment = results.experiment(simulate(tmp_path / "x", 30, hostile=True))
    first, *others = experiment.records
    named = [dataclasses.replace(first, key=HOSTILE), *others]
    held = {**experiment.baselines, HOSTILE: experiment.baselines["teacher"]}
    experiment = dataclasses.replace(experiment, records=named, baselines=held)
    path = tmp_path / "hostile.html"
    html.write(path, experiment, front(experiment.records, experiment.sweep.objectives), note=HOSTILE)
    page = opened(driver, path)
    assert HOSTILE in text(page, "#counts")
    assert HOSTILE in text(page, "#front-plot")
    for row in range(30):
        page.execute_script("document.querySelectorAll('#table tbody tr')[arguments[0]].click()", row)
        if text(page, "#detail h3") == "t0001":
            assert HOSTILE in text(page, "#detail")
    page.execute_script("document.querySelector('#table tbody tr').click()")
    assert text(page, "#detail .cases pre") == text(page, "#detail .cases details pre") == HOSTILE
    move(page, *dot(page))
    assert page.execute_script("return window.hacked === undefined")
    assert (
        page.execute_script("return document.querySelectorAll('img, iframe, object, script[src]').length")
        == 0
    )
    assert driver.get_log("browser") == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast_in_both_schemes(driver, file, scheme):
    driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    page = opened(driver, file)
    paper = colour(page, "body", "backgroundColor")
    assert (sum(paper) / 3 > 128) == (scheme == "light")
    for selector, prop in [
        ("#name", "color"),
        ("#counts", "color"),
        (".tick", "fill"),
        ("#table td", "color"),
        (".note", "color"),
        (".badge.front", "color"),
    ]:
        assert contrast(colour(page, selector, prop), paper) >= 4.5, selector
    css(page, "#theme").click()
    assert (sum(colour(page, "body", "backgroundColor")) / 3 > 128) == (scheme == "dark")
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def colour(driver, selector, prop):
    script = "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]"
    return [int(part) for part in driver.execute_script(script, selector, prop)[4:-1].split(",")[:3]]


def contrast(one, other):
    """WCAG 2.1, relative luminance."""

    def luminance(rgb):
        parts = [c / 255 for c in rgb]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted([luminance(one), luminance(other)], reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_on_paper_the_controls_are_gone_and_the_page_prints(driver, file):
    page = opened(driver, file)
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert not css(page, "#front-controls").is_displayed()
    assert css(page, "#front-plot svg").is_displayed()
    assert colour(page, "body", "backgroundColor") == [255, 255, 255]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert base64.b64decode(page.print_page()).startswith(b"%PDF")


def test_a_narrow_window_needs_no_sideways_scrolling(driver, file):
    size = driver.get_window_size()
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": True},
    )
    page = opened(driver, file)
    assert page.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    driver.set_window_size(size["width"], size["height"])


@pytest.mark.parametrize(("trials", "running"), [(0, 0), (2, 2), (1, 0), (30, 4)])
def test_sweeps_of_any_age_have_a_page_without_errors(driver, tmp_path, trials, running):
    experiment = results.experiment(simulate(tmp_path / "x", trials, running=running))
    path = tmp_path / "young.html"
    html.write(path, experiment, front(experiment.records, experiment.sweep.objectives))
    page = opened(driver, path)
    assert len(rows(page)) == trials
    assert driver.get_log("browser") == []
    # The caption of the map speaks of a ground only where one is drawn.
    told = "const at = document.getElementById('ground'); return Boolean(at && !at.hidden)"
    drawn = "return document.querySelectorAll('#map-plot .tile').length > 0"
    assert page.execute_script(told) == page.execute_script(drawn) == (trials == 30)


def test_thousands_of_trials_are_drawn_filtered_and_scrolled_to(driver, tmp_path):
    experiment = results.experiment(simulate(tmp_path / "x", 1500, cases=0))
    path = tmp_path / "large.html"
    html.write(path, experiment, front(experiment.records, experiment.sweep.objectives))
    page = opened(driver, path)
    assert count(page) == "1500 trials"
    move(page, *dot(page))
    assert css(page, ".tip").is_displayed()
    # However many trials there are, a plot is a handful of nodes, and the table grows as it is scrolled.
    assert (
        page.execute_script(
            "return document.querySelectorAll('#front-plot svg *, #parallel-plot svg *').length"
        )
        < 400
    )
    assert len(rows(page)) <= 300
    page.execute_script("document.getElementById('more').scrollIntoView({ behavior: 'instant' })")
    until(lambda: len(rows(page)) > 100)
    press(css(page, "#search"), "layers=2")
    wanted = sum(record.overrides["student.layers"] == 2 for record in experiment.records)
    until(lambda: count(page) == f"{wanted} of 1500 trials")
    assert driver.get_log("browser") == []
