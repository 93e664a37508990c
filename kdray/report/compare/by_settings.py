"""The tables of a study: students of several sweeps by settings, or by how near they are to the best."""

from __future__ import annotations

from collections.abc import Sequence

from kdray import storage
from kdray.errors import ConfigError
from kdray.report.compare.differences import (
    differences,
    differences_dict,
    differences_note,
    differences_table,
)
from kdray.report.compare.picking import pickings, pickings_dict, pickings_note, pickings_table
from kdray.report.compare.pool import STEP, each_rung, names, pool
from kdray.report.compare.settings import cells, cells_dict, cells_note, cells_table
from kdray.report.compare.settings_figure import cells_svg
from kdray.report.show import Form, wanted, written
from kdray.report.sources import source


def report(
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
    """A table of all sweeps' students together.

    Args:
        locations: experiment folders, tables of theirs (`csv_table`), or folders of teachers.
        by: settings or metrics, `distil.alpha,shards`; with `step` a trial is there at each of its rungs.
        show: metrics, None for the objectives.
        against: the rows' baseline, `distil.alpha=0`, for a table of differences; None for the values themselves.
        near: None for the table of settings, else what `picking` takes.
        objectives: `metric:max,metric:min`, or None for those of the first sweep.
        where: filters, of metrics and settings.
        form: what the text is.
        svg: where the table of settings is drawn (`drawing`), None for nowhere.

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
    if near is None and not names(by or ""):
        raise ConfigError(f"--{'against' if against else 'show'} needs --by SETTING[,SETTING...]")
    if twice := [one for one in locations if list(locations).count(one) > 1]:
        raise ConfigError(f"compare: {twice[0]} is named twice")
    sources = [source(location) for location in locations]
    found = pool(sources, where)
    if near is None:
        settings = names(by or "")
        found = each_rung(found) if STEP in settings else found
        table = cells(found, settings, names(show or "") or list(wanted(objectives, sources[0])))
        if svg:
            storage.write_atomic(svg, cells_svg(table))
        if against:
            less = differences(table, against)
            return written(differences_table(less), differences_note(less), differences_dict(less), form)
        return written(cells_table(table), cells_note(table), cells_dict(table), form)
    picked = pickings(found, wanted(objectives, sources[0]), near, names(by or ""))
    return written(pickings_table(picked), pickings_note(picked), pickings_dict(picked), form)
