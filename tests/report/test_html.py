"""The page as text: whole, self-contained, and data that cannot become code."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import re

import pytest

from kdray import __version__, results
from kdray.report import html
from kdray.report.about import about, links
from kdray.report.front import front
from kdray.report.student_data import POINTS, loss_curves, shared_cases
from tests.report.simulated import HOSTILE, simulate


@pytest.fixture(scope="session")
def page(experiment, found):
    return html.render(experiment, found)


def block(page, opening):
    """What stands between an opening tag and the next `</script>` or `</style>`, as a browser reads it."""
    start = page.index(opening) + len(opening)
    return page[start : re.search(r"</(script|style)", page[start:]).start() + start]


def data_of(page):
    return json.loads(block(page, '<script type="application/json" id="data">'))


def test_the_page_names_every_trial_and_the_front(page, experiment, found):
    data = data_of(page)
    assert data["trials"]["number"] == [record.number for record in experiment.records]
    assert [experiment.records[i].key for i in data["front"]] == [member.key for member in found.members]
    assert data["hypervolume"] == pytest.approx(found.hypervolume, rel=1e-5)
    assert experiment.records[data["knee"]].key == found.candidates[found.knee].key
    assert {reference["name"] for reference in data["references"]} == set(experiment.baselines)


def test_the_policy_allows_this_script_and_this_style_and_nothing_else(page):
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page).group(1)
    assert policy.startswith("default-src 'none'; ")
    for opening in ("<script>", "<style>"):
        digest = base64.b64encode(hashlib.sha256(block(page, opening).encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert page.index("Content-Security-Policy") < page.index("<style>")


def test_the_page_asks_for_nothing(page):
    without_namespace = page.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(
        r"https?://|\bsrc=|@import|url\(|fetch\(|XMLHttpRequest|WebSocket|import\(", without_namespace
    )


def test_the_script_never_turns_text_into_markup(page):
    script = block(page, "<script>")
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", script
    )


def test_hostile_text_stays_text(tmp_path):
    experiment = results.experiment(simulate(tmp_path / "x", 12, hostile=True))
    page = html.render(experiment, front(experiment.records, experiment.sweep.objectives))
    data = data_of(page)
    assert HOSTILE in data["trials"]["settings"]["corpus"]
    assert HOSTILE in data["trials"]["reason"].values()
    assert data["cases"]["of"]
    assert all(case["source"] == HOSTILE for case in data["cases"]["all"])
    assert page.count("<script") == 2
    assert "<img" not in page
    assert "\u2028" not in page


def test_the_head_says_what_the_sweep_is_and_names_no_machine(tmp_path):
    folder = simulate(tmp_path / "x", 3)
    (folder / "driver.json").write_text(json.dumps({"since": 1_795_940_840.3}))
    experiment = results.experiment(folder)
    page = data_of(html.render(experiment, front(experiment.records, experiment.sweep.objectives)))
    told = dict(page["about"])
    assert told == {
        "task": "assertion",
        "corpus": "corpora/python",
        "begun": "2026-11-29",
        "kdray": __version__,
    }
    trial = experiment.sweep.trial.model_copy(update={"corpus": "/data/python"})
    sweep = experiment.sweep.model_copy(update={"trial": trial})  # its storage, `runs`, lies beside nothing
    assert ["corpus", "/data/python"] in about(dataclasses.replace(experiment, sweep=sweep))


def test_a_folder_that_is_named_as_a_file_uri_is_linked_as_its_path_is(tmp_path):
    folder = simulate(tmp_path / "x", 3)
    (folder / "trials" / "t0001" / "log.txt").write_text("began\n")
    experiment = results.experiment(folder)
    same = dataclasses.replace(experiment, folder=folder.as_uri())
    assert links(same, tmp_path / "a.html") == links(experiment, (tmp_path / "a.html").as_uri())
    assert links(same, tmp_path / "a.html") == {"base": "./x/", "logs": [1]}


def test_cases_of_several_students_are_written_once(experiment, found, page):
    data = data_of(page)
    named = [n for cases in data["cases"]["of"].values() for n, _ in cases]
    assert set(named) == set(range(len(data["cases"]["all"])))
    shared = shared_cases(
        {4: [{"source": "a", "student": "x"}], 7: [{"source": "a", "student": "y"}, {"source": "b"}]}
    )
    assert shared == {
        "all": [{"source": "a"}, {"source": "b"}],
        "of": {4: [[0, "x"]], 7: [[0, "y"], [1, None]]},
    }


def test_a_curve_is_thinned_and_without_one_the_rungs_make_it(experiment):
    curve = [[step, 1 / step] for step in range(1, 121)]
    one = dataclasses.replace(
        experiment.records[0], rungs=({"step": 120, "loss_curve": [*curve, "damage", [1]]},)
    )
    two = dataclasses.replace(one, rungs=({"step": 3, "train_loss": 2.0}, {"step": 9, "train_loss": 1.0}))
    thin, plain = loss_curves([one, two], [])
    assert len(thin) <= POINTS and thin[0] == curve[0] and thin[-1] == curve[-1]
    assert plain == [[3, 2.0], [9, 1.0]]


def test_placeholders_in_the_data_are_text_like_any_other():
    page = html.assemble({"name": "{{script}} {{style}}"})
    assert data_of(page) == {"name": "{{script}} {{style}}"}


def test_the_same_folder_gives_the_same_page(experiment, found, page):
    assert html.render(experiment, found) == page


def test_the_page_is_written_whole_and_links_from_where_it_lies(experiment, found, tmp_path):
    path = tmp_path / "new" / "front.html"
    html.write(path, experiment, found)
    page = path.read_text(encoding="utf-8")
    assert page == html.render(experiment, found, page=path)
    base = data_of(page)["links"]["base"]
    assert base.startswith("./../") and (path.parent / base).samefile(experiment.folder)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["front.html"]


def test_a_sweep_without_a_finished_trial_has_a_page(tmp_path):
    experiment = results.experiment(simulate(tmp_path / "x", 2, running=2))
    data = data_of(html.render(experiment, front(experiment.records, experiment.sweep.objectives)))
    assert data["front"] == []
    assert data["knee"] is None
    assert data["history"]["volume"] == []


def test_an_experiment_without_any_trial_has_a_page(tmp_path):
    experiment = results.experiment(simulate(tmp_path / "x", 0))
    assert data_of(html.render(experiment, front([], experiment.sweep.objectives)))["trials"]["number"] == []


def test_thousands_of_trials_stay_under_three_megabytes(tmp_path):
    experiment = results.experiment(simulate(tmp_path / "x", 1000, cases=0))
    page = html.render(experiment, front(experiment.records, experiment.sweep.objectives))
    assert len(page.encode()) < 3e6 * 1000 / 5000
