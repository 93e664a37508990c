"""Tables of settings and of picking, from folders and from tables, and what a user may get wrong."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import stdtrit
from scipy.stats import ttest_rel

from kdray.errors import ConfigError, DataError
from kdray.report.compare import by_settings
from kdray.report.compare.pool import groups, labels, pool, references, titles
from kdray.report.compare.settings import mean, metric_title
from kdray.report.csv_table import to_csv
from kdray.report.describe import NOTHING
from kdray.report.front import front
from kdray.report.sources import Source
from kdray.results import TrialRecord

BOTH = {"assertion_accuracy": "max", "metamorphic_discrepancy": "min"}


def trial(
    number, alpha, seed, accuracy, discrepancy, half=0.04, shards="runs/d/head", state="complete", **more
):
    """A made-up student; `half` is that of its accuracy's interval."""
    settings = {"distil": {"alpha": alpha, "temperature": 1.0}, "seed": seed, "shards": shards}
    chosen = {"distil.alpha": alpha, "seed": seed, "shards": shards}
    rung = {
        "step": 9, "assertion_accuracy": accuracy, "metamorphic_discrepancy": discrepancy,
        "student_params": 1_000_000,
        "intervals": {"assertion_accuracy": [accuracy - half, accuracy + half]}, **more,
    }  # fmt: skip
    return TrialRecord(f"t{number:04d}", number, state, chosen, settings, (rung,))


GRID = [
    trial(0, 0.5, 0, 0.30, 0.5),
    trial(1, 0.5, 1, 0.32, 0.6),
    trial(2, 0.5, 2, 0.31, 0.4),
    trial(3, 0.0, 0, 0.20, 0.7),
    trial(4, 0.0, 1, 0.99, 0.7, state="pruned"),
]
TEACHER = {"teacher": {"assertion_accuracy": 0.4, "intervals": {"assertion_accuracy": [0.37, 0.43]}}}


def table(tmp_path, records=GRID, references=TEACHER, name="grid"):
    """Written as a table; its path."""
    path = tmp_path / f"{name}.csv"
    path.write_text(to_csv(front(records, BOTH), records, references), newline="")
    return str(path)


def ask(locations, **changes):
    asked = {
        "by": None,
        "show": None,
        "near": None,
        "against": None,
        "objectives": None,
        "where": (),
        "form": "markdown",
    }
    return by_settings.report(locations, **{**asked, **changes})


def test_a_row_is_a_combination_and_references_stand_below(tmp_path):
    said = ask([table(tmp_path)], by="distil.alpha", show="assertion_accuracy,student_params")
    lines = said.splitlines()
    assert lines[0] == "| alpha | trials | assertion accuracy ↑ | student params ↓ |"
    assert lines[2] == f"| 0 | 1 | 0.200 [.160{NOTHING}.240] | 1 M |"  # one seed: its own interval
    assert lines[3].startswith("| 0.5 | 3 | 0.310 [")
    assert lines[4] == f"| teacher | {NOTHING} | 0.400 [.370{NOTHING}.430] | {NOTHING} |"
    assert lines[6] == "mean over trials [95 %, cases and training seeds]"


def test_the_interval_holds_the_cases_of_one_trial_and_the_seeds_over_their_number():
    found = mean(GRID[:3], "assertion_accuracy")
    cases, seeds = (0.04 / 1.959964) ** 2, 0.01**2 / 3
    half = stdtrit(2 * (cases + seeds) ** 2 / seeds**2, 0.975) * math.sqrt(cases + seeds)
    assert found.value == pytest.approx(0.31)
    assert found.high - found.value == pytest.approx(half)
    assert found.value - found.low == pytest.approx(half)


def test_where_no_cases_were_drawn_it_is_the_interval_of_t_over_the_seeds():
    found = mean(GRID[:3], "metamorphic_discrepancy")
    assert found.high - found.value == pytest.approx(stdtrit(2, 0.975) * 0.1 / math.sqrt(3))


