"""The page on a phone, a tablet and a desk, light, dark and on paper: nothing overprints, nothing is cut, and
axe-core finds nothing.
"""

from __future__ import annotations

import pytest

from kdray.report import html
from tests.report.axe import axe_script, violations
from tests.report.browser import opened

pytestmark = pytest.mark.browser

WIDTHS = (390, 768, 1280)
OVERPRINTED = """
const boxes = (selector) => [...document.querySelectorAll(selector)]
  .map((node) => [node.textContent, node.getBoundingClientRect()]);
const across = (a, b) => a.left < b.right - 1 && b.left < a.right - 1;
const meet = (a, b) => across(a, b) && a.top < b.bottom - 1 && b.top < a.bottom - 1;
const found = [];
for (const plot of ["front", "rungs", "losses", "history", "map"]) {
  const all = boxes(`#${plot}-plot .grid .tick, #${plot}-plot .grid .title`);
  all.forEach(([one, a], n) => {
    for (const [other, b] of all.slice(n + 1)) if (meet(a, b)) found.push(`${plot}: ${one} / ${other}`);
  });
}
return found;
"""
APART = """
const at = [...document.querySelectorAll("#parallel-plot .dimension")].map((n) => n.getCTM().e / n.getCTM().a);
return Math.min(...at.slice(1).map((x, n) => x - at[n]));
"""
UNSEEN = """
const box = (selector) => document.querySelector(selector).getBoundingClientRect();
const [worst, detail] = [box("#detail .worst .pairs"), box("#detail")];
return worst.bottom - detail.bottom;
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory, experiment, found):
    path = tmp_path_factory.mktemp("screens") / "front.html"
    html.write(path, experiment, found)
    return path


@pytest.fixture(scope="module")
def axe(tmp_path_factory):
    return axe_script(tmp_path_factory.mktemp("axe"))


@pytest.fixture
def screen(driver, file):
    """Opens the page at a width, in a scheme or on paper."""

    def show(width, look):
        driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600},
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if look == "dark" else "light"}
        media = "print" if look == "paper" else ""
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": [scheme]})
        return opened(driver, file)

    yield show
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})


@pytest.mark.parametrize("look", ["light", "dark", "paper"])
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_cut_or_overprinted_and_axe_finds_nothing(screen, axe, width, look):
    page = screen(width, look)
    assert page.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    assert page.execute_script(OVERPRINTED) == []
    assert page.execute_script(APART) >= 60
    assert page.execute_script(UNSEEN) <= 0
    assert violations(page, axe) == []
    assert page.get_log("browser") == []
