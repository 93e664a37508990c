import json
import shutil

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from kdray.cli import app
from kdray.config import T5Student, merge
from kdray.errors import ConfigError, DataError
from kdray.pipeline.prepare import prepare
from kdray.students.families import build
from kdray.students.load import load_model, load_tokenizer, weights_fingerprint
from kdray.train import train
from kdray.train.start import new_student
from kdray.train.trial_data import open_data
from tests import world


@pytest.fixture
def own_world(small_world, tmp_path):
    """A copy that a test may damage."""
    shutil.copytree(small_world, tmp_path / "world")
    return tmp_path / "world"


def test_what_is_there_is_used_again(small_world):
    sweep = world.sweep(small_world)
    before = {path: path.stat().st_mtime_ns for path in (small_world / "signal").rglob("*")}
    prepared = prepare(sweep)
    assert {path: path.stat().st_mtime_ns for path in (small_world / "signal").rglob("*")} == before
    assert prepared.signal.rows == 64
    assert prepared.suite.teacher == prepared.signal.teacher
    assert prepared.context["teacher_params"] == sum(
        p.numel() for p in load_model(small_world / "teacher").parameters()
    )


def test_a_capture_that_lost_its_end_goes_on_and_ends_the_same(own_world):
    signal = own_world / "signal"
    before = {path.name: path.read_bytes() for path in signal.glob("*.*")}
    (signal / "manifest.json").unlink()
    (signal / "shard-00001.arrow").unlink()
    prepare(world.sweep(own_world))
    assert {path.name: path.read_bytes() for path in signal.glob("*.*")} == before


def test_trials_do_not_need_the_teachers_folder_or_the_corpus(own_world):
    shutil.rmtree(own_world / "teacher")
    shutil.rmtree(own_world / "corpus")
    prepare(world.sweep(own_world))
    trial = merge(world.sweep(own_world).trial, {"budget.steps": 3, "budget.rungs": [3]})
    assert train(trial)["step"] == 3


def test_a_changed_corpus_is_refused(own_world):
    from kdray.corpus.mine import mine
    from kdray.corpus.store import write_corpus

    source = world.write_tests(own_world / "other", seed=5)
    write_corpus(own_world / "corpus", mine([str(source)], processes=1), ["other"])
    with pytest.raises(ConfigError, match="captured from another corpus"):
        prepare(world.sweep(own_world))


def test_a_capture_that_ended_before_the_order_to_cut_in_was_kept_keeps_it_when_it_goes_on(own_world):
    place = own_world / "signal" / "students" / "order.safetensors"
    sweep = world.sweep(own_world)
    sliced = sweep.trial.model_copy(
        update={"student": sweep.trial.student.model_copy(update={"init": "sliced"})}
    )
    sweep = sweep.model_copy(update={"trial": sliced})
    place.unlink(missing_ok=True)
    (own_world / "suite" / "manifest.json").unlink()
    prepare(sweep)
    order = place.read_bytes()
    place.unlink()
    new_student(sliced, open_data(sliced))  # a trial that finds none measures the same
    assert place.read_bytes() == order


def test_a_changed_teacher_is_refused_where_a_capture_was_begun(own_world):
    from kdray.train.teacher import train_teacher

    shutil.rmtree(own_world / "teacher")
    train_teacher(world.recipe(own_world / "corpus", seed=1), own_world / "teacher")
    (own_world / "signal" / "manifest.json").unlink()
    kept = weights_fingerprint(load_model(own_world / "signal" / "teacher"))
    with pytest.raises(DataError, match="already holds shards with teacher"):
        prepare(world.sweep(own_world))
    assert weights_fingerprint(load_model(own_world / "signal" / "teacher")) == kept


def test_without_a_teacher_or_shards_the_missing_file_is_named(small_world, tmp_path):
    sweep = world.sweep(small_world)
    trial = sweep.trial.model_copy(update={"shards": str(tmp_path / "none"), "teacher": None})
    with pytest.raises(ConfigError, match=r"none/manifest.json is missing and cannot be made"):
        prepare(sweep.model_copy(update={"trial": trial}))