def test_more_seeds_never_make_the_draw_of_cases_any_surer():
    alike = [trial(n, 0.5, n, 0.3, 0.5) for n in range(200)]
    found = mean(alike, "assertion_accuracy")
    assert found.high - found.value == pytest.approx(0.04)


def test_an_interval_is_cut_where_shares_end_and_absent_where_nothing_is_known():
    wide = mean([trial(0, 0.5, 0, 0.1, 0.2), trial(1, 0.5, 1, 0.9, 0.2)], "assertion_accuracy")
    assert (wide.low, wide.high) == (0.0, 1.0)
    sizes = mean(GRID[:3], "student_params")
    assert (sizes.value, math.isnan(sizes.low)) == (1e6, True)
    assert mean([trial(0, 0.5, 0, 0.1, 0.2)], "metamorphic_discrepancy").each == [0.2]
    assert math.isnan(mean(GRID[:3], "ece").value)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    # Truth .3; 400 cases, most of them hard or easy for all seeds; 3 seeds that move each a little.
    random, covered = np.random.default_rng(0), 0
    for _ in range(400):
        difficulty_N = random.beta(0.09, 0.21, 400)
        share_S = 0.3 + random.normal(0, 0.02, 3)
        hits_SN = random.random((3, 400)) < np.clip(difficulty_N + (share_S - 0.3)[:, None], 0, 1)
        accuracy_S = hits_SN.mean(axis=1)
        half_S = 1.96 * np.sqrt(accuracy_S * (1 - accuracy_S) / 400)
        rows = [trial(n, 0.5, n, a, 0.5, h) for n, (a, h) in enumerate(zip(accuracy_S, half_S, strict=True))]
        found = mean(rows, "assertion_accuracy")
        covered += found.low <= 0.3 <= found.high
    assert covered / 400 >= 0.93  # a standard error of .011 around .95 or more


def test_folders_and_tables_are_pooled_and_a_repetition_counts_once(tmp_path):
    other = [trial(0, 0.5, 0, 0.30, 0.5), trial(1, 0.9, 0, 0.25, 0.5)]
    found = [table(tmp_path), table(tmp_path, other, {}, "other")]
    data = json.loads(ask(found, by="distil.alpha", form="json"))
    assert [(row["settings"]["distil.alpha"], row["trials"]) for row in data["rows"]] == [
        (0, 1),
        (0.5, 3),
        (0.9, 1),
    ]
    assert data["repeated"] == 1
    assert data["show"] == list(BOTH)
    assert data["rows"][1]["metrics"]["assertion_accuracy"]["each"] == [0.30, 0.32, 0.31]
    assert "left out as repetitions, settings and seed alike: 1" in ask(found, by="distil.alpha")


def test_what_else_varies_within_a_row_is_named(tmp_path):
    said = ask([table(tmp_path)], by="seed")
    assert "trials of a row also differ in distil.alpha" in said


def test_filters_take_metrics_and_settings(tmp_path):
    found = table(tmp_path)
    said = ask([found], by="seed", where=["distil.alpha == 0.5", "assertion_accuracy > 0.305"])
    assert [line.split(" | ")[0] for line in said.splitlines()[2:4]] == ["| 1", "| 2"]
    with pytest.raises(ConfigError, match=r"did you mean 'distil\.alpha'"):
        ask([found], by="seed", where=["distil.alhpa == 0.5"])
    with pytest.raises(ConfigError, match="no complete trial keeps the filters"):
        ask([found], by="seed", where=["distil.alpha == 7"])


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ("shards == full", [1]),
        ("shards == runs/d/full", [1]),
        ("shards != full", [0]),
        ("shards != runs/d/full", [0]),
        ("distil.alpha != 0.5", [1]),
        ("ece < 1", [0]),  # the other has none
        ("ece != 7", [0]),
    ],
)
def test_a_filter_of_text_takes_a_path_or_its_last_part(where, kept):
    records = [trial(0, 0.5, 0, 0.3, 0.5, ece=0.2), trial(1, 0.9, 0, 0.3, 0.5, shards="runs/d/full")]
    assert [record.number for record in pool([Source("a", records, {}, BOTH)], [where]).records] == kept


