"""kdray in Python."""

import subprocess
import sys

import pandas
import pytest

import kdray
from kdray.config import load_sweep
from kdray.errors import ConfigError, DataError
from tests import world
from tests.report.simulated import simulate


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    return kdray.load(simulate(tmp_path_factory.mktemp("runs") / "mine", trials=24))


def test_import_kdray_loads_nothing_and_offers_its_three_names():
    code = (
        "import sys, kdray;"
        "heavy = {'torch', 'ray', 'optuna', 'pandas', 'pydantic', 'kdray.notebook'} & set(sys.modules);"
        "print(sorted(heavy), [name for name in dir(kdray) if name in ('launch', 'load', 'validate')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "['launch',", "'load',", "'validate']"]
    with pytest.raises(AttributeError, match="lod"):
        _ = kdray.lod  # type: ignore[attr-defined]


def test_load_itself_needs_no_torch_and_no_ray(mine):
    code = (
        f"import sys, kdray; frame = kdray.load({mine.folder!r}).to_dataframe();"
        "print(len(frame), sorted({'torch', 'ray', 'optuna'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["24", "[]"]


def test_a_row_has_settings_metrics_and_the_ends_of_their_intervals(mine):
    frame = mine.to_dataframe()
    assert list(frame.index) == [record.key for record in mine.trials]
    record = next(record for record in mine.trials if record.state == "complete")
    row = frame.loc[record.key]
    low, high = record.metrics["intervals"]["assertion_accuracy"]
    assert (row["assertion_accuracy_low"], row["assertion_accuracy"], row["assertion_accuracy_high"]) == (
        low,
        record.metrics["assertion_accuracy"],
        high,
    )
    assert row["distil.alpha"] == record.overrides["distil.alpha"]
    assert row["trial.optim.batch_size"] == record.trial["optim"]["batch_size"]
    assert frame["front"].sum() == len(mine.front()) > 0


def test_the_front_is_ordered_by_the_first_objective_and_takes_filters(mine):
    front = mine.front()
    assert front["assertion_accuracy"].is_monotonic_decreasing
    limit = front["student_params"].median()
    assert (mine.front(where=[f"student_params <= {limit}"])["student_params"] <= limit).all()
    assert len(mine.front("assertion_accuracy:max")) == 1


def test_the_best_is_named_by_knee_or_metric(mine):
    frame = mine.to_dataframe()
    assert frame.loc[mine.best().key, "knee"]
    complete = frame[frame["state"] == "complete"]
    assert mine.best("assertion_accuracy").key == complete["assertion_accuracy"].idxmax()
    with pytest.raises(ConfigError, match="did you mean 'assertion_accuracy'"):
        mine.best("assertion_acuracy")


def test_the_report_is_the_page_and_stands_in_a_frame_of_its_own(mine, tmp_path):
    page = mine.report()
    assert page.html.startswith("<!doctype html>") or page.html.startswith("<!DOCTYPE html>")
    page.save(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text() == page.html
    shown = page._repr_html_()
    assert shown.count("<") == 2  # the frame alone: nothing of the page runs in the notebook


def test_what_is_no_experiment_is_said_in_a_line(tmp_path):
    with pytest.raises(DataError, match="no experiment folder"):
        kdray.load(tmp_path)


def test_validate_takes_a_file_what_it_holds_or_a_sweep(small_world, tmp_path):
    data = world.sweep_data(small_world)
    assert kdray.validate(data) == kdray.validate(kdray.validate(data))
    with pytest.raises(ConfigError, match=r"distil.*did you mean"):
        kdray.validate(data | {"space": {"distil.alhpa": [0.0]}})
    with pytest.raises(ConfigError):
        load_sweep(str(tmp_path / "nothing.yaml"))


def test_a_sweep_is_launched_and_its_student_and_study_are_at_hand(small_world, tmp_path):
    data = world.sweep_data(small_world)
    data |= {"name": "here", "storage": str(tmp_path), "search": data["search"] | {"trials": 1}}
    done = kdray.launch(data)
    frame = done.to_dataframe()
    assert isinstance(frame, pandas.DataFrame) and list(frame.index) == ["t0000"]
    model, tokenizer = done.student(done.best().key)
    assert model.config.vocab_size >= len(tokenizer)
    assert done.study.trials[0].values == [frame.iloc[0][name] for name in done.experiment.sweep.objectives]
    assert (tmp_path / "here" / "front.html").exists()
    # What was said lies beside what came out, and every file has the mode that the umask leaves.
    assert "signal " in (tmp_path / "here" / "log.txt").read_text()
    assert "t0000 begins" in (tmp_path / "here" / "trials" / "t0000" / "log.txt").read_text()
    assert [step for step, _ in done.trials[0].metrics["loss_curve"]][-1] == done.trials[0].step
    (tmp_path / "plain").touch()
    usual = (tmp_path / "plain").stat().st_mode
    files = [path for path in (tmp_path / "here").rglob("*") if path.is_file()]
    assert [path for path in files if path.stat().st_mode != usual] == []
    assert "loss_curve" not in frame.columns
    with pytest.raises(ConfigError, match="here"):
        kdray.launch(data)
