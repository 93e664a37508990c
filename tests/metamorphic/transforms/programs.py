"""Own functions in which each transformation has something to do, and what they return.

Each is a whole function named `program` that is called without arguments.
"""

from __future__ import annotations

from typing import Any

PYTHON = {
    "loops": """def program():
    total = 0
    for i in range(5):
        total += i
        if total > 3:
            total = total + 10
        elif total < 1:
            total -= 1
        else:
            total *= 2
    for name in sorted({'b', 'a', 'c'}):
        total = total + 7
    for k in range(2, 4):
        for j in range(k):
            total += j
    return total
""",
    "choices": """def program():
    first = 3
    second = 4
    third = None
    label = 'big' if first > second else 'small'
    if label == 'small':
        size = 1
    else:
        size = 2
    if third is None:
        first += size
        seen = [first]
    else:
        seen = []
    text = 'x' + label
    text += 'y'
    if 3 < first:
        text = text + 'z'
    elif 3 == first:
        text = text + 'w'
    return (label, size, seen, text, third is None, first + second, first * 2 >= second)
""",
    "helpers": """def program():
    factor = 2

    def scale(number, shift=1):
        return number * factor + shift

    def join(left, right):
        pair = (left, right)
        return pair if left else (right,)
    found = [scale(x) for x in range(3)]
    with open('/dev/null') as handle:
        size = len(handle.read())
    try:
        join(1)
    except TypeError as error:
        message = type(error).__name__
    if (count := len(found)) > 2:
        size = count
    (a, *rest), b = (found, 1)
    return found, join(0, 1), join(right=2, left=1), message, size, a, rest, b
""",
}
"""All of Python's transformations apply to at least one of these."""


def result_of(code: str) -> Any:
    space: dict[str, Any] = {}
    exec(compile(code, "<program>", "exec", dont_inherit=True), space)  # noqa: S102
    return space["program"]()