@pytest.mark.parametrize("damage", ["truncated", "missing", "flipped"])
def test_a_damaged_shard_is_one_clear_line_and_nothing_is_trained(own_world, damage):
    shard = own_world / "signal" / "shard-00001.arrow"
    data = bytearray(shard.read_bytes())
    if damage == "missing":
        shard.unlink()
    elif damage == "truncated":
        shard.write_bytes(bytes(data[:-100]))
    else:
        data[len(data) // 2] ^= 1
        shard.write_bytes(bytes(data))
    with pytest.raises(DataError, match="shard-00001") as caught:
        train(world.sweep(own_world).trial)
    assert "\n" not in str(caught.value)


def test_training_refuses_a_flipped_byte_in_any_of_the_files(own_world):
    trial = world.sweep(own_world).trial
    files = sorted((own_world / "signal").glob("*.*"))
    assert {"manifest.json", "state.arrow", "shard-00000.arrow"} <= {file.name for file in files}
    rng = np.random.default_rng(0)
    for file in files * 5:
        data = bytearray(file.read_bytes())
        sound = bytes(data)
        data[rng.integers(len(data))] ^= int(rng.integers(1, 256))
        file.write_bytes(data)
        with pytest.raises(DataError, match=file.name):
            train(trial)
        file.write_bytes(sound)


def test_weights_that_are_not_the_captured_teachers_start_no_student(own_world):
    kept = own_world / "signal" / "teacher"
    model = load_model(kept)
    next(model.parameters()).data[0, 0] += 1
    model.save_pretrained(kept)
    with pytest.raises(DataError, match="not the weights that the shards were captured from"):
        train(world.sweep(own_world).trial)


def test_a_student_is_cut_from_mapped_weights_as_from_loaded_ones_and_a_damage_is_found_by_verify(own_world):
    trial, kept = world.sweep(own_world).trial, own_world / "signal" / "teacher"
    data = open_data(trial)
    mapped = new_student(trial, data)
    stamp = (kept / "weights.json").read_bytes()
    without_hashes = json.dumps({"fingerprint": json.loads(stamp)["fingerprint"]})
    (kept / "weights.json").unlink()
    for _ in range(2):
        for (name, one), other in zip(
            mapped.named_parameters(), new_student(trial, data).parameters(), strict=True
        ):
            assert torch.equal(one, other), name
        (kept / "weights.json").write_text(without_hashes)
    (kept / "weights.json").write_bytes(stamp.replace(b'"fingerprint": "', b'"fingerprint": "0'))
    with pytest.raises(DataError, match="not the weights that the shards were captured from"):
        new_student(trial, data)
    (kept / "weights.json").write_bytes(stamp)
    weights = bytearray((kept / "model.safetensors").read_bytes())
    weights[-2] ^= 64
    (kept / "model.safetensors").write_bytes(weights)
    with pytest.raises(DataError, match="not the weights that the shards were captured from"):
        new_student(trial, data)
    found = CliRunner().invoke(app, ["shards", "verify", str(own_world / "signal")])
    assert "warning: the teacher kept beside these shards has other weights" in found.output


def test_an_encoder_decoder_folder_is_a_teacher_too(own_world):
    """Any transformers folder will do: here a T5 that was never trained."""
    tokenizer = load_tokenizer(own_world / "teacher")
    t5 = T5Student(
        family="t5", encoder_layers=2, decoder_layers=2, hidden=48, heads=3, head_dim=16, feed_forward=64
    )
    model = build(t5, len(tokenizer), pad_id=tokenizer.pad_token_id, end_id=tokenizer.eos_token_id)
    model.save_pretrained(own_world / "t5")
    tokenizer.save_pretrained(own_world / "t5")
    data = world.sweep_data(own_world)
    data["trial"] |= {
        "teacher": str(own_world / "t5"),
        "shards": str(own_world / "t5-signal"),
        "suite": str(own_world / "t5-suite"),
        "student": {
            "family": "t5", "encoder_layers": 2, "decoder_layers": 1, "hidden": 32, "heads": 2, "head_dim": 16,
            "feed_forward": 40, "init": "sliced",
        },
    }  # fmt: skip
    from kdray.config import sweep_from

    sweep = sweep_from(data, "test")
    prepared = prepare(sweep)
    assert prepared.signal.teacher == weights_fingerprint(load_model(own_world / "t5"))
    metrics = train(sweep.trial)
    assert metrics["step"] == 6
    assert np.isfinite(metrics["metamorphic_discrepancy"])


def test_shards_of_another_codec_or_of_other_answers_than_the_file_names_are_used_and_said(
    small_world, capsys
):
    prepare(world.sweep(small_world, capture={"codec": "full", "targets": "greedy"}))
    said = capsys.readouterr().err
    assert "was captured in head, capture.codec is full: it is used as it is" in said
    assert "was captured in truth, capture.targets is greedy: it is used as it is" in said
