"""Trials in words and short numbers, the same in every output."""

from __future__ import annotations

import math
from collections.abc import Sequence

from kdray.report.front import interval, value
from kdray.results import TrialRecord

NOTHING = "\u2013"  # an en dash, where there is no value
COUNTS = ("params", "bytes", "flops")  # how a metric that is a large whole number ends
DEFINITIONS = {
    "agreement": "share of clean inputs that the student answers as its teacher does; more is better",
    "ece": "expected calibration error on variants: mean gap between confidence and accuracy; 0 is best",
    "teacher_ece": "the same of the teacher",
    "calibration_gap": "how far the student's calibration error is from its teacher's",
    "flips": "share of variants that the student itself answers otherwise than their clean input",
    "violating_share": "share of variants that violate at least one of the four relations to the teacher",
    "metamorphic_discrepancy": "mean over the four relations of the share of variants that violate it",
    "prediction_agreement_violated": "share of variants that student and teacher answer otherwise",
    "distribution_similarity_violated": "share of variants on which their distributions are far apart",
    "high_confidence_preservation_violated": "of variants that the teacher is sure of, the share it loses",
    "calibration_alignment_violated": "share of variants on which their confidences are far apart",
    "parse_rate": "share of assertions that parse, of tests that run here",
    "pass_rate": "share of assertions with which the test passes on the code as it is",
    "false_alarm_rate": "share of assertions that fail on the code as it is: sound code is taken for wrong",
    "kill_rate": "share of faults in the code under test that the assertion notices; see kdray/execution",
    "vacuous_rate": "share of assertions that pass and notice none of the faults",
    "kill_disagreement": "share of faults that one of student and teacher notices and the other does not",
    "variant_pass_rate": "share of answers to variants with which the changed test passes",
    "variant_kill_disagreement": "the same as kill_disagreement of answers to variants, in the changed test",
    "optimism": "how much better the student looked on the cases it was chosen by than on the test suite",
}
"""What a metric's name does not say by itself."""
ALPHA, TEMPERATURE = "distil.alpha", "distil.temperature"


def number(value: float | None, digits: int = 3) -> str:
    """A short decimal: 0.163, 12.5, 1,234; an en dash for nothing."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if value == int(value) and abs(value) >= 10:
        return f"{int(value):,}"
    size = max(0, digits - max(0, math.floor(math.log10(abs(value))))) if value else digits
    return f"{value:,.{size}f}"


def count(value: float | None) -> str:
    """A large count with its unit: 813 K, 6.29 M."""
    if value is None or not math.isfinite(value):
        return NOTHING
    for unit, scale in (("B", 1e9), ("M", 1e6), ("K", 1e3)):
        if abs(value) >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value:.0f}"


def with_interval(value: float, low: float, high: float) -> str:
    """`0.163 [.130-.201]` with an en dash, in one piece; the value alone where there is no interval."""
    return number(value) if math.isnan(low) else f"{number(value)} [{_bare(low)}{NOTHING}{_bare(high)}]"


def _bare(value: float) -> str:
    """Without the nought before the point."""
    return number(value).removeprefix("0") if 0 < value < 1 else number(value)


def mean_and_ends(values: Sequence[float], digits: int = 3) -> str:
    """`0.300 (0.200-0.400)` with an en dash: the mean, and the least and the most where there are several."""
    mean = number(sum(values) / len(values), digits)
    if len(values) == 1:
        return mean
    least, most = (number(end, digits) for end in (min(values), max(values)))
    return f"{mean} ({least}{NOTHING}{most})"


def metric(record: TrialRecord, name: str) -> str:
    """A metric of the last rung with its 95 % interval.

    Whole counts of parameters or bytes with their unit.
    """
    measured = value(record, name)
    if name.endswith(COUNTS):
        return count(measured)
    return with_interval(measured, *interval(record, name))


def metric_alone(record: TrialRecord, name: str) -> str:
    """The same without its interval."""
    measured = value(record, name)
    return count(measured) if name.endswith(COUNTS) else number(measured)


def architecture(record: TrialRecord) -> str:
    """The student in a few signs: `llama 4x160 h4 ff512` (layers x hidden, heads, feed-forward), and `bpe1000`
    where its vocabulary is its own.

    May be empty.
    """
    # What a student of the teacher's own family does not say is the teacher's.
    student = {key: said for key, said in (record.setting("student") or {}).items() if said is not None}
    stacks = [
        str(student[f"{stack}_layers"]) for stack in ("encoder", "decoder") if f"{stack}_layers" in student
    ]
    if "checkpoint" in student:
        return f"from {str(student['checkpoint']).rstrip('/').rpartition('/')[2]}"
    layers = student.get("layers", "+".join(stacks))
    parts = [
        str(student.get("family", "")),
        f"{layers}x{student['hidden']}" if "hidden" in student else str(layers),
    ]
    parts += [
        f"{sign}{student[key]}" for sign, key in (("h", "heads"), ("ff", "feed_forward")) if key in student
    ]
    if student.get("tokenizer", "teacher") != "teacher":
        parts.append(f"{student['tokenizer']}{student['vocab']}")
    return " ".join(part for part in parts if part)


def title(name: str) -> str:
    """A metric or path for a reader: `assertion accuracy`, `alpha`."""
    return name.rsplit(".", 1)[-1].replace("_", " ")
