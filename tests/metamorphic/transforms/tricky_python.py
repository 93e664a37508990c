"""Own Python functions that can tell whether a careless transformation has been at work, by kind of fault.

Each is a function `f` that is called without arguments; what it returns or raises, texts included, must stay.
"""

from __future__ import annotations

from textwrap import dedent

_KINDS = {
    "a local named like its function": [
        """
        def f(raw='a'):
            f = raw
            return f
        """,
        """
        def f():
            def f():
                return 3
            return f()
        """,
    ],
    "arms of a match are no statements": [
        """
        def f(x=1):
            kind = 'none'
            match x:
                case 1:
                    kind = 'a' + 'b'
                case [a, *b] if a:
                    kind = 'list'
                case _:
                    kind = 'other'
            return kind
        """,
        """
        def f(x=(1, {'k': 5})):
            n = 1
            size = 2
            match x:
                case int() as n:
                    size = 3
                case (1, {'k': size, **rest}):
                    n = size
            return n, size
        """,
        """
        def f(x=7):
            y = 0
            match x:
                case (1 | 7) as y if y > 3:
                    y = y + 1
                case -1:
                    y = 2
            return y
        """,
    ],
    "names that are listed": [
        """
        def f(a=1):
            kw = 3
            other = 4
            for x in [4]:
                len([x])
            if kw < other:
                first = 1
                second = 2
            else:
                second = 1
                first = 2
            last = 1 if kw else 2
            return list(locals())
        """,
        """
        def f():
            b = 1
            a = 2
            for i in range(2):
                kw = 'x' + 'y'
            return [name for name in dir() if name], list(vars())
        """,
        """
        def f():
            first = 1
            second = 2
            return eval('first + second')
        """,
        """
        def f():
            import sys
            first = 1
            second = 2
            for i in range(3):
                first += 1
            return sorted(sys._getframe().f_locals)
        """,
        """
        def f():
            def g(a):
                b = 1
                return a + b
            return g.__code__.co_varnames, g(2)
        """,
    ],
    "names that a traceback tells": [
        """
        def f():
            def g(a):
                return a + ''
            try:
                g(1)
            except TypeError as error:
                return error.__traceback__.tb_next.tb_frame.f_code.co_name
        """,
        """
        def f():
            import traceback
            def g(a):
                x = 1
                raise ValueError(a)
            try:
                g(1)
            except ValueError as error:
                last = traceback.extract_tb(error.__traceback__)[-1]
                return last.name, last.line
        """,
        """
        def f():
            import warnings
            with warnings.catch_warnings(record=True) as seen:
                warnings.simplefilter('always')
                a = 1
                for i in [a]:
                    warnings.warn('x')
            return [one.lineno for one in seen]
        """,
    ],
    "names that a TypeError tells": [
        """
        def f():
            def g(a):
                return a
            try:
                g()
            except TypeError as error:
                return str(error)
        """,
        """
        def f():
            def g(a, b=1, *, c=2):
                return a
            texts = []
            for arguments in ((), (1, 2, 3)):
                try:
                    g(*arguments)
                except TypeError as error:
                    texts.append(str(error))
            return texts
        """,
        """
        def f():
            def g(a):
                return a
            return g(1, 2)
        """,
        """
        def f():
            def g(a):
                return a
            return g(b=2)
        """,
        """
        def f():
            def g(a, *, b):
                return a
            return g(1)
        """,
    ],
    "names that a NameError tells": [
        """
        def f(c=0):
            if c:
                a = 1
            return a
        """,
        """
        def f():
            for a in []:
                pass
            return a
        """,
        """
        def f():
            a = 1
            del a
            return a
        """,
        """
        def f():
            def g():
                return a
            value = g()
            a = 1
            return value
        """,
        """
        def f():
            try:
                a = int('x')
            except ValueError as e:
                pass
            return a
        """,
        """
        def f():
            try:
                int('x')
            except ValueError as e:
                b = 1
            return e
        """,
        """
        def f():
            import contextlib
            with contextlib.suppress(ValueError):
                a = int('x')
            return a
        """,
        """
        def f(open=__import__('contextlib').suppress):
            with open(ValueError):
                a = int('x')
            return a
        """,
        """
        def f():
            e = 1
            try:
                int('x')
            except ValueError as e:
                e = 2
            return e
        """,
        """
        def f():
            b = (a := a is None)
            return a, b
        """,
        """
        def f(x=3):
            x and (a := 1)
            0 and (b := 1)
            return a + b
        """,
        """
        def f(c=0):
            if c:
                a = 1
                b = 2
            return a < b
        """,
        """
        def f(c=0):
            while c:
                def g():
                    return 1
            return g()
        """,
        """
        def f(x=2):
            match x:
                case 1:
                    a = 1
            return a
        """,
        """
        def f():
            a += 1
            return a
        """,
    ],
    "names that objects carry": [
        """
        def f():
            def g():
                class A:
                    pass
                return A
            return g().__qualname__
        """,
        """
        def f():
            def g():
                yield 1
            return g().__name__
        """,
        """
        def f():
            def g():
                return lambda a: a
            return g().__qualname__
        """,
        """
        def f():
            def g(a):
                return (x for x in a)
            return g([1]).__qualname__
        """,
        """
        def f():
            async def g():
                return 1
            made = g()
            made.close()
            return made.__name__
        """,
        """
        def f():
            def g(a: 'int') -> 'int':
                return a
            b: 'g' = g(1)
            return f'{g(1)=} {b=}'
        """,
        """
        def f():
            made = 3
            class A:
                x: made = 1
            return list(A.__annotations__)
        """,
    ],
    "built-in names that mean something else": [
        """
        def f(iter=None):
            out = []
            for x in [1, 2]:
                out.append(x)
            return out
        """,
        """
        def f(next=3):
            out = []
            for x in 'ab':
                out.append((x, next))
            return out
        """,
        """
        def f(range=lambda n: [7]):
            out = []
            for i in range(3):
                out.append(1)
                if len(out) > 9:
                    break
            return out
        """,
        """
        def f(StopIteration=ValueError, enumerate=lambda x: iter([(5, 6)])):
            out = []
            for a, b in enumerate([1]):
                out.append((a, b))
            return out
        """,
        """
        def f():
            class range(list):
                pass
            total = 0
            for i in range([5, 7]):
                total += i
            return total
        """,
        """
        def f():
            from builtins import list as range
            total = []
            for i in range((5, 7)):
                total.append(i)
            return total
        """,
        """
        def f(x=(1, 2)):
            match x:
                case [next, iter]:
                    pass
            return [i for i in x], [j for j in 'ab'], next + iter
        """,
    ],
    "a global or nonlocal in one branch": [
        """
        def f(a=1):
            if a:
                global counter
                counter = 1
            else:
                counter = 2
            return counter
        """,
        """
        def f(a=1):
            counter = 0
            def g():
                if a > 1:
                    nonlocal counter
                    counter = 1
                else:
                    counter = 2
                return counter
            return g(), counter
        """,
        """
        def f(a=1):
            if a:
                for x in [1]:
                    global counter
                counter = 5
            else:
                counter = 2
                other = 3
            return counter
        """,
    ],
    "what lives longer": [
        """
        def f():
            log = []
            def gen():
                try:
                    yield 1
                finally:
                    log.append('closed')
            try:
                for x in gen():
                    int('a')
            except ValueError:
                log.append('handled')
            return list(log)
        """,
        """
        def f():
            log = []
            class Closing:
                def __iter__(self):
                    return self
                def __next__(self):
                    if log:
                        raise StopIteration
                    log.append('next')
                    return 1
                def __del__(self):
                    log.append('gone')
            for x in Closing():
                log.append(x)
            log.append('after')
            return list(log)
        """,
        """
        def f():
            log = []
            def gen():
                try:
                    yield 1, 2
                finally:
                    log.append('closed')
            def outer():
                for a, b in enumerate(gen()):
                    log.append(b)
                    [][a]
                return 1
            try:
                outer()
            except IndexError as error:
                log.append(len(log))
            return list(log)
        """,
        """
        def f():
            log = []
            class Loud:
                def __init__(self, name):
                    self.name = name
                def __del__(self):
                    log.append(self.name)
            a = Loud('a')
            b = Loud('b')
            a = 1
            b = 2
            return list(log)
        """,
    ],
    "types that depend on each other": [
        """
        def f(given=[]):
            a = 1
            b = a
            for i in range(2):
                b = a
                a = given
            seen = b
            b += [5]
            return seen, b
        """,
        """
        def f():
            class Odd:
                def __mul__(self, other):
                    return 'left'
                def __rmul__(self, other):
                    return 'right'
            a = 1
            b = 2
            first = a * 3
            for i in range(3):
                b = a
                a = b
                a = Odd()
            return b * 2, first
        """,
    ],
    "constants that are one object": [
        """
        def f():
            def g():
                pair = (1000, 'a b')
                text = 'left ' + 'right'
                return pair, -1000, text
            first = (1000, 'a b')
            return g()[0] is g()[0], first == g()[0]
        """,
    ],
    "words without a space between": [
        """
        def f(a=3):
            if(a > 2):
                b = 1
            else:
                b = 2
            if"x"in"xyz":
                c = 5if(b)else 6
            else:
                c = 7
            while(c)<9:
                c=c+1
            d = [4if(n)else 5for n in(a, 0)]
            return(b, c, d)
        """,
        """
        def f(a=3, b=4):
            return"many"if a > 2else b
        """,
    ],
    "names that Python reads as others": [
        """
        def f(\u00b5=1):
            \ufb01x = 2
            y = 3
            return fix + y + \ufb01x + \u03bc
        """,
    ],
    "lines that go on": [
        """
        def f(a=1):
            if a: \\
                a = 5
            b = 'one \\
        two'
            return a, b
        """,
        """
        def f(a=1):
            x = 1 if a else 2; y = 3
            if a: z = 4
            else: z = 5
            return x, y, z
        """,
    ],
}
KINDS = {kind: [dedent(text).lstrip("\n") for text in texts] for kind, texts in _KINDS.items()}
