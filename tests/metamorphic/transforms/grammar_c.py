"""Random small C functions among macros of both cases that paste, show, declare, jump and mention variables.

`f` takes an int and returns a long. Most compile; what does not is left out. Loops end, and signed numbers wrap.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.metamorphic.transforms.grammar_curly import Curly
from tests.metamorphic.transforms.grammar_odd import C as ODD
from tests.metamorphic.transforms.grammar_odd import fitted

AROUND = r"""
struct node { int a; int size; unsigned char c; };
static int count, x3 = 7, x2 = 9;
static int more(int n) { count++; return n + count; }
static int change(int *p) { *p = *p + 1; return *p & 3; }
#define NEED(r) r = a + 1
#define need() (b++)
#define plain_need (a * 2)
#define add(n) x##n
#define SHOW(e) ((int) (sizeof(#e) + (#e)[0]))
#define show(e) ((int) (sizeof(#e) * 3 + (#e)[0]))
#define skip_if(e) if (e) continue
#define leave break
#define declare(z) int z = 4
#define member(p, m) ((p)->m)
#define sum(n) n + 1
#define WIDE 0xFFFFFFFF01
#define each(i, n) for (int i = 0; i < (n); i++)
enum { wide = 5 };
"""
DECLARED = """int a = k, b = 3, i = 0, j = 0;
long l = 4;
char c = 'q';
short h = 9;
unsigned u = 3;
double d = 1.5;
int v[4] = {1, 2, 3, 4};
int size = 2;
struct node n = { .a = 1, .size = 2 }, *p = &n;
"""
SHOWN = "return a + b * 3L + l * 5 + c * 7 + h * 11 + u * 13 + (long) d + v[0] * 17 + v[1] + v[2] + v[3] * 19 + size + n.a * 23 + n.size + n.c + count * 29 + i + j;"  # noqa: E501


class C(Curly):
    """One random function."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng)
        # Without macros far more may be done to a function.
        self.tame = rng.random() < 0.6
        self.labels = 0

    def program(self) -> str:
        """`long f(int k)`, of a few statements."""
        body = self.block(self.rng.randint(3, 9), 0, False)
        lines = [*DECLARED.splitlines(), *body.splitlines(), SHOWN]
        return "static long f(int k)\n{\n" + "".join(f"    {line}\n" for line in lines) + "}\n"

    def number(self, depth: int = 0) -> str:
        """A value of some integer type, without effects on what else stands in the expression."""
        plain = (
            "0",
            "1",
            "2",
            "7",
            "100",
            "a",
            "b",
            "k",
            "c",
            "h",
            "size",
            "v[1]",
            "n.a",
            "p->size",
            "n.c",
            "-3",
        )
        if depth > 1 or self.rng.random() < 0.5:
            return self.pick(*plain)
        one, two = self.number(depth + 1), self.number(depth + 1)
        tame = (
            f"({one} + {two})",
            f"{one} * {two}",
            f"({one} - {two})",
            f"({two} & 7)",
            f"abs({one})",
            f"({one} ? {two} : 1)",
            f"(int) sizeof({two})",
            '(int) strlen("abc")',
            f"(char) ({one})",
        )
        wild = (
            f"add({self.pick('2', '3')})",
            f"SHOW({one}+{two})",
            f"show({one})",
            "plain_need",
            f"member(p, {self.pick('a', 'size')})",
            f"sum({one})",
            f"({{ int z = {one}; z + 1; }})",
            "show(({ int z = 1; z; }))",
            "wide",
            f"more({one})",
        )
        return self.pick(*tame, *(() if self.tame else wild))

    def condition(self, depth: int = 0) -> str:
        sign = self.pick("<", ">", "<=", "==", "!=")
        one = self.number(1)
        found = [
            f"{one} {sign} {self.number(1)}",
            "u < 3",
            "a && b",
            "1",
            f"l > {self.number(1)}",
            "p",
            "a == 0",
        ]
        if depth < 2:
            found += [
                f"{self.condition(depth + 1)} && {self.condition(depth + 1)}",
                f"!({self.condition(depth + 1)})",
            ]
        return self.rng.choice(found)

    def statement(self, depth: int, in_loop: bool) -> str:
        if depth > 2 or self.rng.random() < 0.45:
            if in_loop and self.rng.random() < 0.15:
                return f"if ({self.condition()}) {self.pick('break', 'continue')};\n"
            return self.simple(in_loop) + "\n"
        return self.rng.choice((self.choice, self.choice, self.loop, self.loop, self.switch, self.other))(
            depth, in_loop
        )

    def simple(self, in_loop: bool) -> str:
        one = self.number()
        place = self.pick("a", "b", "l", "c", "h", "u", "d", "v[1]", "n.a", "p->size", "n.c", "v[i & 3]")
        same = self.pick("a", "b", "l", "c", "u", "p->size", "v[2]", "n.c")
        tame = [
            f"{place} = {one};",
            f"{place} {self.pick('+', '-', '*')}= {one};",
            f"{self.pick('a', 'b', 'l', 'c', 'i')}++;",
            f"--{self.pick('a', 'l', 'u')};",
            f"{same} = {same} {self.pick('+', '-', '*', '&', '|')} {one};",
            f"{place} = {self.condition()} ? {self.pick('1', 'a', 'c')} : {self.pick('2', 'a', 'c')};",
            f"{self.pick('a', 'l')} += {self.condition()} ? 1 : {self.pick('2', 'a')};",
            "p = &n;",
            "a = k;",
            "v[1] = abs(3) + 2;",
            ";",
        ]
        wild = [
            "NEED(b);",
            "need();",
            f"a = more({one}) + 3;",
            "more(4);",
            f"b *= sum({one});",
            "a = change(&i) ? 1 : 2;",
            "i += ({ j++; });",
            "a = ({ if (b) a = 2; b = b + 1; b; });",
            f"a = show({one} + 3);",
        ]
        if in_loop:
            wild.append(f"skip_if({self.condition()});")
        return self.rng.choice(tame if self.tame else [*tame, *wild])

    def choice(self, depth: int, in_loop: bool) -> str:
        """An if statement: any, or one that only chooses a value."""
        if self.rng.random() < 0.3:
            place = self.pick("a", "l", "c", "u", "d", "v[1]", "v[i & 3]", "p->a", "n.c")
            one, two = self.rng.choice(
                (("1", "2"), ("a", "1"), ("a", "b"), ("u", "u"), ("c", "3"), ("l", "0"), ("u", "a"))
            )
            braces = self.rng.random() < 0.5
            first, second = (f"{{ {place} = {v}; }}" if braces else f"{place} = {v};" for v in (one, two))
            condition = self.condition() if self.tame or self.rng.random() < 0.5 else "i++ < 2 || change(&i)"
            return f"if ({condition}) {first} else {second}\n"
        return self.branches(depth, in_loop)

    def loop(self, depth: int, in_loop: bool) -> str:
        i = f"i{self.name()}"
        head = self.rng.choice(
            (
                f"for (int {i} = 0; {i} < {self.pick('3', 'size & 3', '(k & 3)')}; {i}++) ",
                f"for (int {i} = 0, j{i} = 4; {i} < j{i}; {i}++, j{i}--) ",
                f"int {i};\nfor ({i} = 3; {i}; {i}--) ",
                f"int {i} = 3;\nwhile ({i}-- > 0) ",
                f"int {i} = 0;\nfor (; ; {i}++) ",
                f"int {i} = 4;\ndo ",
            )
        )
        body = self.inner(depth, True, plain=True)
        if "; ; " in head:
            return f"{head}{{\nif ({i} > 2) break;\n{body}}}\n"
        return f"{head}{body}while (--{i} > 0);\n" if head.endswith("do ") else head + body

    def switch(self, depth: int, in_loop: bool) -> str:
        labels = ["0", "1", "2", "3", "5", "'q'", "-1"] + (
            [] if self.tame else ["WIDE", "wide + 4", "0xFFFFFFFFFF"]
        )
        text = f"switch ({self.pick('a', 'k', 'c', 'h', 'b & 3')}) {{\n"
        for label in self.rng.sample(labels, self.rng.randint(1, 3)):
            inside = self.block(self.rng.randint(0, 2), depth + 1, False)
            if self.rng.random() < 0.2:
                inside = f"{{ int z = 3; a = z;\n{inside}}}\n"
            jump = self.pick(
                "break;", "break;", "" if self.tame else "leave;", "continue;" if in_loop else "break;"
            )
            text += (
                f"case {label}:\n{inside}{jump}\n;\n"
                if self.rng.random() < 0.1
                else f"case {label}:\n{inside}{jump}\n"
            )
        if self.rng.random() < 0.7:
            text += f"default:\n{self.simple(False)}\n{self.pick('break;', '')}\n"
        return text + "}\n"

    def other(self, depth: int, in_loop: bool) -> str:
        """Declarations, gotos, Duff's device, compound literals, directives, macros that declare or loop."""
        n = self.name()
        if self.rng.random() < 0.5:
            fill: dict[str, Callable[[], str]] = {
                "C": self.condition,
                "S": lambda: self.simple(False),
                "E": self.number,
            }
            return fitted(self.rng.choice(ODD), n, lambda letter: fill[letter]())
        tame = [
            f"int z{n} = {self.number()};\nint y{n} = 5;\na += z{n} + y{n};\n",
            f"{{ int a = 4;\nb += a;\n{self.simple(in_loop)}\n}}\n",
            f"if ({self.condition()}) goto out{n};\n{self.simple(in_loop)}\nout{n}:\n{self.simple(in_loop)}\n",
            f"{{ int t{n} = 3;\nswitch (k & 3) {{\ncase 0:\ndo {{ a = a + 1;\ncase 1: b = b + 2;\n"
            f"case 2: a = a + 3;\n}} while (--t{n} > 0);\n}}\n}}\n",
            f"if ({self.condition()}) return a;\n",
            f"int *q{n};\nq{n} = (int[]){{1, 2, 3}};\nint r{n}[8] = {{9, 9, 9}};\na += q{n}[1] + r{n}[0];\n",
            f"#ifdef NOTHING\na = 5;\n#else\nb = b + 2;\n#endif\n{self.simple(in_loop)}\n",
            f"struct node m{n} = {{ 1, 2, 3 }};\nm{n}.a += a;\na = m{n}.a;\n",
            f"unsigned z{n} = 3;\nunsigned y{n} = 5;\nu += z{n} - y{n};\n",
        ]
        wild = [
            f"declare(z{n});\na = a + z{n};\n",
            f"each(z{n}, 3) b = b + z{n};\n",
            f'_Static_assert(sizeof(char) == 1 + 0, "x");\n{self.simple(in_loop)}\n',
            f"__typeof__(a) z{n} = 2;\nint y{n} = 3;\na = z{n} + y{n};\n",
            f"static int z{n} = 3;\nz{n} = 3;\na += z{n};\n",
            "if (a > 2) NEED(b);\nelse b = 4;\n",
        ]
        return self.rng.choice(tame if self.tame else [*tame, *wild])
