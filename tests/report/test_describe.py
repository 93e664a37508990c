"""Numbers and settings in words."""

from __future__ import annotations

import math

from kdray.report import describe
from kdray.report.describe import mean_and_ends
from kdray.results import TrialRecord


def test_a_mean_names_the_ends_where_there_are_several():
    assert mean_and_ends([0.25]) == "0.250"
    assert mean_and_ends([0.2, 0.4]) == "0.300 (0.200\u20130.400)"


def test_numbers_are_short_and_never_lie_about_nothing():
    assert [describe.number(x) for x in (0.1634, 12.53, 1234.0, 0.0, math.nan, None)] == [
        "0.163", "12.53", "1,234", "0.000", "\u2013", "\u2013",
    ]  # fmt: skip
    assert [describe.count(x) for x in (950, 812_993, 6_291_456, 2.5e9)] == [
        "950",
        "813 K",
        "6.29 M",
        "2.5 B",
    ]


def test_architectures_of_both_families_are_named():
    t5 = {
        "family": "t5",
        "encoder_layers": 2,
        "decoder_layers": 1,
        "hidden": 64,
        "heads": 2,
        "feed_forward": 96,
    }
    assert (
        describe.architecture(TrialRecord("t0000", 0, "complete", {}, {"student": t5}, ()))
        == "t5 2+1x64 h2 ff96"
    )
    own = {"family": "llama", "layers": 2, "hidden": 64, "tokenizer": "word", "vocab": 500}
    record = TrialRecord("t0000", 0, "complete", {}, {"student": own}, ())
    assert describe.architecture(record) == "llama 2x64 word500"
    own = {"family": "teacher", "layers": 6, "hidden": None, "heads": None, "encoder_layers": None}
    assert describe.architecture(TrialRecord("t0000", 0, "complete", {}, {"student": own}, ())) == "teacher 6"
    assert describe.architecture(TrialRecord("t0000", 0, "complete", {}, {}, ())) == ""
