"""Capture by several Ray actors gives the bytes of one process."""

import os
import time
from functools import partial
from pathlib import Path

import pytest

from kdray.errors import DataError
from kdray.teacher.codecs import make
from tests.teacher.conftest import HEADER, make_rows
from tests.teacher.test_capture import Teacher, contents, run

pytestmark = pytest.mark.usefixtures("local_ray")


def test_two_actors_write_the_bytes_of_one_process_and_finish_what_is_missing(tmp_path: Path) -> None:
    from kdray.workers.capture_actors import TeachersOnRay

    run(tmp_path / "alone", Teacher())
    (tmp_path / "spread").mkdir()
    for name in ("state.arrow", "shard-00002.arrow"):  # left by a capture that was killed
        (tmp_path / "spread" / name).write_bytes((tmp_path / "alone" / name).read_bytes())
    seen: list[tuple[int, int]] = []
    options = {"rows_per_shard": 8, "batch_size": 4, "progress": lambda *at: seen.append(at)}
    folder = str(tmp_path / "spread")
    with TeachersOnRay(partial(Teacher), actors=2) as teachers:
        teachers.capture(make_rows(40), {folder: make("head")}, HEADER, **options)
    assert contents(tmp_path / "alone") == contents(tmp_path / "spread")
    assert seen == [(16, 40), (24, 40), (32, 40), (40, 40)]


class WaitsForOthers(Teacher):
    """Answers the first rows only once a file is there."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    def __call__(self, rows):
        until = time.monotonic() + 60
        while not self._file.exists():
            assert time.monotonic() < until, "nobody did anything else meanwhile"
            time.sleep(0.01)
        return super().__call__(rows)


def _touched(file: Path, teacher: Teacher) -> None:
    file.touch()


def test_what_else_is_asked_is_done_while_the_state_is_fitted(tmp_path: Path) -> None:
    from kdray.workers.capture_actors import TeachersOnRay

    run(tmp_path / "alone", Teacher())
    file, folder = tmp_path / "touched", str(tmp_path / "spread")
    with TeachersOnRay(partial(WaitsForOthers, file), actors=2) as teachers:
        teachers.capture(
            make_rows(40), {folder: make("head")}, HEADER, rows_per_shard=8, batch_size=4,
            beside=[partial(_touched, file)],
        )  # fmt: skip
    assert contents(tmp_path / "alone") == contents(tmp_path / "spread")


class ReadRows(list):
    """Rows that count how many shards are read and not yet written."""

    waiting = most = 0

    def __getitem__(self, which):
        if isinstance(which, slice):
            self.waiting += 1
            self.most = max(self.most, self.waiting)
        return super().__getitem__(which)


@pytest.mark.parametrize("actors", [1, 2])
def test_rows_are_read_when_an_actor_is_free_for_them(tmp_path: Path, actors: int) -> None:
    from kdray.workers.capture_actors import TeachersOnRay

    rows = ReadRows(make_rows(160))

    def written(done: int, total: int) -> None:
        rows.waiting -= 2  # it was read once more, to be counted

    with TeachersOnRay(partial(Teacher), actors=actors) as teachers:
        teachers.capture(
            rows, {str(tmp_path / "store"): make("head")}, HEADER, rows_per_shard=8, batch_size=4,
            progress=written,
        )  # fmt: skip
    assert rows.waiting == 0
    assert rows.most <= 2 * actors + 1  # of twenty


def test_one_actor_alone_does_all_of_it(tmp_path: Path) -> None:
    from kdray.workers.capture_actors import TeachersOnRay

    run(tmp_path / "alone", Teacher())
    file, folder = tmp_path / "touched", str(tmp_path / "spread")
    with TeachersOnRay(partial(Teacher), actors=1) as teachers:
        beside = [partial(_touched, file)]
        teachers.capture(
            make_rows(40), {folder: make("head")}, HEADER, rows_per_shard=8, batch_size=4, beside=beside
        )
        assert file.exists()
        assert contents(tmp_path / "alone") == contents(tmp_path / "spread")
        file.unlink()
        assert teachers.capture([], {}, HEADER, beside=beside) == {}
    assert file.exists()


def test_the_next_capture_finds_the_room_of_the_one_before(tmp_path: Path) -> None:
    import ray

    from kdray.workers.capture_actors import TeachersOnRay

    for name in ("one", "two", "three"):
        folder = str(tmp_path / name)
        with TeachersOnRay(partial(Teacher)) as teachers:
            teachers.capture(make_rows(8), {folder: make("head")}, HEADER, rows_per_shard=4)
        assert ray.available_resources()["CPU"] == 2


def test_a_cluster_without_room_says_so(tmp_path: Path) -> None:
    from kdray.workers.capture_actors import Share, TeachersOnRay

    with (
        pytest.raises(DataError, match="no room for an actor with 64 CPUs"),
        TeachersOnRay(Teacher, Share(cpus=64)),
    ):
        pass


def _refused() -> Teacher:
    raise DataError("teacher: no model that transformers can load")


def test_what_is_wrong_with_a_teacher_is_told_as_here_and_memory_bounds_how_many_there_are() -> None:
    from kdray.workers.capture_actors import Share, TeachersOnRay

    with TeachersOnRay(_refused, Share(bytes=1e15)) as teachers:
        assert len(teachers._actors) == 1  # although there are two cores
        with pytest.raises(DataError, match=r"^teacher: no model that transformers can load$"):
            teachers.ask(repr)
    with (
        TeachersOnRay(partial(Teacher), actors=1) as teachers,
        pytest.raises(
            DataError, match=r"^capture: the worker was lost: .*\.batch_size; the same command goes on"
        ),
    ):
        teachers.ask(_killed)


def _killed(teacher: Teacher) -> None:
    os._exit(9)  # as a system does that is out of memory
