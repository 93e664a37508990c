"""Work in a thread of this process, beside what waits for other processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

from kdray.console import Advance

Work = Callable[[Advance], None]
"""Says how far it is, now and then."""


class _NotWanted(Exception):
    """What the work gets from its report once nobody waits for it."""


@contextmanager
def begun(work: Work) -> Iterator[Work]:
    """Begins some work, and yields what shows how far it is and waits for its end, raising what it raised.

    Where the block raises, the work ends at its next report, and is waited for until then.
    """
    unwanted, shown = Event(), list[Advance]()

    def report(done: int, total: int) -> None:
        if unwanted.is_set():
            raise _NotWanted
        for advance in shown:
            advance(done, total)

    with ThreadPoolExecutor(1) as pool:
        ending = pool.submit(work, report)

        def wait(advance: Advance) -> None:
            shown.append(advance)
            ending.result()

        try:
            yield wait
        except BaseException:
            unwanted.set()
            raise
