"""What a capture writes: on Ray, on the teacher's own answers, for several stores, with a padded vocabulary."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from kdray.config import Encoding, merge, sweep_from
from kdray.errors import ConfigError, DataError
from kdray.pipeline import voice
from kdray.pipeline.folders import absolute
from kdray.pipeline.prepare import prepare
from kdray.students import load
from kdray.students.load import load_model, load_tokenizer
from kdray.students.logits import TargetLogits
from kdray.students.vocabulary import KEPT
from kdray.tasks.row import IGNORED, Row
from kdray.teacher.capture import capture
from kdray.teacher.codecs import make
from kdray.teacher.manifest import ShardHeader
from kdray.teacher.shards import ShardSource
from kdray.train import train
from kdray.train.start import new_student
from kdray.train.trial_data import open_data
from kdray.workers import ray_session
from tests import world


def sweep_into(root, small_world, **overrides):
    """The small world's sweep with signal and suite below `root`; `overrides` by section."""
    data = world.sweep_data(small_world)
    data["trial"] |= {"shards": str(root / "signal"), "suite": str(root / "suite")}
    for section, values in overrides.items():
        data[section] = data[section] | values
    return sweep_from(data, "test")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.*")}


@pytest.mark.slow
def test_a_capture_on_ray_writes_the_bytes_of_one_in_this_process(small_world, tmp_path):
    sweep = sweep_into(tmp_path, small_world)
    prepare(sweep, cluster=ray_session.local(sweep.resources))
    assert contents(tmp_path / "signal") == contents(small_world / "signal")
    assert contents(tmp_path / "suite") == contents(small_world / "suite")


def test_a_capture_says_what_it_will_cost_before_it_writes(small_world, tmp_path, capsys):
    sweep = sweep_into(tmp_path, small_world, capture={"codec": "full"})
    prepare(sweep)
    made = prepare(sweep).signal
    tokens, bits = made.tokens, 16 * made.vocab
    said = capsys.readouterr().err
    cost = f"{tokens:,} tokens, {bits / 8 * tokens / 1e6:,.1f} MB in all"
    assert f"full at about {bits:,} bits a token of {made.vocab}, {cost}" in said


def test_a_capture_loads_its_teacher_once_and_its_actors_the_same_one(small_world, tmp_path, monkeypatch):
    loads = []
    monkeypatch.setattr(voice, "load_model", lambda *told: loads.append(told) or load_model(*told))
    signal = prepare(sweep_into(tmp_path, small_world, capture={"rows": 8, "cases": 4})).signal
    assert len(loads) == 1
    told = voice.Voice("assertion", str(small_world / "teacher"), Encoding(), "truth", 8, signal.teacher)
    told.of_the_capture()
    with pytest.raises(DataError, match="other weights than when the capture began"):
        replace(told, fingerprint="0" * 16).of_the_capture()


def test_what_plans_a_capture_on_ray_loads_no_weights(small_world, tmp_path, monkeypatch, capsys):
    def loaded(*told):
        raise AssertionError("loaded where it is planned")

    monkeypatch.setattr(voice, "load_model", loaded)
    sweep = sweep_into(tmp_path, small_world, capture={"rows": 8, "cases": 4, "dtype": "bfloat16"})
    prepare(sweep, cluster=ray_session.local(sweep.resources))
    monkeypatch.undo()
    for folder in ("signal", "suite"):
        header = ShardSource.open(str(tmp_path / folder)).manifest.header
        assert (header.dtype, header.device) == ("bfloat16", "cpu")
    capture = {"rows": 8, "cases": 4, "dtype": "auto"}  # as the teacher's weights are stored
    prepare(sweep_into(tmp_path / "again", small_world, capture=capture))
    assert contents(tmp_path / "signal") == contents(tmp_path / "again" / "signal")
    assert contents(tmp_path / "suite") == contents(tmp_path / "again" / "suite")
    assert contents(tmp_path / "signal") != contents(small_world / "signal")
    capsys.readouterr()
    prepare(sweep_into(tmp_path, small_world, capture={"rows": 8, "cases": 4}))
    said = capsys.readouterr().err
    assert said.count("was captured in bfloat16, capture.dtype is float32: it is used as it is") == 2
    (tmp_path / "signal" / "manifest.json").unlink()
    with pytest.raises(DataError, match="already holds shards with dtype bfloat16, not float32: choose"):
        prepare(sweep_into(tmp_path, small_world, capture={"rows": 8, "cases": 4}))


def test_the_order_to_cut_in_is_measured_with_the_capture_as_the_first_trial_would(
    small_world, tmp_path, monkeypatch
):
    capture = {"rows": 12, "cases": 4, "rows_per_shard": 5, "dtype": "bfloat16"}
    sweep = sweep_into(tmp_path, small_world, capture=capture)
    prepare(sweep)
    place = tmp_path / "signal" / KEPT / "order.safetensors"
    with_the_capture = place.read_bytes()
    place.unlink()
    trial = merge(sweep.trial, {"student.init": "sliced"}, "test")
    loads = []
    monkeypatch.setattr(load, "load_model", lambda *told: loads.append(told) or load_model(*told))
    new_student(trial, open_data(trial))
    assert place.read_bytes() == with_the_capture
    assert [dtype for _, dtype in loads] == ["bfloat16"]


