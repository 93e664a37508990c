"""Sources that the contract tests run every transformation on."""

from __future__ import annotations

from dataclasses import dataclass

from tests.metamorphic.transforms.programs import PYTHON


@dataclass(frozen=True)
class Sample:
    """A context with its target."""

    context: str
    target: str


TEST = """def test_sum():
    values = [1, 2]
    extra = 3
    other = 'a'

    def helper(item):
        return item + extra
    total = 0
    for value in values:
        total += helper(value)
    """

SAMPLES = {
    "python": [Sample(text, "") for text in PYTHON.values()]
    + [Sample(TEST, "assert total == helper(extra) + 3, other")]
}

TEN_THOUSAND_LINES = {
    "python": "def program():\n" + "".join(PYTHON["loops"].split("return")[0].split("\n", 1)[1] * 900)
}
