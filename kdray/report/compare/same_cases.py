"""Whether what is compared answered the same cases; if not, a difference is partly that of the cases: said."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from kdray.report.front import complete
from kdray.results import TrialRecord

log = logging.getLogger(__name__)


def say_other_cases(records: Iterable[TrialRecord]) -> None:
    """A warning where trials were judged by different suites, or by different numbers of a suite's cases."""
    judged = [record for record in complete(records) if record.setting("suite")]
    if len(answered(judged)) > 1:
        named = sorted({_named(record) for record in judged})
        log.warning(
            "what is compared did not answer the same cases (%s): differences are partly those of the cases",
            "; ".join(named),
        )


def answered(records: Iterable[TrialRecord]) -> set[str]:
    """The different lists of cases: by fingerprints where each trial has one, else by names of suites."""
    records = list(records)
    prints = [(record.metrics.get("outcomes") or {}).get("of") for record in records]
    return {str(of) for of in prints} if all(prints) else {_named(record) for record in records}


def _named(record: TrialRecord) -> str:
    cases = record.setting("evaluation.cases")
    return f"{record.setting('suite')}" + (f", {cases} cases" if cases is not None else "")
