"""What the grammars of languages with braces share: names, blocks, branches."""

from __future__ import annotations

import random


class Curly:
    """One random function; a language says what its statements, conditions and simple statements are."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.fresh = 0

    def statement(self, depth: int, in_loop: bool) -> str:
        raise NotImplementedError

    def simple(self, in_loop: bool) -> str:
        raise NotImplementedError

    def condition(self, depth: int = 0) -> str:
        raise NotImplementedError

    def pick(self, *choices: str) -> str:
        return self.rng.choice(choices)

    def name(self) -> str:
        self.fresh += 1
        return str(self.fresh)

    def block(self, count: int, depth: int, in_loop: bool) -> str:
        return "".join(self.statement(depth, in_loop) for _ in range(count))

    def inner(self, depth: int, in_loop: bool, plain: bool = False) -> str:
        """A branch: a block, or sometimes a statement without braces."""
        if not plain and self.rng.random() < 0.25:
            return self.simple(in_loop) + "\n"
        body = self.block(self.rng.randint(1, 2), depth + 1, in_loop)
        return "{\n" + "".join("    " + line + "\n" for line in body.splitlines()) + "}\n"

    def branches(self, depth: int, in_loop: bool) -> str:
        """An `if`, perhaps with what follows it."""
        text = f"if ({self.condition()}) {self.inner(depth, in_loop)}"
        if self.rng.random() < 0.4:
            text += f"else if ({self.condition()}) {self.inner(depth, in_loop)}"
        if self.rng.random() < 0.5:
            inside = f"if ({self.condition()}) {self.inner(depth, in_loop)}"
            text += (
                f"else {{\n{inside}}}\n" if self.rng.random() < 0.3 else f"else {self.inner(depth, in_loop)}"
            )
        return text
