"""kdray in Python, as a notebook wants it: `kdray.load`, `kdray.launch`, `kdray.validate`.

    import kdray
    mine = kdray.load("runs/mine")
    mine.to_dataframe()                  # one row a trial: settings, metrics, the ends of their intervals
    mine.front()                         # its best rows
    model, tokenizer = mine.student(mine.best("knee").key)

`import kdray` loads nothing of this; torch, Ray and Optuna come when a student, a launch or the study is wanted.
Not here: anything that the command line does not do too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kdray.config import Sweep, flat, load_sweep, sweep_from
from kdray.errors import ConfigError, DataError
from kdray.handover.choose import choose, student_folder
from kdray.report import formats, html
from kdray.report.csv_table import BASE
from kdray.report.front import Front, front
from kdray.report.show import wanted
from kdray.report.sources import source
from kdray.results import Experiment, TrialRecord, experiment
from kdray.storage import exists, join, write_atomic

if TYPE_CHECKING:
    import optuna
    import pandas

AnySweep = str | Path | Mapping[str, Any] | Sweep
"""A sweep's file, what such a file holds, or the sweep itself."""


@dataclass(frozen=True)
class Page:
    """A report: shown by a notebook, or saved. It loads nothing from anywhere."""

    html: str

    def save(self, path: str | Path) -> None:
        """Writes it, to a path or URI."""
        write_atomic(path, self.html)

    def _repr_html_(self) -> str:
        return f'<iframe srcdoc="{escape(self.html)}" style="width: 100%; height: 800px; border: 0"></iframe>'


class Analysis:
    """An experiment folder, finished or running: what is asked is read anew each time.

    Attributes:
        folder: path or URI.
    """

    def __init__(self, folder: str | Path) -> None:
        """Raises `DataError` where that is no experiment folder."""
        self.folder = str(folder)
        if not exists(join(self.folder, "sweep.yaml")):
            raise DataError(f"{self.folder}: no experiment folder: it has no sweep.yaml")

    def __repr__(self) -> str:
        return f"kdray.load({self.folder!r})"

    @property
    def experiment(self) -> Experiment:
        """The sweep and its trials as records."""
        return experiment(self.folder)

    @property
    def trials(self) -> list[TrialRecord]:
        """By number."""
        return self.experiment.records

    def to_dataframe(self, objectives: str | None = None, where: Sequence[str] = ()) -> pandas.DataFrame:
        """One row a trial, by its key: state, place on the front, what was searched by its path, each metric of
        the last rung with the ends of its 95 % interval (`_low`, `_high`), every other setting as `trial.PATH`.

        Args:
            objectives: `metric:max,metric:min` that the front is of, None for the sweep's own.
            where: filters on the front's candidates, such as `student_params <= 2e6`.
        """
        import pandas

        read, judged = self._front(objectives, where)
        rows = []
        for row, record in zip(formats.rows(judged, read.records), read.records, strict=True):
            searched = flat(record.overrides)
            settings = {
                BASE + path: value for path, value in flat(record.trial).items() if path not in searched
            }
            rows.append(row | settings)
        return pandas.DataFrame.from_records(rows).set_index("trial") if rows else pandas.DataFrame()

    def front(self, objectives: str | None = None, where: Sequence[str] = ()) -> pandas.DataFrame:
        """The rows of `to_dataframe` that are on the front, the best in the first objective first."""
        _, judged = self._front(objectives, where)
        keys = [judged.candidates[at].key for at in judged.order if judged.mask_P[at]]
        return self.to_dataframe(objectives, where).loc[keys]

    def best(self, of: str = "knee", where: Sequence[str] = ()) -> TrialRecord:
        """The front's knee, or the best trial in a metric. Raises `ConfigError` with the nearest name."""
        if of == "knee":
            return choose(self.experiment, knee=True, where=where, on_disk=False)
        return choose(self.experiment, best=of, where=where, on_disk=False)

    def report(self, objectives: str | None = None, where: Sequence[str] = ()) -> Page:
        """The page that `kdray pareto --html` writes."""
        read, judged = self._front(objectives, where)
        return Page(html.render(read, judged))

    def student(self, key: str) -> tuple[Any, Any]:
        """The trained student of a trial: a transformers model and its tokenizer. Raises `KdrayError` where it was
        not kept.
        """
        from kdray.students.load import load_model, load_tokenizer

        chosen = choose(self.experiment, trial=key)
        folder = student_folder(self.experiment, chosen.key)
        return load_model(folder), load_tokenizer(folder)

    @property
    def study(self) -> optuna.Study:
        """Optuna's own, for its plots. Read it only: what is told to it, the sweep would believe."""
        from kdray.experiment.study_storage import read_study

        read = self.experiment
        return read_study(read.sweep, self.folder)

    def _front(self, objectives: str | None, where: Sequence[str]) -> tuple[Experiment, Front]:
        read = self.experiment
        return read, front(read.records, wanted(objectives, source(self.folder)), where=where)


def load(folder: str | Path) -> Analysis:
    """An experiment: `kdray.load("runs/mine")`. Raises `DataError` where that is none."""
    return Analysis(folder)


def validate(sweep: AnySweep) -> Sweep:
    """The sweep, checked as `kdray validate` does. Raises `ConfigError` in one line that names the field."""
    from kdray.pipeline.beforehand import check

    read = _read(sweep)
    check(read)
    return read


def _read(sweep: AnySweep) -> Sweep:
    if isinstance(sweep, Sweep):
        return sweep
    if isinstance(sweep, Mapping):
        return sweep_from(dict(sweep), "the sweep")
    return load_sweep(str(sweep))


def launch(sweep: AnySweep, *, resume: bool = False, address: str | None = None) -> Analysis:
    """Runs a sweep as `kdray launch` does: captures what is missing, searches, writes the report.

    Args:
        sweep: its file, what such a file holds, or the sweep itself.
        resume: whether an experiment of that name is gone on with; without it, it is refused.
        address: of a Ray that runs already; None starts one in this process.

    Raises:
        KdrayError: in one line.
    """
    from kdray.pipeline.finish import conclude
    from kdray.pipeline.launching import launch as launched
    from kdray.pipeline.references import references

    done = launched(_read(sweep), resume=resume, address=address)
    references(done.sweep, done.folder)
    conclude(done)
    if not any(record.state == "complete" for record in done.records):
        raise ConfigError(f"{done.folder}: no trial was completed: {done.records[-1].reason}")
    return Analysis(done.folder)
