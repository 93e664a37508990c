"""Reading experiment folders: whole, running and damaged."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from kdray import results
from kdray.errors import DataError

SWEEP = {
    "name": "small",
    "trial": {
        "corpus": "c",
        "shards": "s",
        "student": {"family": "llama", "layers": 1, "hidden": 32, "heads": 2, "feed_forward": 64},
        "budget": {"steps": 20},
    },
    "space": {
        "distil.alpha": {"range": [0.0, 1.0]},
        "student.layers": [1, 2],
        "student.hidden": {"choices": [32, 64], "when": {"student.layers": 2}},
    },
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump(SWEEP))
    for number, (alpha, layers) in enumerate([(0.0, 1), (0.5, 2)]):
        trial = tmp_path / "trials" / f"t{number:04d}"
        trial.mkdir(parents=True)
        student = {**SWEEP["trial"]["student"], "layers": layers}
        (trial / "trial.yaml").write_text(
            yaml.safe_dump({**SWEEP["trial"], "student": student, "distil": {"alpha": alpha}})
        )
        rungs = [{"step": step, "assertion_accuracy": step / 100, "seconds": step} for step in (10, 20)]
        (trial / "results.jsonl").write_text("".join(json.dumps(rung) + "\n" for rung in rungs))
        (trial / "state.json").write_text(json.dumps({"state": "complete", "reason": "", "seconds": 21.5}))
    return tmp_path


def test_a_finished_sweep_is_read_whole(folder):
    first, second = results.read(folder)
    assert (first.key, first.number, first.state, first.seconds) == ("t0000", 0, "complete", 21.5)
    assert [rung["step"] for rung in first.rungs] == [10, 20]
    assert first.metrics["assertion_accuracy"] == 0.2
    assert second.trial["student"]["layers"] == 2


def test_an_older_files_shares_of_violations_are_read_under_the_names_that_say_so(folder):
    old = {"step": 20, "prediction_agreement": 0.6, "agreement": 0.4}
    old |= {"intervals": {"clean_calibration_alignment": [0.1, 0.2]}}
    old |= {"relations": {"rename": {"variants": 3, "distribution_similarity": 0.5}}}
    (folder / "trials/t0000/results.jsonl").write_text(json.dumps(old) + "\n")
    sweep = {**SWEEP, "objectives": {"agreement": "max", "prediction_agreement": "min"}}
    (folder / "sweep.yaml").write_text(yaml.safe_dump(sweep))
    found = results.experiment(folder)
    metrics = found.records[0].metrics
    assert (metrics["prediction_agreement_violated"], metrics["agreement"]) == (0.6, 0.4)
    assert metrics["intervals"] == {"clean_calibration_alignment_violated": [0.1, 0.2]}
    assert metrics["relations"] == {"rename": {"variants": 3, "distribution_similarity_violated": 0.5}}
    assert list(found.sweep.objectives) == ["agreement", "prediction_agreement_violated"]


def test_overrides_are_the_paths_of_the_space_whose_condition_holds(folder):
    first, second = results.read(str(folder))
    assert first.overrides == {"distil.alpha": 0.0, "student.layers": 1}
    assert second.overrides == {"distil.alpha": 0.5, "student.layers": 2, "student.hidden": 32}


def test_a_student_chosen_as_a_whole_is_the_choice_that_the_trial_fills_out(folder):
    small, large = ({**SWEEP["trial"]["student"], "layers": layers} for layers in (1, 2))
    space = {"student": [small, large], "seed": {"choices": [0, 1], "when": {"student": [large]}}}
    (folder / "sweep.yaml").write_text(yaml.safe_dump({**SWEEP, "space": space}))
    for number, student in enumerate((small, large)):
        trial = {**SWEEP["trial"], "student": {**student, "tokenizer": "teacher"}, "seed": 1}
        (folder / "trials" / f"t{number:04d}" / "trial.yaml").write_text(yaml.safe_dump(trial))
    first, second = results.read(folder)
    assert first.overrides == {"student": small}
    assert second.overrides == {"student": large, "seed": 1}
    assert second.setting("student.tokenizer") == "teacher"


def test_a_trial_without_a_state_is_running_and_its_half_written_line_is_not_counted(folder):
    trial = folder / "trials" / "t0001"
    (trial / "state.json").unlink()
    (trial / "results.jsonl").write_bytes(b'{"step": 10, "seconds": 4.0}\n{"step": 20, "assertion_accu')
    _, running = results.read(folder)
    assert running.state == "running"
    assert [rung["step"] for rung in running.rungs] == [10]
    assert running.seconds == 4.0


def test_a_last_line_that_is_whole_but_for_its_line_end_counts(folder):
    (folder / "trials" / "t0001" / "results.jsonl").write_bytes(b'{"step": 10}\n{"step": 20}')
    assert [rung["step"] for rung in results.read(folder)[1].rungs] == [10, 20]


def test_a_rung_run_again_after_a_restart_counts_once(folder):
    (folder / "trials" / "t0001" / "results.jsonl").write_text(
        '{"step": 10, "x": 1}\n{"step": 10, "x": 2}\n{"step": 20}\n'
    )
    assert [rung.get("x") for rung in results.read(folder)[1].rungs] == [2, None]


def test_a_trial_folder_that_is_only_being_made_is_passed_over(folder):
    (folder / "trials" / "t0002").mkdir()
    (folder / "trials" / "notes").mkdir()
    assert [record.key for record in results.read(folder)] == ["t0000", "t0001"]


def test_an_experiment_without_a_trial_yet_is_empty(folder, tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "sweep.yaml").write_text((folder / "sweep.yaml").read_text())
    assert results.read(tmp_path / "new") == []


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("state.json", b'{"state": "comp', "state.json: not JSON"),
        ("state.json", b'{"state": "done"}', "known: running, complete, pruned, failed"),
        ("state.json", b"\xff\xfe", "state.json: not JSON"),
        ("trial.yaml", b"a: [1", "trial.yaml: not YAML"),
        ("trial.yaml", b"", "expected a mapping of keys, found NoneType"),
        ("state.json", b'{"reason": ' + b"[" * 100_000, "nested too deeply"),
        ("trial.yaml", b"student: null\n", "trial.yaml: "),
    ],
)
def test_a_damaged_file_is_one_line_that_names_it(folder, file, content, says):
    (folder / "trials" / "t0001" / file).write_bytes(content)
    with pytest.raises(DataError) as caught:
        results.read(folder)
        results.read_cases(folder, "t0001")
    assert says in str(caught.value)
    assert "t0001" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "says", "left"),
    [
        (b'{"step": 2', "results.jsonl: line 2: not JSON", None),
        (b"[1]", "line 2: expected a JSON object, found list", None),
        (b'{"loss": 1}', "line 2: step is None", None),
        (b'{"step": 1' + b"0" * 400 + b"}", "line 2: step is 1000", None),
        (b'{"step": true}', "line 2: step is True", None),
        (b'{"step": ' + b"[" * 100_000, "line 2: .*nested too deeply", None),
        (b'{"step": 15, "x": NaN, "y": 2}', "line 2: x is nan: not counted", {"step": 15, "y": 2}),
        (b'{"step": 15, "assertion_accuracy": "x"}', "assertion_accuracy is 'x'", {"step": 15}),
        (b'{"step": 15, "student_params": "1 M"}', "student_params is '1 M'", {"step": 15}),
        (b'{"step": 15, "x": 1' + b"0" * 400 + b"}", "line 2: x is 1000", {"step": 15}),
        (b'{"step": 15, "intervals": 5}', "intervals is 5", {"step": 15, "intervals": {}}),
        (b'{"step": 15, "intervals": {"x": ["a", 1]}}', "intervals.x", {"step": 15, "intervals": {}}),
        (b'{"step": 15, "student": "\\ud800"}', "", {"step": 15, "student": "?"}),
        (
            b'{"step": 15, "relations": {"a": 1, "b": {"x": 2}}}',
            "",
            {"step": 15, "relations": {"b": {"x": 2}}},
        ),
        (b"", "", None),
        (b"\0\0", "line 2: not JSON", None),
    ],
)
def test_a_damaged_line_is_said_and_the_sound_rest_is_used(folder, caplog, line, says, left):
    path = folder / "trials" / "t0001" / "results.jsonl"
    path.write_bytes(b'{"step": 10}\n' + line + b'\n{"step": 20}\n')
    _, record = results.read(folder)
    between = [] if left is None else [left]
    assert list(record.rungs) == [{"step": 10}, *between, {"step": 20}]
    assert re.search(says, caplog.text)
    assert bool(says) == bool(caplog.text)


def test_damaged_cases_and_references_are_said_and_left_out(folder, caplog):
    (folder / "trials" / "t0001" / "cases.jsonl").write_text('[]\n{"diff": 5}\n{"diff": "a"}\n')
    assert results.read_cases(folder, "t0001") == [{"diff": "a"}]
    (folder / "references.json").write_text('{"teacher": {"assertion_accuracy": "x", "gflops": 1}}')
    assert results.read_baselines(folder) == {"teacher": {"gflops": 1}}
    for said in ("line 1: expected", "line 2: no case", "teacher: assertion_accuracy is 'x'"):
        assert said in caplog.text


def test_pipes_devices_and_folders_in_place_of_files_are_refused(folder):
    path = folder / "trials" / "t0001" / "state.json"
    for put in (os.mkfifo, lambda at: at.symlink_to("/dev/zero"), os.mkdir):
        path.unlink()
        put(path)
        with pytest.raises(DataError, match=r"state\.json: not a file"):
            results.read(folder)
        path.rmdir() if path.is_dir() else None
        path.touch()


@pytest.mark.parametrize("key", ["t\u0661\u0662", "t0077\n", "t" + "9" * 200, "t2"])
def test_what_has_no_key_for_a_name_is_no_trial(folder, key):
    shutil.copytree(folder / "trials" / "t0001", folder / "trials" / key)
    assert len(results.read(folder)) == 2


def test_results_without_their_trial_are_damage(folder):
    (folder / "trials" / "t0001" / "trial.yaml").unlink()
    with pytest.raises(DataError, match=r"trial\.yaml: no such file"):
        results.read(folder)


def test_a_folder_that_is_no_experiment_says_so(tmp_path):
    with pytest.raises(DataError, match="not an experiment folder"):
        results.read(tmp_path / "nowhere")


def test_an_experiment_carries_its_sweep_and_references(folder):
    assert results.experiment(folder).baselines == {}
    (folder / "references.json").write_text('{"teacher": {"assertion_accuracy": 0.2}}')
    experiment = results.experiment(folder)
    assert experiment.sweep.objectives == {"assertion_accuracy": "max", "metamorphic_discrepancy": "min"}
    assert experiment.baselines == {"teacher": {"assertion_accuracy": 0.2}}
    (folder / "references.json").write_text('{"teacher": 0.2}')
    with pytest.raises(DataError, match="expected a name and its metrics"):
        results.experiment(folder)


def test_numbers_in_exponent_form_are_numbers(folder):
    path = folder / "trials" / "t0000" / "trial.yaml"
    path.write_text(path.read_text() + "optim: {lr: 1e-4}\n")
    assert results.read(folder)[0].trial["optim"]["lr"] == 1e-4


def test_results_and_pareto_come_without_torch_ray_and_optuna():
    code = (
        "import sys, kdray.results, kdray.pareto;"
        "heavy = ('torch', 'ray', 'optuna', 'transformers', 'deepspeed', 'pyarrow', 'plotly');"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
