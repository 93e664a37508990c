"""What `validate` tells of a sweep before a capture, each in a line."""

from __future__ import annotations

import importlib.util
import json
import logging
import re
from pathlib import Path

import pytest

from kdray.config import as_data, sweep_from
from kdray.corpus.store import read_corpus, write_corpus
from kdray.errors import ConfigError, KdrayError
from kdray.pipeline.beforehand import check, params_of
from kdray.pipeline.estimate import PROCESS_BYTES, _training_bytes, estimate
from kdray.students.cuts import Checkpoint
from kdray.students.load import load_config, load_model
from tests import world
from tests.students.zoo import VOCAB, ZOO
from tests.test_cli import run


@pytest.fixture
def data(small_world, tmp_path):
    """A sweep whose teacher and corpus are there, and nothing is captured."""
    data = world.sweep_data(small_world, storage=str(tmp_path / "runs"))
    data["trial"] |= {"shards": str(tmp_path / "signal"), "suite": str(tmp_path / "suite")}
    return data


def changed(data, path, value):
    """`data` with the value at a path; the last part may have dots."""
    node = data
    *parents, leaf = path.split("/")
    for part in parents:
        node = node.setdefault(part, {})
    node[leaf] = value
    return data


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("search/sampler", "surogate", "search.sampler: unknown sampler 'surogate', did you mean 'surrogate'"),
        ("space/student.layers", {"range": [1, 6], "step": 2}, "student.layers: step 2 does not lead from 1"),
        ("capture/codec", "haed", "codec: unknown 'haed', did you mean 'head'"),
        ("capture/transforms", ["rename_variabel"], "no python transformation 'rename_variabel'"),
        ("constraints", {"student_params": "<= 100"}, "no point of the space may be trained; .* breaks '<= 100'"),
        ("trial/student/hidden", 128, "student.hidden 128 is larger than the teacher's 64"),
        ("search/start", [{"distil.alpha": 0.0, "distil.temperature": 9.0}], "outside the space, nearest: 8"),
        ("trial/task", "clone", "task clone wants a student of family roberta"),
    ],
)  # fmt: skip
def test_what_would_fail_after_the_capture_is_refused_before_it(data, path, value, said):
    with pytest.raises(KdrayError, match=said) as refused:
        check(sweep_from(changed(data, path, value), "x"))
    assert "\n" not in str(refused.value)


def test_a_sampler_that_is_code_is_not_run_by_a_check(data, tmp_path, monkeypatch):
    (tmp_path / "planted.py").write_text("raise SystemExit('it ran')")
    monkeypatch.syspath_prepend(tmp_path)
    check(sweep_from(changed(data, "search/sampler", "planted:Sampler"), "x"))


def test_a_start_point_stands_on_the_steps_of_its_range(data):
    data["space"]["student.hidden"] = {"range": [16, 64], "step": 16}
    data["search"]["start"] = [{"student.hidden": 40}]
    with pytest.raises(KdrayError, match=r"student.hidden = 40 lies outside the space, nearest: (32|48)"):
        check(sweep_from(data, "x"))
    data["search"]["start"] = [{"student.hidden": 48}]
    check(sweep_from(data, "x"))


@pytest.mark.parametrize("field", ["storage", "trial.shards", "trial.suite"])
def test_a_folder_that_cannot_be_made_is_named(data, tmp_path, field):
    (tmp_path / "file").write_text("")
    data = changed(data, field.replace(".", "/"), str(tmp_path / "file" / "x"))
    with pytest.raises(KdrayError, match=rf"{field}: .*/file/x cannot be made: .*/file is a file"):
        check(sweep_from(data, "x"))


def test_a_corpus_must_have_what_the_captures_take(data, small_world, tmp_path):
    examples = read_corpus(small_world / "corpus", "train")
    write_corpus(tmp_path / "corpus", examples[:9], ["x"])
    data["trial"]["corpus"] = str(tmp_path / "corpus")
    with pytest.raises(KdrayError, match="has nothing in its test split"):
        check(sweep_from(data, "x"))
    data["trial"]["corpus"] = str(tmp_path / "later")
    assert f"corpus: {tmp_path / 'later'} is not there yet" in check(sweep_from(data, "x")).notes


def test_a_corpus_of_another_task_is_refused(data, clone_world):
    data["trial"]["corpus"] = str(clone_world / "corpus")
    with pytest.raises(KdrayError, match=r"task: assertion, but .* holds examples for task clone"):
        check(sweep_from(data, "x"))


