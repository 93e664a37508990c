"""How the tests of a corpus are shared out among processes."""

from __future__ import annotations

from pathlib import Path

from kdray.corpus.example import Example
from kdray.execution import ask
from kdray.execution.case import Case, Ran


def examples(package: str, count: int, folder: Path) -> list[Example]:
    (folder / package).mkdir()
    (folder / package / "__init__.py").touch()
    made = []
    for number in range(count):
        name = f"test_{number}.py"
        (folder / package / name).write_text("def test():\n    assert 1\n")
        made.append(
            Example(
                id=f"{package}{number}",
                group=f"{package}/{name}",
                language="python",
                test="test",
                focal="",
                context="def test():\n",
                target="assert 1",
                split="test",
            )
        )
    return made


def test_a_package_is_imported_by_as_many_processes_as_its_share_of_the_work_asks_for(
    tmp_path: Path, monkeypatch
) -> None:
    asked = examples("large", 8, tmp_path) + examples("small", 2, tmp_path)
    cases = [Case(each.test, each.target, each.context, (each.target,), 0) for each in asked]
    jobs = []

    def answered(job, how, answer) -> None:
        jobs.append((job[0].place.module.partition(".")[0], len(job)))
        for file in job:
            for number in file.numbers:
                answer(number, Ran(asked[number].id))

    monkeypatch.setattr(ask, "_asked", answered)
    roots = {name: tmp_path / name for name in ("large", "small")}
    for processes, shared in (
        (1, [("large", 8), ("small", 2)]),
        (2, [("large", 4), ("large", 4), ("small", 2)]),
        (10, [*[("large", 1)] * 8, *[("small", 1)] * 2]),
    ):
        jobs.clear()
        ran = ask.ask(asked, cases, ask.How(processes=processes, roots=roots), lambda done, total: None)
        assert sorted(jobs) == shared
        assert [each.reason for each in ran] == [each.id for each in asked]
