"""Work beside what waits."""

import threading

import pytest

from kdray.pipeline.background import begun


def test_what_was_begun_is_waited_for_and_shows_how_far_it_is():
    seen, ended = threading.Event(), []

    def work(advance):
        while not seen.wait(0.001):
            advance(1, 2)
        ended.append(True)

    with begun(work) as wait:
        wait(lambda done, total: seen.set() if (done, total) == (1, 2) else None)
        assert ended == [True]


def test_what_the_work_raises_is_raised_where_it_is_waited_for():
    def work(advance):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"), begun(work) as wait:
        wait(lambda done, total: None)


def test_work_that_nobody_waits_for_any_more_ends_at_its_next_report():
    started, reports = threading.Event(), []

    def work(advance):
        for number in range(10**9):
            started.set()
            advance(number, 10**9)
            reports.append(number)

    with pytest.raises(RuntimeError), begun(work):
        started.wait(10)
        raise RuntimeError
    assert len(reports) < 10**9 - 1