def test_what_is_odd_and_may_be_meant_is_said(data):
    data["capture"]["cases"] = 5000
    data["trial"]["evaluation"]["cases"] = 6000
    data["search"]["start"] = []
    data["trial"]["student"] |= {"layers": 2, "hidden": 64, "heads": 2, "feed_forward": 96}
    data["space"]["student.layers"] = [1, 2]
    data["space"]["student.hidden"] = [32, 64]
    data["space"]["student.heads"] = [1, 2]
    notes = check(sweep_from(data, "x")).notes
    assert any(note.startswith("evaluation.cases: 6,000 are asked for") for note in notes)
    assert any("its test split has" in note and "5,000 cases" in note for note in notes)
    assert any(note.startswith("base trial: student_params") for note in notes)


def test_signal_of_another_corpus_is_told_before_a_launch(data, small_world, tmp_path):
    data["trial"] |= {"shards": str(small_world / "signal"), "suite": str(small_world / "suite")}
    assert check(sweep_from(data, "x")).notes == ()
    write_corpus(tmp_path / "corpus", read_corpus(small_world / "corpus")[:9], ["x"])
    data["trial"]["corpus"] = str(tmp_path / "corpus")
    with pytest.raises(KdrayError, match="captured from another corpus"):
        check(sweep_from(data, "x"))


def test_a_teachers_parameters_are_counted_without_weights(small_world):
    folder = str(small_world / "teacher")
    counted = sum(parameter.numel() for parameter in load_model(folder).parameters())
    assert params_of(load_config(folder)) == counted


def test_the_resolved_trial_is_shown(monkeypatch, capsys, tmp_path, data):
    path = tmp_path / "sweep.yaml"
    path.write_text(json.dumps(data))
    code, out, err = run(monkeypatch, capsys, "validate", path, "--print", "--set", "trial.optim.lr=0.5")
    assert code == 0, err
    assert re.search(
        r"  estimate: \d+ (s|min|h) on cores like this one, if no trial is stopped \(capture", out
    )
    assert "lr: 0.5" in out and "weight_decay: 0.01" in out and "max_row: 256" in out
    assert not Path(tmp_path / "signal").exists()
    assert as_data(sweep_from(data, "x"))["trial"]["optim"]["lr"] != 0.5


def test_an_estimate_grows_with_what_is_asked_for(data, monkeypatch):
    monkeypatch.setattr("kdray.pipeline.estimate.pace", lambda precision: 1e9)
    sweep = sweep_from(data, "x")
    known = check(sweep).known
    assert estimate(sweep, {}) == ""

    def seconds(**search):
        data["search"] |= search
        found = re.search(r"estimate: (\d+) s", estimate(sweep_from(data, "x"), known))
        return int(found[1])

    assert seconds(trials=4) < seconds(trials=8) < 2 * seconds(trials=4)  # the capture is done once
    data["resources"]["gpus_per_worker"] = 1
    said = r"estimate: [\d.]+ GB of memory \([\d.]+ [GM]B a training\), \d+ MB of disk"
    assert re.fullmatch(said, estimate(sweep_from(data, "x"), known))


@pytest.mark.parametrize("kind", ["gpt-oss", "modernbert-decoder"])
def test_memory_that_cannot_be_told_without_weights_is_told_roughly_and_nothing_is_printed(
    kind, tmp_path, monkeypatch
):
    written = []
    logger = logging.getLogger("torch._subclasses.fake_tensor")
    monkeypatch.setattr(
        logger, "handle", lambda record: written.append(record) if not logger.disabled else None
    )
    data = world.sweep_data(tmp_path)
    data["trial"]["student"] = {"checkpoint": "some/model"}
    data["space"], data["search"]["start"] = {"distil.alpha": [0.0, 0.5]}, []
    known = {"vocab": VOCAB, "checkpoints": {"some/model": Checkpoint(ZOO[kind]().config)}}
    assert _training_bytes(sweep_from(data, "x"), known) > PROCESS_BYTES
    assert not written


CHECKPOINT = {"student": {"checkpoint": "none/here"}}
WITH_LORA = {"student": {"checkpoint": "none/here", "lora": {}}}
NO_PEFT, NO_BITS = (
    ("peft", r"pip install 'kdray\[lora\]'"),
    ("bitsandbytes", r"pip install 'kdray\[adam8bit\]'"),
)


@pytest.mark.parametrize(
    ("section", "space", "package", "said"),
    [
        ({"optim": {"optimizer": "adamw_8bit"}}, {}, *NO_BITS),
        ({}, {"optim.optimizer": ["adamw", "adamw_8bit"]}, *NO_BITS),
        (WITH_LORA, {}, *NO_PEFT),
        (CHECKPOINT, {"student.lora": [None, {"rank": 8}]}, *NO_PEFT),
    ],
)
def test_an_extra_that_is_missing_is_told_before_a_capture(section, space, package, said, data, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else found(name))
    data["trial"] |= section
    data["space"], data["search"]["start"] = space or {"distil.alpha": [0.0, 0.5]}, []
    with pytest.raises(ConfigError, match=said):
        check(sweep_from(data, "x"))
