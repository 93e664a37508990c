"""The end of a sweep: references, front, report, what to try next, and the exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from kdray.config import Sweep
from kdray.console import near, say, stage
from kdray.launch.pipeline import Launched, launch
from kdray.launch.references import references
from kdray.launch.summary import front_of, summary
from kdray.storage import join

Show = Callable[[str], None]


def launch_and_finish(
    sweep: Sweep,
    *,
    resume: bool,
    fork: str | None = None,
    address: str | None = None,
    as_json: bool,
    show: Show,
) -> None:
    """Runs a sweep, in a Ray of its own or in the one at `address`, and reports it; `fork` is the folder of an
    older one whose trials it knows.
    """
    launched = launch(sweep, resume=resume, fork=fork, address=address)
    with stage("baselines") as advance:
        marks = references(launched.sweep, launched.folder, advance)
    finish(launched, marks, as_json=as_json, show=show)


def finish(launched: Launched, marks: Mapping[str, Mapping[str, Any]], *, as_json: bool, show: Show) -> None:
    """Writes the HTML, prints front or summary; exits with 1 where the sweep did not reach what was asked."""
    from kdray.handover.unseen import judge_unseen
    from kdray.report import html
    from kdray.report.show import table_text
    from kdray.results import experiment, read

    if launched.sweep.trial.test_suite is not None:
        with stage("test", launched.seconds) as advance:
            judge_unseen(launched.folder, advance)
        launched.records = read(launched.folder)
    found = front_of(launched)
    page = join(launched.folder, "front.html")
    html.write(page, experiment(launched.folder), found)
    if as_json:
        show(json.dumps(summary(launched, marks), indent=1))
    else:
        show(table_text(found, launched.records, marks))
    name = launched.sweep.name
    total = sum(launched.seconds.values())
    spent = "  ".join(f"{stage_name} {value:.0f} s" for stage_name, value in launched.seconds.items())
    say(f"\n{spent}  together {total:.0f} s\nreport    {near(page)}")
    say(f"next      kdray pareto {name} --csv trials.csv")
    say(f"          kdray status {name}")
    say(f"          kdray shards show {near(launched.sweep.trial.shards)}")
    done = sum(record.state in ("complete", "pruned", "failed") for record in launched.records)
    complete = sum(record.state == "complete" for record in launched.records)
    if done < launched.sweep.search.trials or not complete:
        say(f"kdray: {done} of {launched.sweep.search.trials} trials ended, {complete} of them complete")
        sys.exit(1)
