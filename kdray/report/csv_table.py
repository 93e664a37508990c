"""Trials as CSV, and that CSV read again: a committed table stands in for the experiment folder it came from.

A row per trial, followed by its earlier rungs, whose state is `rung`; then a row for the teacher and each
baseline, whose state is `reference`. Columns, by name and in any order:

    trial, state, front, rank, knee, front_probability, step, seconds, architecture, reason
    confirms                     the trial whose settings it has with another seed; in tables with such trials only
    distil.alpha, seed, ...      what the search chose (first part: a field of a trial), empty where it did not
    test.accuracy, ...           the same of a trial's student on the test suite (test.accuracy_low, ...)
    optimism.accuracy, ...       how much better an objective was where it was chosen; made anew, not read again
    trial.optim.lr, ...          every other setting of the trial
    accuracy, accuracy_low, ...  a number of the rung (a trial's: its last) and the ends of its 95 % interval,
                                 empty without one

Settings, reasons and names are text where that is printable, no JSON and no spreadsheet's formula, else JSON, so
that a type survives and nothing runs. A cell says
its own type: pyarrow or pandas would give one to a whole column, and 1 beside 0.5 would come back as 1.0. What is
read again: keys, states, reasons, seconds, settings, and of each rung its step, numbers and intervals. Not in
the table, so lost: counts, relations by transformation, the rungs' own clocks, the sweep file.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast, get_args

from kdray import storage
from kdray.config import Trial, flat, put, value_at
from kdray.config.metric_names import all_renamed
from kdray.errors import DataError
from kdray.report import formats
from kdray.report.front import Front
from kdray.results import State, TrialRecord

HEAD = ("trial", "state", "front", "rank", "knee", "front_probability", "step", "seconds")
TAIL = ("architecture", "reason")
BASELINE, RUNG, BASE, TEST = "reference", "rung", "trial.", "test."
CONFIRMS = "confirms"
_FORMULA = "=+-@\uff1d\uff0b\uff0d\uff20"
DERIVED = (BASE, TEST, "optimism.")
Row = dict[str, str]
Baselines = dict[str, dict[str, Any]]


def to_csv(
    front: Front,
    records: Sequence[TrialRecord],
    baselines: Mapping[str, Mapping[str, Any]] | None = None,
) -> str:
    """Every trial and baseline, a column for everything recorded and every setting."""
    rows = []
    for row, record in zip(formats.rows(front, records), records, strict=True):
        own = _settings(record) | _free_text("architecture", row) | _free_text("reason", row)
        rows += [row | own, *map(partial(_rung, record), record.rungs[:-1])]
    for name, metrics in (baselines or {}).items():
        record = TrialRecord(name, -1, "complete", {}, {}, (dict(metrics),))
        unseen = replace(record, rungs=(dict(metrics.get("test") or {}),))
        told = {TEST + part: number for part, number in formats.numbers(unseen).items()}
        rows.append({"trial": _text(name), "state": BASELINE, **_numbers(record), **told})
    names = dict.fromkeys(name for row in rows for name in row if name not in (*HEAD, *TAIL))
    own_columns = [name for name in names if not name.startswith(BASE)]
    columns = [*HEAD, *own_columns, *TAIL, *(name for name in names if name.startswith(BASE))]
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(map(_text, columns))
    writer.writerows([row.get(name, "") for name in columns] for row in rows)
    return out.getvalue()


def _rung(record: TrialRecord, rung: Mapping[str, Any]) -> dict[str, Any]:
    own = _numbers(replace(record, rungs=(dict(rung),)))
    return {"trial": record.key, "state": RUNG, "step": rung.get("step"), **own}


def _numbers(record: TrialRecord) -> dict[str, float]:
    return {name: number for name, number in formats.numbers(record).items() if name not in HEAD}


def _settings(record: TrialRecord) -> dict[str, str]:
    """Cells of the chosen settings, and of the rest of the trial."""
    parts = flat(record.overrides)  # a whole student was chosen with its parts
    rest = {path: value for path, value in flat(record.trial).items() if path not in parts}
    chosen = {path: _text(value) for path, value in record.overrides.items()}
    return chosen | {BASE + path: _text(value) for path, value in rest.items()}


def _free_text(column: str, row: Mapping[str, Any]) -> dict[str, str]:
    """A cell of text that may hold anything: csv itself leaves a bare carriage return outside quotes."""
    return {column: _text(row[column])} if row[column] else {}


def _text(setting: Any) -> str:
    if isinstance(setting, str) and _is_plain(setting) and not _is_json(setting):
        return setting
    return json.dumps(setting).replace(";", "\\u003b")


def _is_plain(text: str) -> bool:
    """Whether a cell may hold a text as it is. Spreadsheets run what begins with one of `_FORMULA`; some take a
    semicolon for the end of a cell; as JSON it begins with a quotation mark, and has none.
    """
    return text.isprintable() and text[:1] not in ("", *_FORMULA) and ";" not in text


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _setting(text: str) -> Any:
    return json.loads(text) if _is_json(text) else text


def read(location: str) -> tuple[list[TrialRecord], Baselines]:
    """Trials by number and baselines, of a table that `to_csv` wrote. Raises `DataError` in one line for another
    or a damaged one.
    """
    try:
        text = storage.read_bytes(location).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{location}: not CSV: {error}") from error
    return parse(text, location)


def parse(text: str, location: str) -> tuple[list[TrialRecord], Baselines]:
    """The same of text that came from `location`."""
    records: dict[str, TrialRecord] = {}
    baselines: Baselines = {}
    earlier: dict[str, list[dict[str, Any]]] = {}
    for where, row in _rows(text, location):
        name = str(_setting(row["trial"]))
        if row["state"] == RUNG:
            earlier.setdefault(name, []).append(_measured(row, where))
        elif name in records or name in baselines:
            raise DataError(f"{where}: '{name}' is there twice")
        elif row["state"] == BASELINE:
            unseen = _metrics(_of_test(row), where)
            baselines[name] = _metrics(row, where) | ({"test": unseen} if unseen else {})
        else:
            records[name] = _record(row, where)
    for name, rungs in earlier.items():
        if name not in records:
            raise DataError(f"{location}: a rung of '{name}', which is no trial there")
        records[name] = replace(records[name], rungs=(*rungs, *records[name].rungs))
    return sorted(records.values(), key=lambda record: record.number), baselines


def _rows(text: str, location: str) -> Iterator[tuple[str, Row]]:
    """(where, cells by column) of each line."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        heads = [str(_setting(name)) for name in next(reader, [])]
        if missing := [name for name in (*HEAD, *TAIL) if name not in heads]:
            raise DataError(
                f"{location}: not a table of `kdray pareto --csv` (it has no column '{missing[0]}')"
            )
        if twice := [name for name in heads if heads.count(name) > 1]:
            raise DataError(f"{location}: two columns are called '{twice[0]}'")
        for cells in reader:
            where = f"{location}: line {reader.line_num}"
            if len(cells) != len(heads):
                raise DataError(f"{where}: {len(cells)} cells, not {len(heads)}")
            yield where, all_renamed(dict(zip(heads, cells, strict=True)))
    except csv.Error as error:
        raise DataError(f"{location}: not CSV: {error}") from error


