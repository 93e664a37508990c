"""A headless browser for tests, and what they do in it."""

from __future__ import annotations

import contextlib
import shutil
import time

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")


@contextlib.contextmanager
def browser():
    """A headless Chromium; skips where there is none."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("no Chromium with its driver here (Debian: apt install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1320,1000"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    try:
        yield started
    finally:
        started.quit()


def opened(driver, path):
    driver.get_log("browser")
    driver.get(path.as_uri())
    until(lambda: driver.execute_script("return document.documentElement.dataset.ready") == "true")
    return driver


def until(holds, tries=2000):
    for _ in range(tries):
        if found := holds():
            return found
        time.sleep(0.02)
    raise AssertionError("did not come true")


def css(driver, selector):
    return driver.find_element("css selector", selector)


def all_of(driver, selector):
    return driver.find_elements("css selector", selector)


def text(driver, selector):
    return driver.execute_script("return document.querySelector(arguments[0]).textContent", selector)


def dot(driver, path="#front-plot .dots.front", number=0):
    """Where a dot lies in the window, after scrolling it there."""
    return driver.execute_script(
        """
        const path = document.querySelector(arguments[0]);
        path.ownerSVGElement.scrollIntoView({ block: "center", behavior: "instant" });
        const [x, y] = path.getAttribute("d").split("M")[1 +
        arguments[1]].split("h")[0].split(",").map(Number); const at = new DOMPoint(x,
        y).matrixTransform(path.getScreenCTM()); return [at.x, at.y];
        """,
        path,
        number,
    )


def move(driver, x, y, click=False):
    from selenium.webdriver.common.action_chains import ActionChains

    chain = ActionChains(driver, duration=0)
    chain.w3c_actions.pointer_action.move_to_location(int(x), int(y))
    if click:
        chain.w3c_actions.pointer_action.click()
    chain.perform()
    settle(driver)


def press(element, *keys):
    from selenium.webdriver.common.keys import Keys

    element.send_keys(*(getattr(Keys, key, key) for key in keys))
    settle(element.parent)


def settle(driver):
    """Waits until the page has drawn what an event asked for: it does so in its next frame."""
    driver.execute_async_script(
        "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()))"
    )


def texts(driver, selector):
    """Of all that match, read at one moment: the page may draw its rows anew between two requests."""
    return driver.execute_script(
        "return Array.from(document.querySelectorAll(arguments[0]), found => found.innerText)", selector
    )


def rows(driver):
    return texts(driver, "#table tbody th")
