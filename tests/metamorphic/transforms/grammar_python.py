"""Random small Python functions that mind their names, their iterators' lives, their order and their types.

`f` takes nothing and returns what it has noted; what it raises counts as well. Loops end.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.metamorphic.transforms.grammar_scopes import Scopes

NAMES = ("a", "b", "c", "d", "e")
HEADS = ("", "", "", "a=2", "iter=None", "next=3", "range=None", "b=0", "f=1", "len=4")
INTS = ("0", "1", "2", "3", "1000", "-7")
TEXTS = ("''", "'x'", "'a b'", "'cc'", "'a' 'b'")
PLAIN = (*INTS, *TEXTS, "2.5", "None", "True", "[]", "[1]", "(1, 'x')", "b'q'", "{}")
WALKED = (
    "range(3)",
    "range(2, 4)",
    "[1, 2]",
    "(3, 'x')",
    "'ab'",
    "gen()",
    "sorted({2, 1})",
    "list(gen())",
    "range(a)",
    "iter([1, 5])",
    "{'k': 1}",
    "Box()",
)
PAIRS = (
    "enumerate('ab')",
    "zip([1, 2], 'ab')",
    "{'k': 1, 'l': 2}.items()",
    "[(1, 2), (3, 4)]",
    "enumerate(gen())",
)
AROUND = """log = []
def gen():
    try:
        yield 1
        yield 2
    finally:
        log.append('closed')
class Box:
    def __init__(self):
        self.n = 0
    def __iter__(self):
        return self
    def __next__(self):
        self.n += 1
        if self.n > 2:
            raise StopIteration
        return self.n
    def __del__(self):
        log.append('gone')
    def __add__(self, other):
        return 'left'
    def __radd__(self, other):
        return 'right'
