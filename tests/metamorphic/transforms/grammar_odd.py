"""Statements of Java and C that trip careless transformations, as patterns for the grammars of both.

`#N` is a number that is the same in the whole pattern; `#C`, `#S`, `#E` and `#T` are a condition, a simple
statement, a number and a text of the grammar, each time others.
"""

from __future__ import annotations

from collections.abc import Callable

JAVA = (
    'outer#N: for (int i#N = 0; i#N < 3; i#N++) {\nfor '
    '(int j#N = 0; j#N < 2; j#N++) {\nif (#C) continue outer#N;\n#S\n}\n'
    'if (#C) break outer#N;\n}\n',
    'switch (s) {\ncase "a":\n#S\nbreak;\ncase "b":\na = 2;\nbreak;\ndefault:\nb++;\n}\n',
    'try {\nif (#C) return s + b;\n#S\n} finally {\nout.append("f");\n#S\n}\n',
    'try (AutoCloseable z#N = () -> out.append("closed")) {\n#S\n} catch (Exception e) {\n#S\n}\n',
    'Object z#N = new Object() { int a = 5; public String toString() { int b = 2; return "" + a + b + m; } };\n'
    'out.append(z#N);\n',
    'class Z#N { int a = 1; int b() { int c = 4; a += c; return this.a + a; } }\nout.append(new Z#N().b());\n',
    'java.util.function.IntUnaryOperator z#N = q#N -> { int y#N = q#N + 1; return y#N > 3 ? y#N : m; };\n'
    'out.append(z#N.applyAsInt(#E));\n',
    'var z#N = #E;\nz#N += 2;\nout.append(z#N);\n',
    'int z#N = Integer.MAX_VALUE;\nz#N += 1;\nl = z#N + 1L + (1 << 31);\n',
    'c += 1;\nc++;\nout.append(c).append((char) (c + 1)).append(c + 1);\n',
    'x = (byte) (x + 200);\nx >>>= 1;\nx <<= 1;\nh *= 2;\nc += 1.7;\n',
    'Integer y#N = 127, z#N = 127;\nout.append(y#N == z#N);\nInteger u#N = 1000;\nout.append(u#N.equals(1000));\n',
    'Long y#N = 1L;\nout.append(y#N.equals(1)).append(y#N.equals(1L)).append(y#N == 1);\n',
    "out.append(which(1)).append(which('q')).append(which(x)).append(which(1L))"
    ".append(which(w)).append(which(#E));\n",
    "out.append(p ? 1 : 'a').append(p ? 1 : c).append(p ? x : 1)"
    ".append(which(p ? 1 : 'a')).append(which(q ? x : 5));\n",
    "o = #C ? w : 0;\nout.append(o);\n",
    "o = #C ? 1 : 2.0;\nout.append(o);\n",
    "if (#C) {\no = 1;\n} else {\no = 2.0;\n}\nout.append(o);\n",
    "if (#C) o = 'a'; else o = 1;\nout.append(o);\n",
    "if (#C) {\no = w;\n} else {\no = 0;\n}\nout.append(o);\n",
    "final int z#N = 3;\nswitch (k) {\ncase z#N:\n#S\nbreak;\ndefault:\na++;\n}\nbyte y#N = z#N;\na += y#N;\n",
    "final byte z#N = 1 + 2;\nswitch (x) {\ncase z#N:\nb++;\n}\nx = z#N + 1;\n",
    "while (true) {\nif (#C) break;\n#S\nbreak;\n}\n",
    "if (false) {\n#S\n}\nfor (;;) {\n#S\nbreak;\n}\n",
    "int z#N;\nif (p) z#N = 1; else return s;\na += z#N;\n",
    "int z#N;\nif (p && (z#N = a) > 1) a += z#N;\n",
    "int z#N;\nwhile (true) {\nz#N = 1;\nif (#C) break;\nz#N = 2;\nbreak;\n}\na += z#N;\n",
    "int z#N;\nif (a > 1 || (z#N = a) > 5) { b++; } else { a += z#N; }\n",
    "int z#N = 0;\ndo {\n#S\nif (#C) continue;\na++;\n} while (z#N++ < 2);\n",
    "synchronized (out) {\n#S\n}\nassert a > -1 : \"no\";\n",
    'if (#C) throw new IllegalStateException("x" + a);\n',
    "int[] z#N = { #E, 2 };\nz#N[0]++;\n--z#N[1];\nz#N[z#N.length - 1] += #E;\na += z#N[0] + z#N[1];\n",
    "int[][] z#N = { { 1 }, { 2 } };\nfor (int[] y#N : z#N) for (int u#N : y#N) a += u#N;\n",
    "a = a++ + ++a;\nb += b++;\na = b = 3;\na = (b = 2) + b;\na -= a - (a = 1);\n",
    "s = null + s + 1 + 2 + 'c' + (1 + 2);\ns += 1 + 2 + \"x\" + 1.0f + 1e3;\n",
    "d = 1 / 2 + 1 / 2.0;\nd += 0.1 + 0.2;\nfloat g#N = 0.1f;\nd += g#N;\ng#N += 1;\n"
    "g#N = g#N + 1;\nout.append(g#N);\n",
    "a += 1.9;\na = (int) 3.9 + a;\nl += 1.5f;\nl = l + a;\na -= 'c';\n",
    "List<Integer> z#N = new ArrayList<>(List.of(1, 2, 3));\nz#N.remove(1);\n"
    "z#N.remove(a > 2 ? 0 : 1);\nout.append(z#N);\n",
    "for (Iterator<Integer> i#N = List.of(1, 2).iterator(); i#N.hasNext(); ) {\na += i#N.next();\n#S\n}\n",
    "{ int N = 9; a += N; }\n{ int small = 3; a += small; small += 1; b = small; }\n",
    'if (o instanceof String t#N && t#N.length() > 2 || a > 3) {\n#S\n}\n',
    "if (!(o instanceof String t#N)) {\na++;\n} else {\nout.append(t#N);\n}\n",
    "boolean z#N = o instanceof String t#N && !t#N.isEmpty();\nout.append(z#N);\n",
    "if (o instanceof String t#N && (a > 1 && p)) {\nout.append(t#N);\n"
    "} else if (o instanceof Integer t#N) {\na += t#N;\n}\n",
    "a = 0x1F + 017 + 0b11 + 1_000;\nl = 0xFFFFFFFFFFL;\na += 2147483647;\na -= -2147483648;\n",
    's += """\n    x\n      y""";\n#S\n',
    "switch (w) {\ncase 1:\n#S\nbreak;\ndefault:\nb++;\n}\n",
    "int z#N = 1, y#N = 2, u#N[] = { 3 };\nz#N += u#N[0];\ny#N = y#N + z#N;\na += y#N;\n",
    "for (int i#N = 0; i#N < 2; i#N++) ;\nif (#C) ; else b++;\nif (#C) { } else { #S }\n",
    "switch (k) {\ndefault:\na++;\ncase 1:\nb++;\nbreak;\ncase 5:\n#S\n}\n",
    "if (a == 1 == p) b++;\nif (p == q != true) b--;\na = a - -1 - (-b) + +a;\nb = ~a ^ b | a & 3;\n",
    "enum Z#N { one, two }\nZ#N y#N = #C ? Z#N.one : Z#N.two;\nswitch (y#N) {\ncase one:\n#S\n"
    "break;\ncase two:\nb++;\n}\n",
)  # fmt: skip
C = (
    "unsigned z#N = 0;\nz#N -= 1;\nif (z#N > -1) a++;\nl += z#N;\nz#N = z#N + 3;\n",
    "unsigned char z#N = 250;\nz#N += 10;\na += z#N;\nz#N = z#N + 5;\nz#N++;\na += z#N;\n",
    "struct { unsigned x : 3; int y : 4; } z#N = { 7, 3 };\nz#N.x += 1;\nz#N.x++;\n"
    "z#N.y = z#N.y + 2;\na += z#N.x + z#N.y;\n",
    "union { int i; unsigned char c; } z#N = { 300 };\na += z#N.c;\nz#N.i += 1;\na += z#N.c;\n",
    "int *z#N = v;\n*z#N++ = 5;\n*z#N += 2;\nz#N[1] = z#N[0] + 1;\na += *z#N;\nz#N += 1;\nz#N = z#N - 1;\n",
    "a = (b = 2, b + 1);\nb = (a++, a), l = 3;\n",
    "a = b ? c ? 1 : 2 : d > 1 ? 3 : 4;\nb = a > 1 ? b = 2, 5 : (a = 3);\n",
    "{\nint z#N = 0;\nagain#N:\nz#N++;\n#S\nif (z#N < 3) goto again#N;\n}\n",
    "static int z#N;\nz#N++;\na += z#N;\n",
    "a += _Generic(a, int: 1, long: 2, default: 3) + _Generic(1, int: 4, default: 5)"
    " + _Generic(k ? 1 : l, long: 6, default: 7);\n",
    "a += sizeof(1 ? a : l) + sizeof(c + 1) + sizeof(\"ab\" \"c\") + sizeof 'a' + sizeof(int[3]);\n",
    "int z#N[a > 0 && a < 9 ? a : 3];\nz#N[0] = 1;\nl += sizeof z#N + z#N[0];\n",
    "switch (k) {\ndefault:\na++;\ncase 1:\nb++;\nbreak;\ncase 5:\n#S\n}\n",
    "enum { z#N = 4 };\nswitch (k) {\ncase z#N:\n#S\nbreak;\ncase z#N + 1:\nb++;\n}\na += z#N;\n",
    "const int z#N = 3;\nconst int y#N = 4;\na += z#N + y#N;\n",
    "{ int size = 9; a += size; { long size = 3; l += size; } size++; b += size; }\n",
    "if ((a = b)) { b++; } else { b--; }\n",
    "do {\n#S\nif (#C) break;\nif (#C) continue;\nb++;\n} while (0);\n",
    "#define TWICE#N(x) ((x) * 2 + b)\na = TWICE#N(a + 1);\nb = a;\n#undef TWICE#N\n#S\n",
    "#if 1\nif (a > 2) {\n#else\nif (a > 3) {\n#endif\nb = 2;\n}\n",
    'const char *z#N = "a" "b";\na += z#N[1] == \'b\';\nz#N = k ? "x" : "y";\na += *z#N;\n',
    "c = 200;\na += c;\nc += 100;\nc = c + 1;\nh = 40000;\nh += 1;\n",
    "float g#N = 0.1f;\ng#N += 0.1;\nd += g#N;\nif (g#N == 0.2f) a++;\n",
    "int *z#N = 0;\na += z#N == 0;\nz#N = k ? 0 : v;\nif (z#N) a += *z#N; else a++;\nz#N = NULL;\n",
    "long z#N = 1 << 4;\nz#N = 1L << 40;\na = z#N >> 38;\na += 1 << (k & 3);\n",
    "volatile int z#N = 3;\na += z#N;\nz#N = z#N + 1;\nif (a < z#N && z#N) b++;\n",
    "register int z#N = a;\nz#N += 1;\na = z#N;\n__auto_type y#N = l;\nl = y#N + 1;\n",
    "for (int i#N = 0, *q#N = v; i#N < 4; i#N++, q#N++) a += *q#N;\n",
    "for (int i#N = 0; i#N < 3; ) {\ni#N++;\nif (#C) continue;\n#S\n}\nfor (;;) {\n#S\nbreak;\n}\n",
    "if (a) ; else b++;\nif (b) { } else { #S }\nif (a > 1) for (int i#N = 0; i#N < 2; i#N++) b++; else a++;\n",
    "switch (a) case 1: b++;\nswitch (k) { }\nswitch (k) { case 0 ... 2: a++; break; default: #S }\n",
    "a = -a - -b + +c - ~h;\na = !a + !!b;\na = a - (-1);\na = b-- - --b;\na = a+++b;\n",
    "v[a & 3]++;\nv[(b++) & 3] += 2;\n*(v + 1) = 4;\n1[v] = 5;\n(*p).a = 3;\n(&n)->a++;\np->a += p->size;\n",
    "n = (struct node){ 4, 5, 6 };\np = &(struct node){ 1, 2, 3 };\na += p->a;\np = &n;\n",
    "while ((b = b / 2) > 0) a++;\nwhile (a > 100 && a--) b = 1;\n",
    "int z#N = ((k) + (1)), y#N = (z#N)++;\na = (int) (z#N) + (y#N);\nb = (char) a + (unsigned char) (b);\n",
    "int (*z#N)(int) = abs;\na += z#N(-3) + (*z#N)(2);\n",
    "{\nint z#N(int q) { int w = q + a; return w + 1; }\na += z#N(2);\n}\n",
    "a = 0x1F + 017 + 10u - 3L;\nl = 0xFFFFFFFFFF;\nu = -1;\nu += 2147483648;\nif (u > 2 - 3) b++;\n",
    "typedef int z#N;\nz#N y#N = 4;\nz#N *u#N = &y#N;\na += *u#N * (z#N) 2;\n",
    "if (a == 1 == b) b++;\nif (a < b < c) b--;\nif (a & 1 == 1 || b | 2 && c ^ 3) a = 3;\n",
    "a = k ? 1 : 2, b = 3;\na += k == 1 ? b : k == 2 ? 4 : 5;\nv[k ? 1 : 2] = 3;\n",
)  # fmt: skip


def fitted(pattern: str, number: str, fill: Callable[[str], str]) -> str:
    """A pattern with everything filled in.

    Args:
        pattern: one of the above.
        number: for `#N`.
        fill: gives what stands for a letter.
    """
    text = pattern.replace("#N", number)
    for letter in "CSET":
        while f"#{letter}" in text:
            text = text.replace(f"#{letter}", fill(letter), 1)
    return text
