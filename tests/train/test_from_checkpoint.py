"""A pretrained model as a student, and fine-tuned as a teacher: it trains with what is its own, or is refused."""

from __future__ import annotations

import json
import shutil
import sys
from contextlib import closing
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

from kdray.cli import main
from kdray.config import TeacherRecipe, Trial, as_data, merge, parse, sweep_from
from kdray.errors import ConfigError, DataError, KdrayError
from kdray.evaluation.examine import doubt
from kdray.handover.placeholder import example
from kdray.handover.predict import predict
from kdray.handover.torch_writer import TorchWriter
from kdray.pipeline.prepare import check_constraints, prepare
from kdray.search.constraints import gate_of
from kdray.students.checkpoint import check_checkpoints, checkpoint_config
from kdray.students.forward import hidden_states
from kdray.students.load import load_model, load_task, load_tokenizer
from kdray.train import TrialRun
from kdray.train.lora import merged
from kdray.train.teacher import train_teacher
from tests import labelled_world, pretrained, world
from tests.train.test_families import answered, runs_and_comes_back


@pytest.fixture(scope="module")
def models(seq2seq_world, clone_world, tmp_path_factory) -> Path:
    """Pretrained models by name: with the teachers' tokenizers and more rows than these have, and with another."""
    root = tmp_path_factory.mktemp("pretrained")
    own, apart = load_tokenizer(seq2seq_world / "teacher"), load_tokenizer(seq2seq_world / "t5" / "teacher")
    pretrained.save(root / "llama", own, "llama", more_rows=28)
    pretrained.save(root / "t5", apart, "t5", more_rows=28)
    pretrained.save(root / "encoder", load_tokenizer(clone_world / "teacher"), "roberta", more_rows=7)
    other = pretrained.byte_level_tokenizer(pretrained.corpus_texts(seq2seq_world / "corpus"))
    for kind in ("llama", "bart"):
        pretrained.save(root / f"other-{kind}", other, kind)
    return root


def student(trial: Trial, checkpoint: Path, **more) -> Trial:
    return merge(trial, {"student": {"checkpoint": str(checkpoint), **more}})


@pytest.mark.parametrize("kind", ["llama", "t5"])
def test_a_checkpoint_with_the_teachers_tokenizer_learns_its_signal(kind, models, seq2seq_world, tmp_path):
    trial = (world.sweep if kind == "llama" else world.seq2seq)(seq2seq_world).trial
    trial = student(trial, models / kind, **({"max_input": 100} if kind == "t5" else {}))
    with closing(TrialRun(trial)) as run:
        begun, whole = dict(run.model.named_parameters()), load_file(models / kind / "model.safetensors")
        assert all(torch.equal(tensor, whole[name][: len(tensor)]) for name, tensor in begun.items())
        assert len(run.model.get_input_embeddings().weight) == len(load_tokenizer(models / kind))
        assert getattr(run.model.config, {"llama": "attention_dropout", "t5": "dropout_rate"}[kind]) == 0.1
    metrics = runs_and_comes_back(trial, tmp_path)
    assert metrics["student_params"] == sum(p.numel() for p in load_model(tmp_path).parameters())


@pytest.mark.parametrize("kind", ["llama", "t5"])
def test_adapters_of_a_student_alone_are_trained_and_are_in_what_is_judged_and_saved(
    kind, models, seq2seq_world, tmp_path
):
    pytest.importorskip("peft")
    trial = (world.sweep if kind == "llama" else world.seq2seq)(seq2seq_world).trial
    trial = student(trial, models / kind, lora={"rank": 4, "alpha": 64})
    trial = merge(trial, {"optim.lr": 1e-2, "student.lora.rank": 2})
    metrics = runs_and_comes_back(trial, tmp_path)
    saved, begun = load_model(tmp_path), load_file(models / kind / "model.safetensors")
    rounded = {name: tensor.bfloat16().float() for name, tensor in begun.items()}
    moved = [name for name, own in saved.named_parameters() if not own.equal(rounded[name][: len(own)])]
    table = "embed_tokens" if kind == "llama" else "shared"
    assert any(name.endswith(("q_proj.weight", "q.weight")) for name in moved)
    assert not any(table in name for name in moved)
    assert metrics["student_params"] == sum(p.numel() for p in saved.parameters())