def test_the_teachers_own_answers_are_targets_too(small_world, tmp_path):
    from kdray.evaluation.generate import greedy

    sweep = sweep_into(tmp_path, small_world, capture={"targets": "greedy", "rows": 12})
    made = prepare(sweep).signal
    assert (made.rows, made.header.targets) == (12, "greedy")
    rows, signal = ShardSource.open(str(tmp_path / "signal")).take(range(12))
    model, tokenizer = load_model(small_world / "teacher"), load_tokenizer(small_world / "teacher")
    prompts = [row.input_ids[row.labels == IGNORED] for row in rows]
    answers = greedy(
        model,
        prompts,
        end_id=tokenizer.eos_token_id,
        pad_id=tokenizer.pad_token_id,
        max_new_tokens=64,
        batch_size=4,
    )
    targets = [row.labels[row.labels != IGNORED].tolist() for row in rows]
    assert targets == [answer.ids.tolist() for answer in answers]
    assert (signal.ids_NK[:, 0] == np.concatenate(targets)).mean() > 0.99
    assert train(merge(sweep.trial, {"budget.steps": 3, "budget.rungs": [3]}))["step"] == 3
    (tmp_path / "signal" / "manifest.json").unlink()
    with pytest.raises(DataError, match="already holds shards with targets greedy, not truth"):
        prepare(sweep_into(tmp_path, small_world, capture={"rows": 12}))


def test_logits_that_are_no_token_are_left_out_and_said(small_world, tmp_path, capsys):
    shutil.copytree(small_world / "teacher", tmp_path / "teacher")
    model = load_model(tmp_path / "teacher")
    torch.manual_seed(0)
    model.resize_token_embeddings(448, mean_resizing=False)
    with torch.no_grad():  # they would be written wherever it may
        rows = model.get_output_embeddings().weight
        rows[340:] = 3 * rows[:108]
    model.save_pretrained(tmp_path / "teacher")
    sweep = sweep_into(tmp_path, small_world)
    trial = merge(sweep.trial, {"teacher": str(tmp_path / "teacher")})
    sweep = sweep.model_copy(update={"trial": trial})
    prepared = prepare(sweep)
    known = ShardSource.open(str(small_world / "signal"))
    assert f"448 logits, {known.manifest.vocab} of them tokens of the tokenizer" in capsys.readouterr().err
    assert prepared.signal.vocab == prepared.suite.vocab == known.manifest.vocab == 340
    written, plain = (ShardSource.open(str(root / "suite")) for root in (tmp_path, small_world))
    assert written.column("teacher_text") == plain.column("teacher_text")
    found = ShardSource.open(str(tmp_path / "signal")).take(range(64))[1]
    np.testing.assert_array_equal(found.ids_NK, known.take(range(64))[1].ids_NK)
    assert train(merge(sweep.trial, {"budget.steps": 3, "budget.rungs": [3]}))["step"] == 3


def test_a_sweep_may_search_over_the_codec(small_world, tmp_path):
    stores = {str(tmp_path / "full"): {"codec": "full"}, str(tmp_path / "rough"): {"codec": "minmax",
              "codec_params": {"bits": 4, "d_model": 64}}}  # fmt: skip
    choices = [str(tmp_path / "signal"), *stores]
    sweep = sweep_into(tmp_path, small_world, capture={"stores": stores}, space={"shards": choices})
    prepare(sweep)
    assert [ShardSource.open(folder).manifest.codec_name for folder in choices] == ["head", "full", "minmax"]
    losses = {
        train(merge(sweep.trial, {"shards": folder, "distil.alpha": 1.0}))["train_loss"] for folder in choices
    }
    assert len(losses) == 3
    with pytest.raises(ConfigError, match=r"space.shards: .*/ful is not there, .*did you mean .*/full"):
        prepare(
            sweep_into(
                tmp_path, small_world, capture={"stores": stores}, space={"shards": [str(tmp_path / "ful")]}
            )
        )


def test_folders_of_the_space_become_absolute_like_all_others(small_world):
    data = world.sweep_data(small_world)
    data["capture"]["stores"] = {"a/full": {"codec": "full"}}
    data["space"]["shards"] = ["a/full", "s3://bucket/b"]
    data["space"]["seed"] = {"choices": [0, 1], "when": {"shards": ["a/full"], "distil.alpha": [0.5]}}
    data["space"]["distil.alpha"] = [0.0, 0.5]
    data["search"]["start"] = [{"shards": "a/full"}]
    found = absolute(sweep_from(data, "test"))
    (folder,) = found.capture.stores
    assert folder.endswith("/a/full") and folder.startswith("/")
    assert found.space["shards"].choices == (folder, "s3://bucket/b")
    assert found.space["seed"].when == {"shards": (folder,), "distil.alpha": (0.5,)}
    assert found.search.start == ({"shards": folder},)


def test_rows_of_eight_thousand_tokens_are_captured_beside_short_ones(small_world, tmp_path):
    model, rng = load_model(small_world / "teacher"), np.random.default_rng(0)
    rows = []
    for number, length in enumerate((8192, 40, 60, 50)):
        ids = rng.integers(0, 300, length).astype(np.int32)
        labels = np.where(np.arange(length) < length - 20, IGNORED, ids).astype(np.int32)
        rows.append(Row(str(number), ids, labels))
    forward = TargetLogits(model, 0, 340)
    header = ShardHeader("assertion", "0" * 16, 1, "0" * 16, forward.vocab, "0" * 16)
    capture(rows, {str(tmp_path / "signal"): make("full")}, header, forward, batch_size=4)
    found, signal = ShardSource.open(str(tmp_path / "signal")).take(range(4))
    assert [len(row.input_ids) for row in found] == [40, 50, 60, 8192]
    alone = torch.from_numpy(forward([rows[0]])[0]).log_softmax(-1).numpy()
    np.testing.assert_allclose(signal.logprobs_NK[-20:], alone, atol=0.02)