def _record(row: Row, where: str) -> TrialRecord:
    if not (key := re.fullmatch(r"t(\d+)", row["trial"])):
        raise DataError(f"{where}: trial is '{row['trial']}', not like t0007")
    if row["state"] not in get_args(State):
        known = ", ".join((*get_args(State), RUNG, BASELINE))
        raise DataError(f"{where}: state is '{row['state']}', known: {known}")
    chosen = {path: _setting(text) for path, text in row.items() if text and _is_setting(path)}
    rest = {
        path.removeprefix(BASE): _setting(text)
        for path, text in row.items()
        if text and path.startswith(BASE)
    }
    last = _measured(row, where)
    return TrialRecord(
        key=row["trial"],
        number=int(key.group(1)),
        state=cast(State, row["state"]),
        overrides=chosen,
        trial=_nested(rest | flat(chosen), where),
        rungs=(last,) if last else (),
        reason=str(_setting(row["reason"])),
        seconds=float(_number(row["seconds"] or "0", "seconds", where)),
        test=_metrics(_of_test(row), where),
        confirms=row.get(CONFIRMS, ""),
    )


def _of_test(row: Row) -> Row:
    return {name.removeprefix(TEST): text for name, text in row.items() if name.startswith(TEST)}


def _is_setting(column: str) -> bool:
    return column.partition(".")[0] in Trial.model_fields


def _nested(settings: Mapping[str, Any], where: str) -> dict[str, Any]:
    trial: dict[str, Any] = {}
    for path, value in settings.items():
        if value is None:
            continue  # another family's field, which the trial does not have
        if isinstance(value_at(trial, path), dict):
            raise DataError(f"{where}: '{path}' is a setting and has parts")
        try:
            put(trial, path, value)
        except ValueError as error:
            raise DataError(f"{where}: '{error}' is a setting and has parts") from None
    return trial


def _measured(row: Row, where: str) -> dict[str, Any]:
    """A rung; empty where the row holds none."""
    if not re.fullmatch(r"\d*", row["step"]):
        raise DataError(f"{where}: step is '{row['step']}', not a whole number")
    step = {"step": int(row["step"])} if row["step"] else {}
    return {**step, **_metrics(row, where)}


def _metrics(row: Row, where: str) -> dict[str, Any]:
    """Numbers of a row, with `intervals` where there are any."""
    metrics = {
        name: _number(text, name, where)
        for name, text in row.items()
        if text
        and name not in (*HEAD, *TAIL, CONFIRMS)
        and not _is_setting(name)
        and not name.startswith(DERIVED)
    }
    ends = {name: (metrics.get(f"{name}_low"), metrics.get(f"{name}_high")) for name in metrics}
    intervals = {name: [low, high] for name, (low, high) in ends.items() if None not in (low, high)}
    for name in intervals:
        del metrics[f"{name}_low"], metrics[f"{name}_high"]
    return {**metrics, "intervals": intervals} if intervals else dict(metrics)


def _number(text: str, column: str, where: str) -> float:
    try:
        return int(text) if re.fullmatch(r"-?\d+", text) else float(text)
    except ValueError:
        raise DataError(f"{where}: {column} is '{text}', not a number") from None