@pytest.mark.parametrize("kind", ["llama", "bart"])
def test_a_checkpoint_with_another_tokenizer_learns_answers_and_no_signal(
    kind, models, seq2seq_world, tmp_path
):
    base = world.sweep if kind == "llama" else world.seq2seq
    with pytest.raises(ConfigError, match=r"its tokenizer is not the teacher's.*set distil.loss sequence"):
        TrialRun(student(base(seq2seq_world).trial, models / f"other-{kind}"))
    sweep = answered(seq2seq_world, base)
    prepare(sweep)
    trial = student(sweep.trial, models / f"other-{kind}")
    with closing(TrialRun(trial)) as run:
        rows, _ = run.data.source.take(range(4))
        prompts, outputs, _ = run.data.suite.told(range(4))
        assert run.data.task.starts and all(row.input_ids[0] == 0 for row in rows)
        for row, prompt, output in zip(rows, prompts, outputs, strict=True):
            if kind == "llama":  # the answer takes the space before it, as its tokenizer writes the whole
                target = row.input_ids[row.labels >= 0]
                assert run.data.task.tokenizer.decode(target[:1])[0] == " "
                assert len(prompt) + len(output) > 2
    metrics = runs_and_comes_back(trial, tmp_path)
    assert 0 <= metrics["assertion_accuracy"] <= 1


def test_a_bare_encoder_becomes_a_classifier_with_a_new_head(models, clone_world, tmp_path, capsys):
    trial = student(labelled_world.sweep(clone_world, "clone").trial, models / "encoder")
    metrics = runs_and_comes_back(trial, tmp_path)
    assert 0 <= metrics["accuracy"] <= 1
    assert metrics["student_params"] == sum(p.numel() for p in load_model(tmp_path).parameters())
    assert "classifier.dense.bias" in capsys.readouterr().err


def test_a_checkpoint_that_does_not_fit_is_refused_before_anything_is_trained(
    models, seq2seq_world, tmp_path
):
    sweep = world.sweep(seq2seq_world)
    weights = load_file(models / "llama" / "model.safetensors")
    lost = weights.pop("model.norm.weight")
    (tmp_path / "lost").mkdir()
    for path in (models / "llama").glob("*.json"):
        (tmp_path / "lost" / path.name).write_bytes(path.read_bytes())
    save_file(weights, tmp_path / "lost" / "model.safetensors")
    assert lost is not None
    with pytest.raises(DataError, match=r"lacks model\.norm\.weight"):
        TrialRun(student(sweep.trial, tmp_path / "lost"))
    for name, words in (("t5", "decoder-only: name one of the same kind"), ("encoder", "writes nothing")):
        wrong = sweep.model_copy(update={"trial": student(sweep.trial, models / name)})
        with pytest.raises(KdrayError, match=words):
            check_checkpoints(wrong, asks_hub=False)
    with pytest.raises(DataError, match="must be of type roberta to be trained on, not llama"):
        checkpoint_config(str(models / "llama"), "clone")
    with pytest.raises(DataError, match="nowhere"):
        prepare(sweep.model_copy(update={"trial": student(sweep.trial, Path("nowhere"))}))
    with pytest.raises(ConfigError, match=r"unknown key 'student\.layers'"):
        merge(sweep.trial, {"student": {"checkpoint": "a", "layers": 2}})
    with pytest.raises(ConfigError, match="slice_share has no effect on family checkpoint"):
        merge(student(sweep.trial, models / "llama"), {"optim.slice_share": 0.5})


def test_checkpoints_are_searched_and_keep_constraints(models, seq2seq_world):
    data = as_data(world.sweep(seq2seq_world))
    names = [str(models / name) for name in ("llama", "other-llama")]
    data["trial"]["student"] = {"checkpoint": names[0]}
    data["space"]["student.checkpoint"] = {"choices": names}
    sweep = sweep_from(data, "test")
    prepared = prepare(sweep)
    gate = gate_of(sweep, prepared.context)
    own, other = (
        {"student.checkpoint": name, "distil.alpha": alpha}
        for name, alpha in zip(names, (0.5, 0), strict=True)
    )
    assert gate.refusal(own) == gate.refusal(other) == ""
    assert "its tokenizer is not the teacher's" in gate.refusal(other | {"distil.alpha": 0.5})
    params = gate.measures(gate.trial(own))["student_params"]
    tight = sweep.model_copy(update={"constraints": {"student_params": f"<= {params - 1:.0f}"}})
    assert "breaks" in gate_of(tight, prepared.context).refusal(own)
    with pytest.raises(ConfigError, match="make the student smaller"):
        check_constraints(tight, sweep.trial, prepared)


def fine_tuning(root: Path, checkpoint: Path, **more) -> TeacherRecipe:
    data = as_data(world.recipe(root / "corpus"))
    data.pop("vocab")
    data |= {"student": {"checkpoint": str(checkpoint)}, "optim": {"lr": 5e-3, "batch_size": 16}, **more}
    return parse(TeacherRecipe, data, "test")


