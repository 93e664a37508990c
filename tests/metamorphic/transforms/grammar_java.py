"""Random small Java methods: narrow types, boxed ones, patterns, constants, loops left and gone on with, switches.

`f` takes an int and returns a String. Most compile; what does not is left out. Loops end.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.metamorphic.transforms.grammar_curly import Curly
from tests.metamorphic.transforms.grammar_odd import JAVA, fitted

AROUND = """static int count; static byte small; static final int N = 2;
static boolean next() { count += 3; return count % 2 == 0; }
static int more(int n) { count++; return n + count; }
static boolean same(Object a, Object b) { return a == b; }
static String which(int n) { return "int"; } static String which(long n) { return "long"; }
static String which(char n) { return "char"; } static String which(byte n) { return "byte"; }
static String which(double n) { return "double"; } static String which(Object n) { return "object"; }
"""
DECLARED = """int a = k, b = 3;
long l = 4;
byte x = 1;
char c = 'q';
short h = 9;
double d = 1.5;
boolean p = k > 1, q = false;
String s = "a";
Integer w = k > 4 ? null : 7;
Object o = k > 1 ? "text" : w;
int[] v = {1, 2, 3};
final int m = 2;
StringBuilder out = new StringBuilder();
"""
SHOWN = (
    'return out + "," + a + b + l + x + (int) c + h + d + p + q + s + w + o + v[0] + v[1] + v[2]'
    " + count + small;"
)
U, B = '"u"', '"b"'
INTS, NARROW = ("a", "b"), ("x", "c", "h")


class Java(Curly):
    """One random method."""

    def program(self) -> str:
        """`static String f(int k)`, of a few statements."""
        body = self.block(self.rng.randint(3, 8), 0, False)
        declared = "".join("    " + line + "\n" for line in DECLARED.splitlines())
        inside = "".join("    " + line + "\n" for line in body.splitlines())
        return f"static String f(int k) {{\n{declared}{inside}    {SHOWN}\n}}\n"

    def number(self, depth: int = 0) -> str:
        """An int."""
        if depth > 1 or self.rng.random() < 0.5:
            return self.pick("1", "2", "7", "100", "a", "b", "k", "m", "N", "x", "c", "v[1]", "-3")
        one, two = self.number(depth + 1), self.number(depth + 1)
        return self.pick(
            f"({one} + {two})",
            f"{one} * {two}",
            f"({one} - {two})",
            f"more({one})",
            f"({two} & 7)",
            "a++",
            "--b",
            f"(a = {one})",
            "w",
            f"Math.max({one}, {two})",
        )

    def condition(self, depth: int = 0) -> str:
        if depth > 1 or self.rng.random() < 0.2:
            return self.pick(
                "p", "q", "true", "1 < 2", "next()", "o == null", 's == "a"', 'same(s, "a")', "w == null"
            )
        sign = self.pick("<", ">", "<=", "==", "!=")
        one = self.condition(depth + 1)
        return self.pick(
            f"{self.number(1)} {sign} {self.number(1)}",
            f"{one} && {self.condition(depth + 1)}",
            f"({one} || p)",
            f"!({one})",
            "o instanceof String",
            f"l > {self.number(1)}",
            "p && q",
            f"o instanceof String t{self.name()} && a > 1",
            f"!(o instanceof Integer t{self.name()})",
        )

    def text(self) -> str:
        return self.pick(
            '"a"', '"b" + 1', '"b" + N', f'"n" + {self.number(1)}', f'{self.number(1)} + "z"', "s", "s + a"
        )

    def statement(self, depth: int, in_loop: bool) -> str:
        kind = self.rng.random()
        if depth > 2 or kind < 0.45:
            if in_loop and self.rng.random() < 0.15:
                return f"if ({self.condition(1)}) {self.pick('break', 'continue')};\n"
            return self.simple(in_loop) + "\n"
        return self.rng.choice((self.choice, self.choice, self.loop, self.loop, self.switch, self.other))(
            depth, in_loop
        )

    def simple(self, in_loop: bool) -> str:
        """An assignment, a call, an increment."""
        n = self.number()
        return self.rng.choice(
            (
                f"{self.pick(*INTS)} = {n};",
                f"{self.pick(*INTS)} {self.pick('+', '-', '*', '&', '<<', '>>>')}= {n};",
                f"{self.pick(*NARROW)} {self.pick('+', '-', '*')}= {n};",
                f"{self.pick(*NARROW)} = {self.pick('1', '2', '65')};",
                f"{self.pick('a', 'b', 'l', 'x', 'c', 'h')}{self.pick('++', '--')};",
                f"++{self.pick('a', 'l', 'x')};",
                f"a = a {self.pick('+', '-', '*', '/', '%', '|')} {self.pick('2', 'b', '(m + 1)', 'x')};",
                f"l = l {self.pick('+', '-', '>>>')} {self.pick('2', 'b', 'a')};",
                f"d = {self.pick('d * 2', 'd + a', '1.5', 'a')};",
                f"s = {self.text()};",
                f"s += {self.text()};",
                f"p = {self.condition()};",
                f"out.append({self.pick(n, self.text(), self.condition())});",
                f"out.append(same({self.text()}, {self.text()}));",
                f"{self.pick('a', 'l', 'x', 'c', 'h', 'd', 'small', 'v[1]')} = {self.condition(1)} ? 1 : 2;",
                f"{self.pick('a', 'count', 'l')} += {self.condition(1)} ? {self.pick('1', 'a')} : 2;",
                f"s = {self.condition(1)} ? {self.pick('s', U, 'null')} : {self.pick(B, 's')};",
                f"v[{self.pick('0', 'a & 1', 'm')}] {self.pick('=', '+=')} {n};",
                f"w = {self.pick('1', 'a', 'w', '200')};",
                f"o = {self.pick('s', 'a', 'w', '1', 'null')};",
            )
        )

    def choice(self, depth: int, in_loop: bool) -> str:
        """An if statement: any, or one that only chooses a value."""
        if self.rng.random() < 0.3:
            name = self.pick("a", "l", "x", "c", "h", "small", "d", "v[2]", "w", "o", "count")
            one, two = self.rng.choice(
                (("1", "2"), ("a", "1"), ("a", "b"), ("m", "2"), ("w", "null"), ("x", "x"))
            )
            braces = self.rng.random() < 0.5
            first, second = (f"{{ {name} = {v}; }}" if braces else f"{name} = {v};" for v in (one, two))
            return f"if ({self.condition(1)}) {first} else {second}\n"
        return self.branches(depth, in_loop)

    def loop(self, depth: int, in_loop: bool) -> str:
        i = f"i{self.name()}"
        head = self.rng.choice(
            (
                f"for (int {i} = 0; {i} < {self.pick('3', 'm', '(k & 3)')}; {i}++) ",
                f"for (int {i} = 0, j{i} = 4; {i} < j{i}; {i}++, j{i}--) ",
                f'for (String {i} : new String[] {{ s, "b" }}) ',
                f"int {i} = 3;\nwhile ({i}-- > 0) ",
                f"int {i} = 0;\nfor (; ; {i}++) ",
                f"int {i} = 4;\ndo ",
            )
        )
        if "; ; " in head:
            body = self.inner(depth, True, plain=True)
            return f"{head}{{\nif ({i} > 2) break;\n{body}}}\n"
        body = self.inner(depth, True, plain=True)
        return f"{head}{body}while (--{i} > 0);\n" if head.endswith("do ") else head + body

    def switch(self, depth: int, in_loop: bool) -> str:
        if self.rng.random() < 0.3:
            block = self.inner(depth, False, plain=True)
            arms = f"case 1 -> {self.simple(in_loop)}\ncase 2, 3 -> {block}default -> a++;\n"
            return f"switch ({self.pick('a', 'k', 'x')}) {{\n{arms}}}\n"
        text = f"switch ({self.pick('a', 'k', 'x', 'c', 'b & 3')}) {{\n"
        for label in self.rng.sample(("0", "1", "2", "3", "5", "'q'"), self.rng.randint(1, 3)):
            inside = self.block(self.rng.randint(0, 2), depth + 1, False)
            own = f"z{self.name()}"
            if self.rng.random() < 0.2:
                inside = f"{{ int {own} = 3; a = {own};\n{inside}}}\n"
            text += f"case {label}:\n{inside}{self.pick('break;', 'break;', '')}\n"
        if self.rng.random() < 0.7:
            text += f"default:\n{self.simple(in_loop)}\n{self.pick('break;', '')}\n"
        return text + "}\n"

    def other(self, depth: int, in_loop: bool) -> str:
        """Declarations, tries, lambdas, early returns, patterns that go on."""
        n = self.name()
        if self.rng.random() < 0.6:
            fill: dict[str, Callable[[], str]] = {
                "C": self.condition,
                "S": lambda: self.simple(False),
                "E": self.number,
                "T": self.text,
            }
            return fitted(self.rng.choice(JAVA), n, lambda letter: fill[letter]())
        return self.rng.choice(
            (
                f"int z{n} = {self.number()};\nint y{n} = 5;\na += z{n} + y{n};\n",
                f"Integer z{n} = w;\nint y{n} = 5;\nint u{n} = m;\nb = y{n} + u{n};\n",
                f'if (!(o instanceof String t{n})) {{ {self.simple(in_loop)} return "none" + a; }}\n'
                f"out.append(t{n}.length());\n",
                f'while (!(o instanceof String t{n})) {{ o = "w"; }}\nout.append(t{n});\n',
                f"try {{ {self.simple(in_loop)} {self.simple(in_loop)} }} "
                f"catch (RuntimeException e) {{ {self.simple(in_loop)} }}\n",
                f"if ({self.condition()}) return s + a;\n",
                f"{{ int z{n} = a;\nRunnable r{n} = () -> {{ int y{n} = 4; out.append(z{n} + y{n}); }};\n"
                f"r{n}.run(); }}\n",
                f"final int z{n};\nif ({self.condition()}) {{ z{n} = 1; }} else {{ z{n} = 2; }}\na += z{n};\n",
                f"int z{n};\nif (1 < 2) z{n} = 4;\na += z{n};\n",
                f"int z{n} = switch (k) {{ case 1 -> a++; default -> {{ b++; yield b; }} }};\nout.append(z{n});\n",
                f"record R{n}(int a, int b) {{ }}\nout.append(new R{n}(a, b));\n",
            )
        )
