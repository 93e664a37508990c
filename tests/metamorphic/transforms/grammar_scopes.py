"""More random Python: scopes within scopes, targets of every form, generators that are sent to, what is awaited.

`Python` (see `grammar_python`) adds these statements to its own.
"""

from __future__ import annotations

import random
from collections.abc import Callable

TARGETS = ("{0}, {1}", "[{0}, {1}]", "({0}, *{1})", "*{0}, {1}", "box.n, {0}", "{0}, table[{1!r}]")
COMPREHENSIONS = (
    "[{0} for {0} in (1, 2) if {1}]",
    "[({0} := {1}) for x in (1, 2)]",
    "{{{0}: {1} for {0} in 'ab'}}",
    "sum({0} for x in (1, 2) for {0} in (x, 3))",
    "list({0} for x in (1, 2))",
    "[lambda {0}={0}: {0} for x in (1,)][0]()",
    "[(lambda: {0})() for {0} in (3, 4)]",
    "any({0} == {1} for {0} in range(3))",
)


class Scopes:
    """Statements of scopes and targets; who mixes it in says what a name and a value are."""

    rng: random.Random

    def name(self) -> str:
        raise NotImplementedError

    def value(self, depth: int = 0) -> str:
        raise NotImplementedError

    def inner(self, loops: int, depth: int) -> list[str]:
        raise NotImplementedError

    @property
    def scoped(self) -> tuple[Callable[[int, int], list[str]], ...]:
        """Statements that hold no others of the grammar."""
        return (self.target, self.comprehend, self.arithmetic, self.literal, self.tell)

    @property
    def scoping(self) -> tuple[Callable[[int, int], list[str]], ...]:
        """Statements that hold others."""
        return (self.closure, self.class_body, self.generator, self.awaited, self.end_anyway, self.nested)

    def target(self, depth: int, loops: int) -> list[str]:
        """Assignments to several places at once."""
        one, two = self.name(), self.name()
        form = self.rng.choice(TARGETS).format(one, two)
        return [
            "box, table = Box(), {}",
            self.rng.choice(
                (
                    f"{form} = {self.value(1)}, 2",
                    f"{one} = {two} = {self.value(1)}",
                    f"table[{one!r}] = {one} = 3",
                    f"for {form} in [(1, 2), (3, 4)]: note({one})",
                    f"{one} = *[1, 2], {self.value(1)}",
                    "box.n = 1",
                    f"{one} = box.n += 1" if self.rng.random() < 0.05 else "box.n += 1",
                )
            ),
            "note(sorted(table.items(), key=repr))",
        ]

    def comprehend(self, depth: int, loops: int) -> list[str]:
        made = self.rng.choice(COMPREHENSIONS).format(self.name(), self.value(1))
        return [f"{self.rng.choice(('note', 'note', 'str'))}({made})"]

    def arithmetic(self, depth: int, loops: int) -> list[str]:
        """Signs that few use, chains of comparisons, conditions within conditions."""
        one, two = self.name(), self.name()
        sign = self.rng.choice(("//", "%", ">>", "&", "|", "^", "@"))
        return self.rng.choice(
            (
                [f"{one} = {one} {sign} {self.rng.choice(('2', two))}"],
                [f"{one} {sign}= 2", f"{two} = 2 ** 3 << 1"],
                [f"note(1 < {one} <= {two} != 3)"],
                [f"note({one} in (1, 2) and not {two} is None or {self.value(1)})"],
                [f"{one} = 1 if {two} else 2 if {one} else {self.value(1)}"],
                [f"{one} = -{one} + ~3 if {two} else not {one}"],
                [f"{one} = 0.1 + 0.2 + {two}", f"note({one} == 0.3 + 0)"],
                [f"{one} = {one} + ({two} := 2) + {two}"],
                [
                    f"if ({one} := {self.value(1)}) and {one}:",
                    f"    {two} = {one}",
                    "else:",
                    f"    {two} = 1",
                ],
            )
        )

    def literal(self, depth: int, loops: int) -> list[str]:
        """Constants that are one object, or text that shows them."""
        one, two = self.name(), self.name()
        return self.rng.choice(
            (
                [f"{one} = 1000", f"{two} = 1000", f"note({one} is {two})"],
                [f"{one} = 'a b'", f"{two} = 'a b'", f"note({one} is {two})"],
                [f"note(f'{{1 + 1=}} {{\"q\":>{{3 + 1}}}} {{{one}!r:>4}}')"],
                [f"{one} = 'x' 'y' if {two} else b'z' and 'w'"],
                [f"note('%s-%s' % ({one}, 'k') + '!'.join(['a', 'b']))"],
                [f"{one}: 'str' = {self.value(1)}"],
                [f"{one} = ''' two", f"  lines ''' + str({two})"],
                ["note({'k': 1, **{'l': 2}}['k'], )"],
                [f"{one} = 'abc'[1:-1] + \"d\"[::-1]"],
            )
        )

    def tell(self, depth: int, loops: int) -> list[str]:
        """What raises, and what an error says."""
        one = self.name()
        kind = self.rng.choice(("ValueError", "KeyError", "TypeError"))
        return self.rng.choice(
            (
                [f"assert {one} != 3, {self.value(1)}"],
                [f"if {one} == 2: raise {kind}('two') from None"],
                [f"note({{}}.get({one}, 'none'))" if self.rng.random() < 0.9 else f"{{}}[{one}]"],
                [f"del {one}", f"{one} = 1"],
                [f"{one} = None", f"{one} = {self.value(1)}"],
            )
        )

    def closure(self, depth: int, loops: int) -> list[str]:
        """A function that changes what is around it, called before and after."""
        one, two = self.name(), self.name()
        body = self.rng.choice(
            (
                [f"    nonlocal {one}", f"    {one} = {self.value(1)}"],
                [f"    global {one}", f"    {one} = 3", f"    note({one})"],
                [f"    {one} = 1", f"    {one} += 1", f"    return {one}"],
                [f"    def inner({one}=1):", f"        return {one}, {two}", "    return inner()"],
                [f"    return [{one} for {two} in (1, 2)]"],
            )
        )
        twice = self.rng.choice(("", "make(lambda g: lambda: (g(), g()))"))
        decorator = [f"@{twice}"] if twice else []
        return [
            "make = lambda g: g",
            *decorator,
            f"def change({self.rng.choice(('', 'k=1', '*, k=2', 'k=3, /'))}):",
            *body,
            f"{two} = 5",
            "note(change())",
            f"note({two})",
        ]

    def class_body(self, depth: int, loops: int) -> list[str]:
        one, two = self.name(), self.name()
        return [
            f"class K({self.rng.choice(('', 'object', 'Box'))}):",
            f"    {one} = {self.rng.choice((one, two, '2', self.value(1)))}",
            f"    {two}: {self.rng.choice(('int', two))} = 4",
            f"    def m(self, {two}=1): return {one}, {two}",
            f"note(K().m(), K.{one})",
        ]

    def generator(self, depth: int, loops: int) -> list[str]:
        one = self.name()
        return [
            "def made():",
            "    try:",
            f"        got = yield {self.rng.choice(('1', one))}",
            "        note(got)",
            "        for x in (1, 2):",
            "            got = yield x",
            f"        yield from {self.rng.choice(('gen()', '[7]', 'range(2)'))}",
            f"        return {self.value(1)}",
            "    finally:",
            "        note('over')",
            "it = made()",
            *self.rng.choice(
                (
                    ["note(next(it), it.send(3))", "it.close()"],
                    ["note(list(it))"],
                    [f"for {one} in it:", f"    if {one} == 2: break", "note('left')", "del it"],
                    ["note(next(it))", "it = None", "note('gone')"],
                    [f"for {one} in it:", *self.inner(loops + 1, depth)],
                    [f"{one}, *more = it", "note(more)"],
                )
            ),
        ]

    def awaited(self, depth: int, loops: int) -> list[str]:
        one, two = self.name(), self.name()
        return [
            "class Many:",
            "    def __aiter__(self): return self",
            "    async def __anext__(self):",
            "        self.k = getattr(self, 'k', 0) + 1",
            "        if self.k > 2: raise StopAsyncIteration",
            "        return self.k",
            f"async def work({one}):",
            f"    async for {two} in Many():",
            f"        note({two})",
            f"    return [{two} async for {two} in Many() if {one}]",
            f"moved = work({self.value(1)})",
            "try:",
            "    moved.send(None)",
            "except StopIteration as end:",
            "    note(end.value)",
        ]

    def end_anyway(self, depth: int, loops: int) -> list[str]:
        """What runs when something is left."""
        jumps = ("break", "continue") if loops else ()
        return [
            "try:",
            *self.inner(loops, depth),
            f"    {self.rng.choice(('pass', 'return a', *jumps))}",
            "finally:",
            *self.inner(0, depth),
        ]

    def nested(self, depth: int, loops: int) -> list[str]:
        """Loops in a loop that end in every way."""
        one, two = self.name(), self.name()
        return [
            f"for {one} in {self.rng.choice(('range(3)', 'gen()', '[1, 2]', 'zip([1], [2])'))}:",
            f"    for {two} in ({one}, 2):",
            f"        if {self.value(1)}: {self.rng.choice(('break', 'continue', 'pass'))}",
            *("    " + line for line in self.inner(loops + 1, depth)),
            "    else:",
            "        note('whole')",
        ]