@pytest.mark.parametrize("kind", ["other-llama", "other-bart"])
def test_a_checkpoint_is_fine_tuned_with_its_own_tokenizer_and_form(kind, models, small_world, tmp_path):
    done = train_teacher(fine_tuning(small_world, models / kind), tmp_path / "teacher")
    first, last = done["learning_curve"][0], done["learning_curve"][-1]
    assert last["held_out_loss"] < first["held_out_loss"]
    assert load_tokenizer(tmp_path / "teacher").get_vocab() == load_tokenizer(models / kind).get_vocab()
    encoding = json.loads((tmp_path / "teacher" / "kdray.json").read_text())["encoding"]
    assert encoding["start"] and encoding["boundary"] == ("whole" if "llama" in kind else "apart")
    with pytest.raises(ConfigError, match="vocab has no effect on a checkpoint"):
        fine_tuning(small_world, models / kind, vocab=300)


def test_a_training_ends_when_the_held_out_loss_no_longer_falls_and_keeps_the_best_rung(
    models, small_world, tmp_path
):
    recipe = fine_tuning(
        small_world,
        models / "llama",
        optim={"lr": 0.5, "warmup_steps": 0, "batch_size": 16},
        budget={"steps": 12, "rungs": list(range(1, 13))},
        patience=2,
    )
    stopped: list[int] = []

    def kill(metrics: dict) -> None:
        stopped.append(metrics["step"])
        if len(stopped) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_teacher(recipe, tmp_path / "teacher", kill)
    done = train_teacher(recipe, tmp_path / "teacher")
    losses = [point["held_out_loss"] for point in done["learning_curve"]]
    best = losses.index(min(losses))
    assert len(losses) == best + 3 < 12
    assert json.loads((tmp_path / "teacher" / "kdray.json").read_text())["step"] == best + 1
    assert not (tmp_path / "teacher" / "unfinished").exists()


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_training_killed_between_two_writes_ends_the_same(
    after, models, small_world, tmp_path, monkeypatch
):
    recipe = fine_tuning(
        small_world,
        models / "llama",
        optim={"lr": 0.3, "warmup_steps": 0, "batch_size": 16},
        budget={"steps": 4, "rungs": [1, 2, 3, 4]},
        patience=2,
    )
    whole = train_teacher(recipe, tmp_path / "whole")
    save, calls = TrialRun.save, []

    def kill(run, folder):
        calls.append(folder)
        if len(calls) == after:
            raise KeyboardInterrupt
        save(run, folder)

    monkeypatch.setattr(TrialRun, "save", kill)
    with pytest.raises(KeyboardInterrupt):
        train_teacher(recipe, tmp_path / "killed")
    monkeypatch.undo()
    again = train_teacher(recipe, tmp_path / "killed")
    losses = [[point["held_out_loss"] for point in done["learning_curve"]] for done in (whole, again)]
    assert losses[0] == losses[1]
    kept = [load_file(tmp_path / name / "model.safetensors") for name in ("whole", "killed")]
    assert all(torch.equal(tensor, kept[1][name]) for name, tensor in kept[0].items())


def test_a_checkpoint_with_other_weights_is_another_teacher(models, small_world, tmp_path):
    changing = tmp_path / "changing"
    shutil.copytree(models / "llama", changing)
    recipe = fine_tuning(small_world, changing, budget={"steps": 1})
    train_teacher(recipe, tmp_path / "teacher")
    train_teacher(recipe, tmp_path / "teacher")
    weights = {name: 2 * tensor for name, tensor in load_file(changing / "model.safetensors").items()}
    save_file(weights, changing / "model.safetensors", {"format": "pt"})
    with pytest.raises(ConfigError, match="holds a teacher of another checkpoint"):
        train_teacher(recipe, tmp_path / "teacher")


@pytest.mark.parametrize("kind", ["t5", "other-bart"])
def test_a_context_that_an_encoder_decoder_would_not_learn_is_refused(
    kind, models, small_world, seq2seq_world
):
    recipe = fine_tuning(small_world, models / kind, optim={"context_weight": 0.3})
    with pytest.raises(ConfigError, match=r"optim.context_weight has no effect on an encoder-decoder"):
        TrialRun(recipe)
    trial = student(world.seq2seq(seq2seq_world).trial, models / "t5")
    with pytest.raises(ConfigError, match=r"optim.context_weight has no effect on an encoder-decoder"):
        TrialRun(merge(trial, {"optim.context_weight": 0.3}))