def test_a_number_is_not_compared_with_text():
    with pytest.raises(ConfigError, match="is not like"):
        pool([Source("a", GRID, {}, BOTH)], ["student_params == many"])


def test_rows_are_in_the_order_of_their_values_and_metrics_are_settings_too():
    records = [trial(n, alpha, n, 0.1, 0.2) for n, alpha in enumerate([10, 9, None, "x", 0.5])]
    assert [values[0] for values in groups(records, ["distil.alpha"])] == [0.5, 9, 10, "x", None]
    assert list(groups(records, ["student_params"])) == [(1_000_000,)]


def test_paths_are_shown_by_their_last_part_where_that_tells_them_apart():
    assert labels(["runs/d/head", "runs/d/full"]) == ["head", "full"]
    assert labels(["runs/d/head", "runs/e/head"]) == ["runs/d/head", "runs/e/head"]
    assert labels([0.1, 2, None, True]) == ["0.1", "2", NOTHING, "true"]
    assert metric_title("clean_prediction_agreement") == "violated: clean prediction agreement ↓"
    assert metric_title("agreement") == "agreement ↑"
    assert titles(["distil.alpha", "seed"]) == ["alpha", "seed"]
    assert titles(["student.layers", "teacher.layers"]) == ["student.layers", "teacher.layers"]


