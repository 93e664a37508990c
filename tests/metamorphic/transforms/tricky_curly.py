"""Own Java methods and C functions that a careless transformation breaks, by kind of fault.

Each holds a function `f`, what stands around it, and expressions whose values must stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent


@dataclass(frozen=True)
class Tricky:
    """A function that can tell, the code around it, and what is printed."""

    kind: str
    code: str
    around: str
    shown: tuple[str, ...]


def _tricky(kind: str, code: str, around: str, *shown: str) -> Tricky:
    return Tricky(kind, dedent(code).strip("\n") + "\n", dedent(around).strip("\n"), shown)


WITHOUT_SPACES = """\
int f(int k) {
    int x=k;
    if(k>4)return(k>5)?k:x+1;
    if(k>3)return-k<x?k:x;
    if(k==2){x=3;}else{x=(4);}
    if(x>3)do x--;while(x>1);else{if(k>1)x=5;else x=6;}
    switch(k){case 1:x=1;break;case'a':x=2;break;default:x=x+3;}
    return(x)+k;
}
"""

C = [
    _tricky(
        "a macro that mentions a variable",
        """
        int f(int k) {
            int hold = k;
            int r = 0;
            NEED(r);
            need();
            return r + hold + plain_need;
        }
        """,
        """
        #define NEED(r) r = hold + 1
        #define need() (hold++)
        #define plain_need (hold * 2)
        """,
        "f(3)",
    ),
    _tricky(
        "a macro that pastes",
        """
        int f(int k) {
            int a = 3;
            int b = 1;
            if (k > 2)
                return add(3) + a;
            b = b + paste(a, b);
            return b + add(3);
        }
        """,
        """
        #define add(n) x##n
        #define paste(p, q) p##q
        static int x3 = 7, ab = 11;
        """,
        "f(3)",
        "f(1)",
    ),
    _tricky(
        "a macro that shows its arguments",
        """
        int f(int k) {
            int n = 2;
            int m = length(k+1 == 2) + length(n++);
            m = m + length(k < n) + length(({ int z = 1; z; }));
            return m * 10 + (int) sizeof(#k "");
        }
        """.replace('sizeof(#k "")', "sizeof(k)"),
        "#define length(e) (int) (sizeof(#e) * 1000 + (#e)[0])",
        "f(3)",
    ),
    _tricky(
        "a macro that names a member like a variable",
        """
        int f(int *bus) {
            struct dev *dev = holder(bus, struct dev, bus);
            dev->id = dev->id + field(dev, id);
            return dev->id;
        }
        """,
        """
        #include <stddef.h>
        struct dev { int bus; int id; };
        #define holder(p, t, m) ((t *) ((char *) (p) - offsetof(t, m)))
        #define field(p, m) ((p)->m)
        static struct dev one;
        """,
        "(one.id = 4, f(&one.bus))",
    ),
    _tricky(
        "a macro that hides a jump",
        """
        int f(int k) {
            int r = 0;
            for (int i = 0; i < k; i++) {
                skip_if(i == 2);
                r = r + i;
            }
            for (int i = 0; i < k; i++)
                if (i > 3)
                    skip_if(i == 4);
                else
                    r = r * 2;
            switch (k) {
            case 1:
                leave;
            case 2:
                r = r + 5;
                break;
            default:
                r = r + 7;
            }
            return r;
        }
        """,
        """
        #define skip_if(x) if (x) continue
        #define leave break
        """,
        "f(5)",
        "f(1)",
        "f(2)",
    ),
    _tricky(
        "a macro that declares",
        """
        int f(int k) {
            DECL(y);
            decl(z);
            z = k;
            y = z + 1;
            return z * y;
        }
        """,
        """
        #define DECL(z) int z
        #define decl(z) int z
        """,
        "f(5)",
    ),
    _tricky(
        "a macro that binds less than it looks",
        """
        int f(int k) {
            int x = 3;
            x *= sum(k);
            x = x - sum(k);
            x = either(k) ? 1 : x;
            if (k == 3)
                x = 5;
            else
                x = 6;
            if (either(k) == 1)
                x = x + 5;
            else
                x = x + 6;
            return x + sum(k);
        }
        """,
        """
        #define sum(k) k + 1
        #define either(k) k > 4 || 0
        """,
        "f(3)",
        "f(5)",
    ),
    _tricky(
        "constants that must stay constants",
        """
        int f(int k) {
            _Static_assert(sizeof(char) == 1, "x");
            static_assert(1 + 1 == 2, "x");
            enum { six = 5 + 1 };
            struct part { int low : 3; } part = { 2 };
            int a[2 + 1] = { [1] = 4 };
            static int kept = 3;
            kept = kept + six;
            if (__builtin_constant_p(3))
                k = k + 1;
            k = k * __alignof__(int) / 4;
            return a[1] + part.low + k + kept;
        }
        """,
        "#include <assert.h>",
        "f(3)",
    ),
    _tricky(
        "Duff's device",
        """
        int f(int k) {
            int n = (k + 3) / 4;
            int r = 0;
            switch (k % 4) {
            case 0:
                do {
                    r = r + 1;
                    /* fall through */
            case 3:
                    r = r + 2;
                    /* fall through */
            case 2:
                    r = r + 3;
                    /* fall through */
            case 1:
                    r = r + 4;
                } while (--n > 0);
            }
            switch (k) {
            case 4:
                for (r = r + 1; r < 40; r = r + 9) {
                    r = r + 1;
            case 5:
                    r = r + 2;
                }
                break;
            case 6:
                while (r < 30)
            case 7:
                    r = r + 7;
                break;
            case 8:
                if (r > 5) {
                    r = 1;
                } else {
            case 9:
                    r = 2;
                }
                break;
            }
            return r;
        }
        """,
        "",
        *(f"f({n})" for n in range(1, 11)),
    ),
    _tricky(
        "labels wider than what is switched on",
        """
        int f(int k, char c) {
            int r = 0;
            switch (k) {
            case 0xFFFFFFFFFF:
                r = 1;
                break;
            default:
                r = 2;
            }
            switch (k) {
            case WIDE:
                r = r + 10;
                break;
            case wide:
                r = r + 20;
                break;
            default:
                r = r + 30;
            }
            switch (c) {
            case 'a':
            case 98:
                r = r + 100;
                break;
            case -1:
                r = r + 200;
                break;
            default:
                r = r + 300;
            }
            return r;
        }
        """,
        """
        #pragma GCC diagnostic ignored "-Woverflow"
        #define WIDE 0xFFFFFFFF00
        enum { wide = 7 };
        """,
        "f(-1, 'a')",
        "f(-256, 'b')",
        "f(7, -1)",
    ),
    _tricky(
        "statement expressions",
        """
        int f(int k) {
            int i = 1;
            int r = ({ int z = k; z++; i++; });
            r += ({ if (k) r = 2; i = i + 1; i; });
            r = r + ({ k > 3 ? 1 : 2; }) + ({ i += 1; });
            return r * 10 + i;
        }
        """,
        "",
        "f(3)",
        "f(5)",
    ),
    _tricky(
        "what lives as long as its block",
        """
        int f(int k) {
            int *p;
            p = (int[]){1, 2, 3};
            int q[8] = {9, 9, 9, 9, 9, 9, 9, 9};
            use(q);
            int a __attribute__((cleanup(add)));
            int b __attribute__((cleanup(twice)));
            a = k;
            b = k;
            int c __attribute__((cleanup(add))) = 1;
            int d __attribute__((cleanup(twice))) = 2;
            return p[0] + p[1] + a + b + c + d;
        }
        """,
        """
        static int last;
        __attribute__((noinline)) static void use(int *q)
        { for (int i = 0; i < 8; i++) q[i]++; __asm__("" ::"r"(q)); }
        static void add(int *n) { last = last + *n; }
        static void twice(int *n) { last = last * 2 + *n; }
        """,
        "f(3)",
        "last",
    ),
    _tricky(
        "what a compiler would complain about",
        """
        int f(int k, unsigned u) {
            int only = 0;
            int set;
            only = only + k;
            if (u < 3)
                k = k + 1;
            if (k > 1)
                set = 4;
            if (k > 1 && u > 2)
                if (k == 5)
                    k = u > 3 ? 1 : 2;
                else
                    k = 7;
            else
                k = 9;
            if (k < 0)
                goto out;
            int *none;
            if (k > 2)
                none = 0;
            else
                none = 0;
            set = none ? 4 : 3;
            k = k + set;
        out:
            k = k + 1;
            return k;
        }
        """,
        "",
        "f(3, 4u)",
        "f(5, 3u)",
        "f(-3, 1u)",
    ),
    _tricky(
        "what C of old would complain about",
        """
        unsigned long f(const char *text, unsigned long n) {
            int k = 3;
            long length = 0;
            unsigned long all = n;
            if (text == NULL || n == 7)
                return 1;
            length = length + k;
            all = all + 1 + need(text, 4) + need(text + 1, n + 2);
            {
                int inner = k + 2;
                int other = 5;
                all = all + strlen(text);
                other = inner + 3;
                k = other;
            }
            if (k > 3)
                goto out;
            k = k + 3;
        out:
            k = k + 4;
            return all + (unsigned long) k + (unsigned long) length;
        }
        """,
        """
        #include <string.h>
        static unsigned long need(const char *text, unsigned long n) { return n + (unsigned long) text[0]; }
        """,
        '(int) f("ab", 4)',
        '(int) f("ab", 7)',
    ),
    _tricky(
        "places that are not what they were",
        """
        int f(int k) {
            int i = 0;
            int a[4] = {0, 0, 0, 0};
            if (i++ < k)
                a[i] = 1;
            else
                a[i] = 2;
            k += (k = 5) > 3 ? 10 : 20;
            if (change(&i) > 1)
                a[i] = 3;
            else
                a[i] = 4;
            i = 0;
            i += change(&i) ? 1 : 2;
            a[next()] += 5;
            a[next()] = a[next()] + 1;
            return a[0] + a[1] * 10 + a[2] * 100 + a[3] * 1000 + i * 10000;
        }
        """,
        """
        #pragma GCC diagnostic ignored "-Wsequence-point"
        static int count;
        static int change(int *i) { return *i = 2; }
        static int next(void) { return count++ % 4; }
        """,
        "f(3)",
    ),
    _tricky(
        "names that are read as text",
        """
        int f(int k) {
            int in = k;
            int out = 0;
            __asm__("movl %[in], %[out]" : [out] "=r"(out) : [in] "r"(in));
            struct pair { int in; int out; } pair = { .in = 1, .out = 2 };
            pair.in = pair.in + in;
            return out + pair.in * 10 + (int) __func__[0];
        }
        """,
        "",
        "f(3)",
    ),
    _tricky(
        "words without a space between",
        WITHOUT_SPACES,
        "",
        *(f"f({k})" for k in range(1, 7)),
    ),
]

JAVA = [
    _tricky(
        "words without a space between",
        f"static {WITHOUT_SPACES}",
        "",
        *(f"f({k})" for k in range(1, 7)),
    ),
    _tricky(
        "assignments that narrow",
        """
        static String f(boolean c) {
            byte x;
            if (c) {
                x = 1;
            } else {
                x = 2;
            }
            char y;
            if (c) y = 65; else y = 66;
            short z = 3;
            if (c) { z = 4; } else { z = 5; }
            Byte w;
            if (c) w = 1; else w = 2;
            if (c) { field = 7; } else { field = 8; }
            x += 1;
            y *= 1;
            z += 1.5;
            return x + "" + y + z + w + field;
        }
        """,
        "static byte field;",
        "f(true)",
        "f(false)",
    ),
    _tricky(
        "targets that the expression changes",
        """
        static int f(int k) {
            int x = 3;
            x += (x = k) > 2 ? 10 : 20;
            count += next() ? 1 : 2;
            x += x++ + 1;
            x -= 1 - (x = 5);
            int i = 0;
            int[] a = new int[4];
            if (i++ < k) a[i] = 1; else a[i] = 2;
            return x * 1000 + count * 10 + a[1];
        }
        """,
        "static int count; static boolean next() { count = 5; return true; }",
        "f(3)",
        "f(1)",
    ),
    _tricky(
        "patterns whose scope depends on a negation",
        """
        static int f(Object o) {
            while (!(o instanceof String s)) {
                o = "abc";
            }
            for (; !(o instanceof String u); ) {
                o = "abcd";
            }
            if (!(o instanceof CharSequence t)) {
                return 0;
            }
            if (o == null) {
                return 1;
            } else if (!(o instanceof String v)) {
                return 2;
            }
            return s.length() + t.length() + u.length();
        }
        """,
        "",
        'f("ab")',
        "f(3)",
    ),
    _tricky(
        "constants that are one object",
        """
        static boolean f(int k) {
            final int one = 1;
            int two = 2;
            boolean[] same = { "a1" == "a" + 1, "a1" == "a" + one, same("a12", "a" + 12) };
            boolean all = same("a1", "a" + 1) & same("b2", "b" + N) & same("c3", "c" + (1 + 2));
            return all & same[0] & same[1] & same[2];
        }
        """,
        "static final int N = 2; static boolean same(Object a, Object b) { return a == b; }",
        "f(1)",
    ),
    _tricky(
        "conditions that are constant",
        """
        static int f(int k) {
            final int x;
            if (1 < 2) x = k;
            int y;
            while (true) { y = 3; if (k < 9) break; k = 1; }
            final int z;
            for (int i = 0; ; i++) {
                if (i > 9) { z = i; break; }
                k++;
            }
            return x + y + z + k;
        }
        """,
        "",
        "f(1)",
        "f(20)",
    ),
    _tricky(
        "values behind arrows",
        """
        static int f(int k) {
            int i = 4;
            int r = switch (k) { case 1 -> i++; case 2 -> i += 2; default -> { i++; yield i; } };
            switch (k) {
                case 1 -> r = k > 0 ? 5 : 6;
                case 2 -> { r = k > 1 ? 7 : 8; }
                default -> i++;
            }
            java.util.function.IntSupplier s = () -> k > 2 ? 1 : 2;
            return r * 100 + i * 10 + s.getAsInt();
        }
        """,
        "",
        "f(1)",
        "f(2)",
        "f(3)",
    ),
    _tricky(
        "names that others read",
        """
        static String f(int size) {
            int width = 2;
            record Box(int width, String label) { }
            enum Kind { width, other }
            Box box = new Box(width + size, "a");
            Object counter = new Object() { int size = 5; public String toString() { return "c" + size; } };
            return box.width() + box.toString() + Kind.width + counter + width;
        }
        """,
        "",
        "f(3)",
    ),
    _tricky(
        "nulls that tell which they were",
        """
        static String f(Integer a, Integer b) {
            try {
                int first = a;
                int second = b;
                if (a < b) return "less";
                return "" + first + second;
            } catch (NullPointerException e) {
                return e.getMessage();
            }
        }
        """,
        "",
        "f(null, null)",
        "f(1, null)",
        "f(1, 2)",
    ),
    _tricky(
        "switches whose arms share what they declare",
        """
        static int f(int k) {
            int r = 0;
            switch (k) {
                case 1: { int q = 4; r = q; break; }
                case 2: { r = 5; } break;
                default: r = 6;
            }
            switch (k) {
                case 1: int q = 1; r += q; break;
                case 2: q = 2; r += q; break;
            }
            outer:
            for (int i = 0; i < 3; i++) {
                switch (i) {
                    case 1: continue outer;
                    default: r += i; break;
                }
                switch (i) { case 0: break; default: break outer; }
            }
            return r;
        }
        """,
        "",
        "f(1)",
        "f(2)",
        "f(3)",
    ),
    _tricky(
        "a quote and a line's end that are written as escapes",
        r"""
        static String f(int k) {
            int y = k + 1;
            String s = "\u0022 + y + \u0022";
            return s + y // said \u000a + y;
        }
        """,
        "",
        "f(1)",
    ),
    *(
        _tricky(
            "the message of a null pointer tells the number of a variable",
            f"""
            static String f(String s) {{
                int k = 3;
                int m = 4;
                String t = s;
                String r = "";
                try {{
                    r = r + t.length() + k + m;
                }} catch ({kind} e) {{
                    {said};
                }}
                return r;
            }}
            """,
            "",
            "f(null)",
        )
        for kind, said in (
            ("RuntimeException", "return e.toString()"),
            ("Exception", 'r = "failed: " + e'),
            ("IllegalStateException | NullPointerException", "r = String.valueOf(e)"),
            ("final Throwable", "Throwable same = e; r = same.getLocalizedMessage()"),
        )
    ),
]

CONSTRUCTOR = """public T(int k) {
    this();
    int z = k;
    int y = 4;
    if (k > 2) {
        this.size = z;
    } else {
        this.size = y;
    }
    for (int i = 0; i < 3; i++) {
        size += i;
    }
}
"""
"""A constructor: it may not stand alone, and nothing may stand before its call of another."""
