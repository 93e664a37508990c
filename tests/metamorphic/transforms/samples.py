"""Sources that the contract tests run every transformation on."""

from __future__ import annotations

from dataclasses import dataclass

from tests.metamorphic.transforms.programs import PYTHON
from tests.metamorphic.transforms.programs_curly import JAVA, C


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

JAVA_TEST = """@Test
public void testSum() {
    int extra = 3;
    int total = 0;
    for (int value : new int[] {1, 2}) {
        total += value;
    }
    """
C_TEST = """void test_sum(void)
{
    int extra = 3;
    int total = 0;
    while (total < 9)
        total += extra;
    """

SAMPLES = {
    "python": [Sample(text, "") for text in PYTHON.values()]
    + [Sample(TEST, "assert total == helper(extra) + 3, other")],
    "java": [Sample(text, "") for text in JAVA.values()]
    + [
        Sample(JAVA_TEST, "assertEquals(total, extra);"),
        Sample(JAVA_TEST, "assertEquals(total, extra);\n}\n"),
    ],
    "c": [Sample(text, "") for text in C.values()]
    + [Sample(C_TEST, "check(total == extra);"), Sample(C_TEST, "check(total == extra);\n}\n")],
}


def _repeated(text: str, closer: str) -> str:
    """A function whose body stands there again and again."""
    head, _, rest = text.partition("{\n")
    body = rest.rpartition("    return")[0]
    return f"{head}{{\n" + f"{{\n{body}}}\n" * 600 + closer


TEN_THOUSAND_LINES = {
    "python": "def program():\n" + "".join(PYTHON["loops"].split("return")[0].split("\n", 1)[1] * 900),
    "java": _repeated(JAVA["loops"], "}\n"),
    "c": _repeated(C["loops"], "}\n"),
}
