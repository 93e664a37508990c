"""The end of a sweep: references, front, report, what to try next, and the exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kdray.config import OWN_VARIABLES, Sweep
from kdray.console import near, say, stage
from kdray.pipeline.launching import Launched, launch
from kdray.pipeline.references import references
from kdray.pipeline.summary import front_of, summary
from kdray.report.confirmed import asked
from kdray.storage import join

if TYPE_CHECKING:
    from kdray.report.front import Front

Show = Callable[[str], None]


def launch_and_finish(
    sweep: Sweep,
    *,
    resume: bool,
    fork: str | None = None,
    address: str | None = None,
    confirm: bool | None = None,
    allow_env: Sequence[str] = OWN_VARIABLES,
    as_json: bool,
    show: Show,
) -> None:
    """Runs a sweep, in a Ray of its own or in the one at `address`, and reports it; `fork` is the folder of an
    older one whose trials it knows, `confirm` turns `search.confirm` on or off, `allow_env` is what it may tell of
    the environment.
    """
    launched = launch(sweep, resume=resume, fork=fork, address=address, confirm=confirm, allow_env=allow_env)
    with stage("baselines") as advance:
        marks = references(launched.sweep, launched.folder, advance)
    finish(launched, marks, as_json=as_json, show=show)


def finish(launched: Launched, marks: Mapping[str, Mapping[str, Any]], *, as_json: bool, show: Show) -> None:
    """Writes the HTML, prints front or summary; exits with 1 where the sweep did not reach what was asked."""
    from kdray.report.show import table_text

    front, page = conclude(launched)
    if as_json:
        show(json.dumps(summary(launched, marks), indent=1))
    else:
        show(table_text(front, launched.records, marks))
    name = launched.sweep.name
    total = sum(launched.seconds.values())
    spent = "  ".join(f"{stage_name} {value:.0f} s" for stage_name, value in launched.seconds.items())
    say(f"\n{spent}  together {total:.0f} s\nreport    {near(page)}")
    say(f"next      kdray pareto {name} --csv trials.csv")
    say(f"          kdray status {name}")
    say(f"          kdray shards show {near(launched.sweep.trial.shards)}")
    done = sum(record.state in ("complete", "pruned", "failed") for record in launched.records)
    complete = sum(record.state == "complete" for record in launched.records)
    wanted = asked(launched.records, launched.sweep)
    if done < wanted or not complete:
        say(f"kdray: {done} of {wanted} trials ended, {complete} of them complete")
        sys.exit(1)


def conclude(launched: Launched) -> tuple[Front, str]:
    """Judges what will be shown on the test suite, where the sweep has one, and writes the report into the folder.

    Returns:
        The front, and where the report is.
    """
    from kdray.handover.unseen import judge_unseen
    from kdray.report import html
    from kdray.results import experiment, read

    if launched.sweep.trial.test_suite is not None:
        with stage("test", launched.seconds) as advance:
            judge_unseen(launched.folder, advance)
        launched.records = read(launched.folder)
    front, page = front_of(launched), join(launched.folder, "front.html")
    html.write(page, experiment(launched.folder), front)
    return front, page