"""


class Python(Scopes):
    """One random function."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.counters = 0

    def program(self) -> str:
        """`def f(...)` with up to a dozen statements."""
        head = self.rng.choice(HEADS)
        lines = [f"def f({head}):", "    note = log.append"]
        lines += [f"    {name} = {self.rng.choice(INTS)}" for name in NAMES if self.rng.random() < 0.75]
        lines += self.block(1, self.rng.randint(3, 8), 0)
        shown = ", ".join(self.rng.sample(NAMES, self.rng.randint(0, 3)))
        lines.append(f"    return ({shown}{',' if shown else ''})")
        return "\n".join(lines) + "\n"

    def block(self, depth: int, count: int, loops: int) -> list[str]:
        found: list[str] = []
        for _ in range(count):
            found += self.statement(depth, loops)
        return found

    def statement(self, depth: int, loops: int) -> list[str]:
        """Lines of one statement, indented."""
        simple = (self.assign, self.assign, self.augment, self.same, self.pick, self.show, self.odd)
        nested = (
            self.choice,
            self.choice,
            self.walk,
            self.count,
            self.attempt,
            self.helper,
            self.match,
            self.manage,
        )
        kinds: tuple[Callable[[int, int], list[str]], ...] = (*simple, *self.scoped)
        if depth <= 2:
            kinds = (*kinds, *nested, *self.scoping)
        lines = self.rng.choice(kinds)(depth, loops)
        return ["    " * depth + line for line in lines]

    def name(self) -> str:
        return self.rng.choice(NAMES)

    def value(self, depth: int = 0) -> str:
        """Any expression."""
        kind = self.rng.randint(0, 11 if depth < 2 else 5)
        if kind < 4:
            return self.rng.choice(PLAIN)
        if kind < 6:
            return self.name()
        if kind < 8:
            sign = self.rng.choice(("+", "-", "*", "<", "==", ">=", "and", "is"))
            right = {"is": "None", "*": "2"}.get(sign) or self.rng.choice((self.value(depth + 1), "1", "2"))
            return f"{self.value(depth + 1)} {sign} {right}"
        one, two = self.value(depth + 1), self.value(depth + 1)
        return self.rng.choice(
            (
                f"({one} if {two} else {self.name()})",
                f"[{one} for {self.name()} in (1, 2)]",
                f"(lambda {self.name()}=1: {one})()",
                f"({self.name()} := {one})",
                f"f'{{{self.name()}!r}} {{{self.name()}=}}'",
                f"str({one})",
                f"({one}, {two})",
                f"not {self.name()}",
                f"len([{one}])",
            )
        )

    def assign(self, depth: int, loops: int) -> list[str]:
        if self.rng.random() < 0.5:
            plain = self.rng.choice((PLAIN, INTS, INTS))
            return [f"{self.name()} = {self.rng.choice(plain)}", f"{self.name()} = {self.rng.choice(plain)}"]
        return [f"{self.name()} = {self.value()}"]

    def augment(self, depth: int, loops: int) -> list[str]:
        name = self.name()
        first = [f"{name} = {self.rng.choice((*INTS, *TEXTS))}"] if self.rng.random() < 0.5 else []
        added = f"{self.rng.choice('+-')}= {self.rng.choice((self.value(1), '2', '1 + 1', self.name()))}"
        return [*first, f"{name} {self.rng.choice((added, added, '*= 2'))}"]

    def same(self, depth: int, loops: int) -> list[str]:
        name = self.name()
        first = [f"{name} = {self.rng.choice(INTS)}"] if self.rng.random() < 0.5 else []
        added = f"{self.rng.choice('+-')} {self.rng.choice((*INTS, self.name(), '(2 - 1)'))}"
        return [*first, f"{name} = {name} {self.rng.choice((added, added, '* 2'))}"]

    def pick(self, depth: int, loops: int) -> list[str]:
        return [f"{self.name()} = {self.value(1)} if {self.value(1)} else {self.value(1)}"]

    def show(self, depth: int, loops: int) -> list[str]:
        return [f"note({self.value()})"]

    def odd(self, depth: int, loops: int) -> list[str]:
        """What looks at names, ends a loop, or says something about a name."""
        name = self.name()
        choices = [
            f"del {name}",
            f"note({name})",
            f"note('{name}')",
            "pass",
            f"{name}: int = 3",
            f"{name}, *note2 = 1, 2",
        ]
        if loops:
            choices += ["continue", "break", f"if {name}: continue"]
        if self.rng.random() < 0.15:
            choices += [
                "note(list(locals()))",
                "note(sorted(vars()))",
                f"note(eval('{name}'))",
                "return a",
                "yield a",
                f"global {name}",
                "raise ValueError(a)",
                f"class {name}: b = 1",
                f"import math as {name}",
                "note(__import__('sys')._getframe().f_lineno)",
            ]
        return [self.rng.choice(choices)]

    def choice(self, depth: int, loops: int) -> list[str]:
        """An if statement: any, or one that only chooses a value."""
        name = self.name()
        if self.rng.random() < 0.3:
            return [
                f"if {self.value(1)}:",
                f"    {name} = {self.value(1)}",
                "else:",
                f"    {name} = {self.value(1)}",
            ]
        lines = [f"if {self.value(1)}:", *self.inner(loops, depth)]
        for _ in range(self.rng.randint(0, 2)):
            lines += [f"elif {self.value(1)}:", *self.inner(loops, depth)]
        return [*lines, "else:", *self.inner(loops, depth)] if self.rng.random() < 0.6 else lines

    def inner(self, loops: int, depth: int) -> list[str]:
        """The block of a statement, one level deeper than it."""
        strip = 4 * depth
        comment = ["    # as it is"] if self.rng.random() < 0.2 else []
        return comment + [line[strip:] for line in self.block(depth + 1, self.rng.randint(1, 2), loops)]

    def walk(self, depth: int, loops: int) -> list[str]:
        if self.rng.random() < 0.25:
            return [
                f"for {self.name()}, {self.name()} in {self.rng.choice(PAIRS)}:",
                *self.inner(loops + 1, depth),
            ]
        lines = [f"for {self.name()} in {self.rng.choice(WALKED)}:", *self.inner(loops + 1, depth)]
        return [*lines, "else:", *self.inner(loops, depth)] if self.rng.random() < 0.1 else lines

    def count(self, depth: int, loops: int) -> list[str]:
        self.counters += 1
        name = f"i{self.counters}"
        return self.rng.choice(
            (
                [
                    f"for {name} in range({self.rng.choice(('3', '2, 4', 'a'))}):",
                    *self.inner(loops + 1, depth),
                ],
                [f"{name} = 3", f"while {name}:", f"    {name} -= 1", *self.inner(loops + 1, depth)],
            )
        )

    def attempt(self, depth: int, loops: int) -> list[str]:
        lines = ["try:", *self.inner(loops, depth), *self.inner(loops, depth)]
        if self.rng.random() < 0.8:
            kind = self.rng.choice(("Exception", "NameError", "TypeError", "(ValueError, TypeError)"))
            lines += [f"except {kind} as {self.name()}:", *self.inner(loops, depth), "    note('caught')"]
            return [*lines, "else:", *self.inner(loops, depth)] if self.rng.random() < 0.2 else lines
        return [*lines, "finally:", "    note('finally')"]

    def helper(self, depth: int, loops: int) -> list[str]:
        """A nested function and calls of it that fit, or do not."""
        name, parameter = self.rng.choice(("g", "h", "b")), self.name()
        head = self.rng.choice(
            (parameter, f"{parameter}, k=1", f"{parameter}, *more", f"{parameter}, **names", "")
        )
        body = self.rng.choice(
            (
                [f"    return {parameter}"],
                [f"    yield {parameter}"],
                [f"    c = {parameter}", "    return c"],
                [f"    return lambda: {parameter}"],
                [f"    nonlocal {self.name()}", "    return 1"],
                [f"    {parameter} = {self.value(1)}", f"    return {parameter}, a"],
                [f"    return [{parameter} for x in (1, 2)]"],
            )
        )
        call = self.rng.choice(
            (f"{name}(1)", f"{name}()", f"{name}(1, 2)", f"{name}({parameter}=3)", f"{name}(a, b)")
        )
        after = self.rng.choice(
            (f"note({call})", f"d = {call}", f"note(getattr({call}, '__name__', 0))", "pass")
        )
        return [f"def {name}({head}):", *body, after, self.rng.choice((f"note({call})", "pass"))]

    def match(self, depth: int, loops: int) -> list[str]:
        lines = [f"match {self.value(1)}:"]
        patterns = (
            "1",
            "'x'",
            f"int() as {self.name()}",
            f"[{self.name()}, *_]",
            f"({self.name()}, 'x')",
            "None | 2",
        )
        for pattern in self.rng.sample(patterns, self.rng.randint(1, 3)):
            guard = f" if {self.value(1)}" if self.rng.random() < 0.3 else ""
            lines += [
                f"    case {pattern}{guard}:",
                *("    " + line for line in self.inner(loops, depth + 1)),
            ]
        if self.rng.random() < 0.4:
            lines += ["    case _:", *("    " + line for line in self.inner(loops, depth + 1))]
        return lines

    def manage(self, depth: int, loops: int) -> list[str]:
        opened = self.rng.choice(
            ("__import__('contextlib').suppress(Exception)", f"open('/dev/null') as {self.name()}")
        )
        return [f"with {opened}:", *self.inner(loops, depth)]