def test_references_of_one_name_and_different_values_say_whose_they_are():
    sources = [
        Source(name, GRID, {"teacher": {"assertion_accuracy": accuracy, "seconds": at}, "none": {}}, BOTH)
        for at, (name, accuracy) in enumerate((("x/a.csv", 0.4), ("b", 0.4), ("runs/c", 0.5)))
    ]
    assert list(references(sources, ["assertion_accuracy"])) == ["teacher (a)", "teacher (c)"]
    assert list(references(sources[:2], ["assertion_accuracy"])) == ["teacher"]  # other numbers do not matter
    assert references(sources, ["ece"]) == {}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"by": "distil.alpah"}, "--by: no setting or metric 'distil.alpah', did you mean 'distil.alpha'"),
        ({"by": "seed", "show": "asertion_accuracy"}, "did you mean 'assertion_accuracy'"),
        ({"by": "seed,seed"}, "--by: 'seed' is named twice"),
        ({"show": "assertion_accuracy"}, "--show needs --by"),
        ({"by": ","}, "needs --by"),
        ({"near": 0.01, "show": "ece"}, "--show belongs to --by without --near"),
        ({"near": 0.01, "against": "seed=0"}, "--against belongs to --by without --near"),
        ({"against": "seed=0"}, "--against needs --by"),
        ({"by": "seed", "against": "seed"}, "--against: 'seed' is not like distil.alpha=0"),
        ({"by": "seed", "against": "sede=0"}, "--against: 'sede' is not in --by, did you mean 'seed'"),
        ({"by": "seed", "against": "seed=7"}, "--against: no row has seed '7'"),
        ({"by": "seed", "against": "seed=0", "svg": "x.svg"}, "--svg draws the values themselves"),
        ({"near": 0.01, "svg": "x.svg"}, "--svg belongs to --by without --near"),
        ({"by": "shards", "svg": "x.svg"}, "--svg: shards is not a number everywhere"),
        ({"near": -1.0}, "--near -1"),
        ({"near": 0.01, "objectives": "assertion_accuracy:max"}, "one objective to maximise and one to minimise"),
        ({"near": 0.01, "by": "sede"}, "did you mean 'seed'"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(tmp_path, changes, said):
    with pytest.raises(ConfigError) as raised:
        ask([table(tmp_path)], **changes)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_table_of_settings_is_drawn_a_line_for_each_of_the_others(tmp_path):
    path = tmp_path / "alpha.svg"
    said = [*GRID, trial(5, 0.5, 0, 0.1, 0.5, shards="runs/d/full")]
    ask(
        [table(tmp_path, said)],
        by="distil.alpha,shards",
        show="assertion_accuracy,student_params",
        svg=str(path),
    )
    root = ET.fromstring(path.read_text())  # noqa: S314 - our own text
    texts = [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"alpha", "assertion accuracy ↑", "shards head", "shards full", "0", "0.5"} <= set(texts)
    dots = root.findall("{http://www.w3.org/2000/svg}circle")
    heights = [float(dot.get("cy")) for dot in dots]  # head at 0 and at .5, then full at .5
    assert heights[1] < heights[0] < heights[2]
    assert float(dots[0].get("cx")) < float(dots[1].get("cx"))


def test_metrics_over_one_setting_are_a_line_each(tmp_path):
    path = tmp_path / "both.svg"
    ask(
        [table(tmp_path)], by="distil.alpha", show="assertion_accuracy,metamorphic_discrepancy", svg=str(path)
    )
    root = ET.fromstring(path.read_text())  # noqa: S314 - our own text
    texts = [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"assertion accuracy ↑", "metamorphic discrepancy ↓"} <= set(texts)
    assert len(root.findall("{http://www.w3.org/2000/svg}path")) == 2


def test_differences_are_those_of_the_same_seed_with_students_interval(tmp_path):
    said = [
        *(trial(n, 0.0, seed, 0.20 + 0.05 * seed, 0.5) for n, seed in enumerate((0, 1, 2))),
        *(trial(3 + seed, 0.5, seed, 0.21 + 0.06 * seed, 0.4) for seed in (2, 0, 1)),
        trial(6, 0.9, 2, 0.40, 0.4),
        trial(7, 0.9, 3, 0.99, 0.4),  # of a seed that the baseline has not
    ]
    asked = {"by": "distil.alpha", "show": "assertion_accuracy", "against": "distil.alpha=0"}
    found = json.loads(ask([table(tmp_path, said)], form="json", **asked))
    none, half, most = (row["metrics"]["assertion_accuracy"] for row in found["rows"])
    exact = ttest_rel([0.21, 0.27, 0.33], [0.20, 0.25, 0.30]).confidence_interval()
    assert (half["mean"], half["low"], half["high"]) == pytest.approx((0.02, *exact))
    assert (most["mean"], most["low"]) == (pytest.approx(0.10), None)
    assert none["each"] == []
    lines = ask([table(tmp_path, said)], **asked).splitlines()
    assert lines[0] == "| alpha | seeds | assertion accuracy ↑ |"
    assert [line.split(" | ")[:2] for line in lines[2:4]] == [["| 0.5", "3"], ["| 0.9", "1"]]
    assert lines[3] == "| 0.9 | 1 | +0.1000 |"
    equal = [trial(n, alpha, n % 2, 0.25 * alpha, 0.5) for n, alpha in enumerate((0.0, 0.0, 1.0, 1.0))]
    assert ask([table(tmp_path, equal)], **asked).splitlines()[2] == "| 1 | 2 | +0.2500 |"


def test_a_baseline_keeps_the_settings_that_it_does_not_name(tmp_path):
    said = [
        trial(0, 0.1, 0, 0.2, 0.5), trial(1, 0.5, 0, 0.3, 0.5),
        trial(2, 0.1, 0, 0.21, 0.5, shards="runs/d/full"), trial(3, 0.5, 0, 0.33, 0.5, shards="runs/d/full"),
    ]  # fmt: skip
    asked = {"by": "distil.alpha,shards", "show": "assertion_accuracy"}
    lines = ask([table(tmp_path, said)], against="shards=head", **asked).splitlines()
    assert lines[2:4] == ["| 0.1 | full | 1 | +0.0100 |", "| 0.5 | full | 1 | +0.0300 |"]
    lines = ask([table(tmp_path, said)], against="shards=head,distil.alpha=0.1", **asked).splitlines()
    assert lines[2:5] == [
        "| 0.1 | full | 1 | +0.0100 |", "| 0.5 | full | 1 | +0.1300 |", "| 0.5 | head | 1 | +0.1000 |",
    ]  # fmt: skip


def test_learning_curves_are_rows_by_step_from_folders_tables_and_teachers(tmp_path):
    first = {"step": 3, "assertion_accuracy": 0.1, "metamorphic_discrepancy": 0.9}
    records = [replace(one, rungs=(first, *one.rungs)) for one in GRID]
    found = ask([table(tmp_path, records)], by="step,distil.alpha", show="assertion_accuracy").splitlines()
    assert found[0].startswith("| step | alpha | trials |")
    assert found[2].startswith("| 3 | 0 | 1 | 0.100 ")
    assert found[5].startswith("| 9 | 0.5 | 3 | 0.310 [")
    (tmp_path / "training.json").write_text(
        json.dumps(
            {"recipe": {"seed": 0}, "seconds": 9.0, "learning_curve": [{"step": 5, "held_out_loss": 2.5}]}
        )
    )
    assert "| 5 | 1 | 2.500 |" in ask([str(tmp_path)], by="step", show="held_out_loss")
    (tmp_path / "training.json").write_text("{}")
    with pytest.raises(DataError, match="no field 'recipe'"):
        ask([str(tmp_path)], by="step", show="held_out_loss")


def test_a_table_named_twice_is_refused(tmp_path):
    found = table(tmp_path)
    with pytest.raises(ConfigError, match="is named twice"):
        ask([found, found], by="seed")


def test_picking_by_accuracy_alone_is_priced_on_other_seeds(tmp_path):
    # Alpha 0.9 is as accurate as 0.5 within a point, and always mimics better by 0.2.
    records = [
        trial(2 * seed + at, alpha, seed, accuracy, discrepancy)
        for seed in range(3)
        for at, (alpha, accuracy, discrepancy) in enumerate([(0.5, 0.305, 0.6), (0.9, 0.300, 0.4)])
    ]
    (group,) = json.loads(ask([table(tmp_path, records)], near=0.01, form="json"))["groups"]
    assert (group["name"], group["students"], group["discrepancies"]) == ("all", 6, [0.4] * 3 + [0.6] * 3)
    assert (group["configurations"], group["seeds"]) == (2, 3)
    assert group["cost"]["discrepancy"]["mean"] == pytest.approx(0.2)
    assert group["cost"]["accuracy"]["mean"] == pytest.approx(0.005)
    assert group["cost"]["p_value"] == 1 / 8  # of 2 ** 3 orders only the measured one pays as much
    said = ask([table(tmp_path, records)], near=0.01)
    assert f"| their metamorphic discrepancy: median | {0.5:.3f} |" in said
    assert "kdray's own" in said


def test_groups_of_students_are_priced_apart_and_without_seeds_it_says_so(tmp_path):
    records = [*GRID, trial(5, 0.5, 0, 0.4, 0.2, shards="runs/d/full")]
    said = ask([table(tmp_path, records)], near=0.015, by="shards")
    assert (
        said.splitlines()[0] == "| within 0.015 of the best assertion accuracy | shards full | shards head |"
    )
    assert "no configuration has several seeds, so the cost cannot be tested: shards full" in said
    assert "| students, so near the best | 1, 1 | 4, 2 |" in said


def test_a_terminal_gets_the_same_cells(tmp_path):
    said = ask([table(tmp_path)], by="distil.alpha", form="text")
    assert f"0.200 [.160{NOTHING}.240]" in said
    assert "teacher" in said
