"""The page: source that means harm stays text, and nothing runs."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

from kdray.report.models.page import to_html
from tests.report.models.made_up import HOSTILE, comparison


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
