"""Shares of violations are called so, and what older files call them is read as the same."""

from kdray.config.metric_names import RELATIONS, all_renamed, renamed, violated
from kdray.report.payload import direction


def test_an_old_name_is_read_as_the_share_of_violations():
    for relation in RELATIONS:
        assert renamed(relation) == violated(relation) == f"{relation}_violated"
        assert renamed(f"clean_{relation}_low") == f"clean_{relation}_violated_low"


def test_other_names_and_new_ones_stay():
    metrics = {"agreement": 1, "prediction_agreement_violated": 2, "flips": 3}
    assert all_renamed(metrics) == metrics


def test_less_is_better_in_every_share_of_violations():
    assert {direction(f"{clean}{violated(one)}") for one in RELATIONS for clean in ("", "clean_")} == {"min"}
