"""Rows with figures known beforehand, and source that means harm."""

from __future__ import annotations

from kdray.metamorphic.attacks.measure import Damage
from kdray.metamorphic.compare_models.result import Column, Duel, Mimicry
from kdray.metamorphic.discrepancy import Rate
from kdray.metamorphic.relations import RELATIONS
from kdray.metamorphic.worst import WorstCase

HOSTILE = '</pre></script><script>alert(1)</script><img src=x onerror="alert(2)">`````\n| a | b |'


def column(name, hits, total, is_attack=False):
    rates = {relation: Rate(hits, total) for relation in RELATIONS}
    rates["high_confidence_preservation"] = Rate(0, 0)
    return Column(name, is_attack, total, rates, Rate(hits, total))


def damage(flipped, clean=0.8):
    return Damage(40, 32, flipped, clean, clean - flipped / 40, 12.0 if flipped else float("nan"), 0.5, 0.1)


def comparison(text="student", **changes):
    worst = WorstCase(
        "rename_variable", ("prediction_agreement",), text, f"@@ -1 +1 @@\n-{text}\n+{text}", text, text, text,
        text, 1.5,
    )  # fmt: skip
    base = {
        "teacher": "teacher", "student": text, "technique": text, "task": "clone", "cases": 40, "variants": 62,
        "metrics": {"teacher": {"accuracy": 0.95}, "student": {"accuracy": 0.9}}, "discrepancy": 0.25,
        "interval": (0.2, 0.3), "rates": {r: Rate(10, 40) for r in RELATIONS},
        "clean_rates": {r: Rate(1, 40) for r in RELATIONS}, "violating": Rate(12, 40), "calibration_gap": 0.125,
        "flips": {"teacher": Rate(1, 40), "student": Rate(4, 40)},
        "columns": (column("comments", 20, 40), column("permute", 2, 2), column("alert", 15, 20, True)),
        "curves": {"calibration_alignment": ((0.1, Rate(3, 40)), (0.2, Rate(0, 0)))},
        "duels": (Duel("alert", damage(4), damage(12)), Duel("mhm", damage(0), damage(3))), "worst": (worst,),
    }  # fmt: skip
    return Mimicry(**{**base, **changes})