def test_the_command_fine_tunes_examines_and_warns(models, small_world, tmp_path, monkeypatch, capsys):
    options = ["--from", str(models / "llama"), "--corpus", str(small_world / "corpus"), "--cases", "8"]
    options += ["--set", "budget={steps: 1}", "--set", "optim.batch_size=4"]
    monkeypatch.setattr(
        sys, "argv", ["kdray", "teacher", "train", "--json", "--out", str(tmp_path / "t"), *options]
    )
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    printed = capsys.readouterr()
    assert json.loads(printed.out)["exam"]["teacher"]["cases"] == 8
    assert "warning: the teacher is right in 0.0% of 8 held-out cases" in printed.err


def test_a_teacher_better_than_what_needs_no_learning_is_not_doubted():
    found = {
        name: {"assertion_accuracy": share, "cases": 8}
        for name, share in (("teacher", 0.5), ("retrieval", 0.4))
    }
    assert doubt(found) == ""
    found["retrieval"]["assertion_accuracy"] = 0.5
    assert "retrieval in 50.0%" in doubt(found)
    classes = {"teacher": {"accuracy": 0.6, "cases": 8}, "majority": {"accuracy": 0.7}}
    assert "majority in 70.0%" in doubt(classes)


@pytest.mark.parametrize("kind", ["other-llama", "encoder"])
def test_adapters_are_trained_alone_and_merged_at_the_end(kind, models, small_world, clone_world, tmp_path):
    pytest.importorskip("peft")
    lora = {"lora": {"rank": 4, "alpha": 8.0}, "budget": {"steps": 4}}
    recipe = fine_tuning(small_world, models / kind, **lora)
    if kind == "encoder":
        recipe = fine_tuning(clone_world, models / kind, task="clone", encoding={"max_input": 126}, **lora)
    with closing(TrialRun(recipe)) as run:
        trained = {name for name, p in run.model.named_parameters() if p.requires_grad}
        assert all(".lora_" in name or name.startswith("classifier.") for name in trained)
        before = {name: tensor.clone() for name, tensor in merged(run.model).items()}
        while not run.done:
            run.next_rung()
        run.export(tmp_path)
        after = merged(run.model)
        rows, _ = run.data.source.take([0])
        ids = torch.from_numpy(rows[0].input_ids.astype("int64"))[None]
        with torch.no_grad():
            one = hidden_states(run.model.eval(), ids, torch.ones_like(ids), None)
            two = hidden_states(load_model(tmp_path), ids, torch.ones_like(ids), None)
        assert torch.allclose(one, two, atol=0.1)  # merged and rounded, not rounded and merged
    changed = {
        name for name, tensor in after.items() if not torch.equal(tensor.bfloat16(), before[name].bfloat16())
    }
    assert {"q_proj", "query"} & {part for name in changed for part in name.split(".")}
    assert not any("embed" in name or "norm" in name.lower() for name in changed)


def test_adapters_are_for_a_checkpoint(small_world):
    with pytest.raises(ConfigError, match="lora is for a checkpoint"):
        world.recipe(small_world / "corpus", lora={"rank": 4})


@pytest.mark.shared
def test_codet5_small_learns_from_codet5_base(shared_data, small_world, tmp_path):
    """Their real tokenizer and configurations, cut down; the small one's table as T5 pads it."""
    tokenizer = AutoTokenizer.from_pretrained(shared_data / "tokenizers" / "codet5")
    pretrained.save(tmp_path / "base", tokenizer, "t5", more_rows=32_100 - len(tokenizer), seed=1)
    small = pretrained.save(tmp_path / "small", tokenizer, "t5", more_rows=32_128 - len(tokenizer))
    data = as_data(world.sweep(small_world))
    places = {name: str(tmp_path / name) for name in ("shards", "suite")}
    data["trial"] |= {"teacher": str(tmp_path / "base"), "student": {"checkpoint": str(small)}, **places}
    data["capture"] |= {"rows": 8, "cases": 4}
    data["constraints"] = {"student_params": "<= 1 * teacher_params"}
    sweep = sweep_from(data, "test")
    prepared = prepare(sweep)
    check_constraints(sweep, sweep.trial, prepared)
    assert (
        prepared.vocab == 32_100 and prepared.context["checkpoints"][str(small)].config.vocab_size == 32_100
    )
    metrics = runs_and_comes_back(merge(sweep.trial, {"budget": {"steps": 2}}), tmp_path / "student")
    assert metrics["student_params"] == prepared.signal.teacher_params
    model = load_model(tmp_path / "student")
    test = example("def test_area():\n    left = 3\n    <ASSERT>\n", "test_area.py", "python")
    task = load_task(model, tmp_path / "student")
    assert predict(TorchWriter(model, task.pad_id), task, test)
