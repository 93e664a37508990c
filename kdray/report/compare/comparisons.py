"""What `kdray compare` prints: sweeps or techniques at equal budget, or their students by settings, as text."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import cast, get_args

from kdray import console, storage
from kdray.errors import ConfigError, nearest
from kdray.report.compare.differences import differences
from kdray.report.compare.picking import pickings
from kdray.report.compare.same_cases import say_other_cases
from kdray.report.compare.settings import by_settings
from kdray.report.compare.students import STEP, names, students
from kdray.report.compare.sweeps import Budget, compare
from kdray.report.compare.techniques import techniques
from kdray.report.figure import surfaces_svg
from kdray.report.show import Form, wanted, written
from kdray.report.sources import bare, source


def grouped(arguments: Sequence[str]) -> dict[str, list[str]]:
    """`a-0,a-1` as technique `a` with its sweeps; `label=x,y` says another name.

    Raises:
        ConfigError: two techniques of one name.
    """
    groups: dict[str, list[str]] = {}
    for text in arguments:
        label, _, listed = text.rpartition("=")
        members = [name for name in listed.split(",") if name]
        own = [_own_label(name) for name in members]
        common = os.path.commonprefix(own) if len(own) > 1 else ""  # noqa: RUF071 - names, not paths
        label = label or common.rstrip("-_./") or ",".join(own)
        if label in groups:
            raise ConfigError(f"compare: two techniques are called '{label}': say LABEL={listed}")
        groups[label] = members
    return groups


def at_equal_budget(
    folders: Mapping[str, Sequence[str]],
    *,
    budget: str,
    objectives: str | None,
    where: Sequence[str],
    svg: str | None,
    form: Form,
) -> str:
    """Techniques, each one sweep or several seeds of it; draws what each attained where a path is given.

    Args:
        folders: technique -> experiment folders, or tables of theirs (`csv_table`), of its seeds.
        budget: `trials` or `seconds`.
        objectives: `metric:max,metric:min`, or None for those of the first sweep.
        where: filters.
        svg: path of the picture (two objectives).
        form: what the text is.

    Raises:
        ConfigError: fewer than two sweeps, one given twice, or one with nothing to compare within the budget.
        DataError: a folder that is no experiment, or a damaged table.
    """
    if budget not in get_args(Budget):
        raise ConfigError(f"--budget '{budget}'{nearest(budget, get_args(Budget))}")
    every = [folder for members in folders.values() for folder in members]
    _check_once(every)
    sources = {folder: source(folder) for folder in every}
    shown = {folder: _name(folder, every) for folder in every} | _labels(folders)
    ways = wanted(objectives, sources[every[0]])
    records = {shown[folder]: read.records for folder, read in sources.items()}
    say_other_cases(r for every in records.values() for r in every if not r.confirms)
    sweeps = compare(records, ways, budget=cast(Budget, budget), where=where)
    groups = {name: [shown[folder] for folder in members] for name, members in folders.items()}
    compared = techniques(sweeps, groups)
    if svg:
        median = {technique.name: technique.surfaces.get(0.5, []) for technique in compared.techniques}
        storage.write_atomic(svg, surfaces_svg(median, ways))
        console.say(f"wrote     {console.near(svg)}")
    return written(compared, form)


def of_students(
    locations: Sequence[str],
    *,
    by: str | None,
    show: str | None,
    near: float | None,
    against: str | None,
    objectives: str | None,
    where: Sequence[str],
    form: Form,
    svg: str | None = None,
) -> str:
    """All sweeps' students together, in rows by settings, or by how near they are to the best.

    Args:
        locations: experiment folders, tables of theirs (`csv_table`), or folders of teachers.
        by: settings or metrics, `distil.alpha,shards`; with `step` a trial is there at each of its rungs.
        show: metrics, None for the objectives.
        against: the rows' baseline, `distil.alpha=0`, for a table of differences; None for the values themselves.
        near: None for the table of settings, else what `picking` takes.
        objectives: `metric:max,metric:min`, or None for those of the first sweep.
        where: filters, of metrics and settings.
        form: what the text is.
        svg: where the table of settings is drawn, None for nowhere.

    Raises:
        ConfigError: an unknown setting or metric, a filter that keeps nobody, or options that exclude each
            other.
        DataError: a folder that is no experiment, or a damaged table.
    """
    for option, given in (("show", show), ("svg", svg), ("against", against)):
        if near is not None and given:
            raise ConfigError(f"--{option} belongs to --by without --near")
    if svg and against:
        raise ConfigError("--svg draws the values themselves: leave --against out")
    settings = names(by or "")
    if near is None and not settings:
        raise ConfigError(f"--{'against' if against else 'show'} needs --by SETTING[,SETTING...]")
    _check_once(locations)
    sources = [source(location) for location in locations]
    everyone = students(sources, where)
    if "suite" not in settings:
        say_other_cases(everyone.records)
    if near is not None:
        return written(pickings(everyone, wanted(objectives, sources[0]), near, settings), form)
    metrics = names(show or "") or list(wanted(objectives, sources[0]))
    rows = by_settings(everyone.each_rung() if STEP in settings else everyone, settings, metrics)
    if svg:
        storage.write_atomic(svg, rows.svg())
        console.say(f"wrote     {console.near(svg)}")
    return written(differences(rows, against) if against else rows, form)


def _check_once(locations: Sequence[str]) -> None:
    if twice := [location for location in locations if list(locations).count(location) > 1]:
        raise ConfigError(f"compare: {twice[0]} is named twice")


def _own_label(name: str) -> str:
    """What a sweep is called when nothing is said: a table without its folder and ending, any other as it is."""
    return bare(name) if name.endswith(".csv") else name


def _name(folder: str, every: Sequence[str]) -> str:
    """The last part of the path where that tells it from the others."""
    own = bare(folder)
    return own if [bare(path) for path in every].count(own) == 1 else folder


def _labels(folders: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The single sweeps that were given a label of their own -> the label."""
    singles = {members[0]: label for label, members in folders.items() if len(members) == 1}
    taken = [bare(folder) for members in folders.values() for folder in members]
    return {
        name: label for name, label in singles.items() if label != _own_label(name) and label not in taken
    }
