"""A trial of each family on real files: it trains, is judged, is saved, and comes back with identical answers."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
import yaml

from kdray.cli import main
from kdray.config import Trial, as_data, merge, sweep_from
from kdray.errors import ConfigError
from kdray.metamorphic.suite_metrics import evaluate
from kdray.pipeline.prepare import prepare
from kdray.students.forward import head, hidden_states
from kdray.students.kept_order import FILE as ORDER
from kdray.students.load import load_model, load_tokenizer
from kdray.students.vocabulary import KEPT
from kdray.train import TrialRun
from tests import labelled_world, world

CLASSIFIERS = {
    "roberta": {},
    "roberta-sliced": {"student.hidden": 24, "student.init": "sliced"},
    "roberta-key": {
        "student.position_type": "relative_key",
        "student.activation": "relu",
        "student.dropout": 0.2,
    },
    "roberta-short": {"student.positions": 40},
    "roberta-bpe": {"student.tokenizer": "bpe", "student.vocab": 300, "student.init": "sliced"},
    "roberta-wordpiece": {"student.tokenizer": "wordpiece", "student.vocab": 300},
    "roberta-unigram": {"student.tokenizer": "unigram", "student.vocab": 300},
    "roberta-word": {"student.tokenizer": "word", "student.vocab": 300},
}
WRITERS = {
    "llama": {},
    "llama-untied": {"student.tied_embeddings": False, "student.attention_dropout": 0.1},
    "llama-short": {"student.max_input": 20},
    "llama-teacher": {"student": {"family": "teacher", "layers": 1}},
    "llama-teacher-sliced": {"student": {"family": "teacher", "hidden": 32, "heads": 1, "init": "sliced"}},
    "t5": {"student.init": "sliced"},
    "t5-short": {"student.max_input": 20},
    "t5-teacher": {"student": {"family": "teacher", "encoder_layers": 1, "decoder_layers": 1}},
    "t5-gelu": {"student.activation": "gelu", "student.dropout": 0.1, "student.init": "random"},
}


def runs_and_comes_back(trial: Trial, out: Path) -> dict:
    """Trains, judges, exports, loads again and compares; the last metrics."""
    run = TrialRun(trial)
    try:
        while not run.done:
            metrics = run.next_rung()
        run.export(out)
        # Trained and loaded models differ in their attention kernel, not in what is computed.
        again, task, suite = load_model(out), run.data.task, run.data.suite
        again.set_attn_implementation(run.model.config._attn_implementation)
        judged = evaluate(again, task, suite, trial.evaluation).as_dict()
        assert judged == {name: metrics[name] for name in judged}
        assert load_tokenizer(out).get_vocab() == task.tokenizer.get_vocab()
        prompts, _, _ = suite.read(range(4))
        for prompt in prompts:
            ids = torch.from_numpy(prompt.astype("int64"))[None]
            decoder = torch.tensor([[task.pad_id]]) if task.encoder_decoder else None
            inputs = (ids, torch.ones_like(ids), decoder)
            with torch.no_grad():
                one, two = (
                    hidden_states(model, *inputs) @ head(model)[0].T for model in (run.model.eval(), again)
                )
            assert torch.equal(one, two)
        return metrics
    finally:
        run.close()


@pytest.mark.parametrize("name", list(CLASSIFIERS))
def test_a_classifier_trains_and_comes_back(name, clone_world, tmp_path):
    trial = labelled_world.sweep(clone_world, "clone").trial
    metrics = runs_and_comes_back(merge(trial, CLASSIFIERS[name]), tmp_path)
    assert 0 <= metrics["accuracy"] <= 1


@pytest.mark.parametrize("name", list(WRITERS))
def test_a_writer_trains_and_comes_back(name, seq2seq_world, tmp_path):
    sweep = world.sweep(seq2seq_world) if name.startswith("llama") else world.seq2seq(seq2seq_world)
    metrics = runs_and_comes_back(merge(sweep.trial, WRITERS[name]), tmp_path)
    assert 0 <= metrics["assertion_accuracy"] <= 1


@pytest.fixture(scope="session")
def answered_world(seq2seq_world):
    """The same worlds, captured on the teachers' own answers."""
    for base in (world.sweep, world.seq2seq):
        prepare(answered(seq2seq_world, base))
    return seq2seq_world


def answered(root: Path, base, **student):
    data = as_data(base(root))
    data["trial"] |= {"shards": data["trial"]["shards"] + "-greedy"}
    data["trial"]["student"] |= student
    data["trial"]["distil"] = {"loss": "sequence", "alpha": 1.0, "temperature": 1.0}
    data["capture"]["targets"] = "greedy"
    data["space"] = {"optim.lr": {"range": [1e-4, 1e-2], "log": True}}
    data["search"]["start"] = []
    return sweep_from(data, "test")


@pytest.mark.parametrize("base", [world.sweep, world.seq2seq], ids=["llama", "t5"])
@pytest.mark.parametrize("kind", ["bpe", "wordpiece", "unigram", "word"])
def test_a_writer_with_its_own_tokenizer_learns_the_teachers_answers(kind, base, answered_world, tmp_path):
    sweep = answered(answered_world, base, tokenizer=kind, vocab=350)
    metrics = runs_and_comes_back(sweep.trial, tmp_path)
    assert 0 <= metrics["metamorphic_discrepancy"] <= 1
    kept = Path(sweep.trial.shards) / KEPT
    assert (kept / f"{kind}-350.json").exists()
    assert (kept / ORDER).exists()


def test_a_shorter_prompt_is_the_end_of_the_longer_one(seq2seq_world):
    from kdray.train.trial_data import open_data

    for base in (world.sweep, world.seq2seq):
        trial = base(seq2seq_world).trial
        whole, short = open_data(trial), open_data(merge(trial, {"student.max_input": 20}))
        numbers = range(10)
        (long, told), (cut, same) = whole.source.take(numbers), short.source.take(numbers)
        assert (told.ids_NK == same.ids_NK).all()
        for one, two in zip(long, cut, strict=True):
            assert two.labels[two.labels >= 0].tolist() == one.labels[one.labels >= 0].tolist()
            assert one.input_ids.tolist()[-len(two.input_ids) :] == two.input_ids.tolist()
            before = len(two.input_ids) if base is world.seq2seq else int((two.labels >= 0).argmax())
            assert before <= 20 < len(one.input_ids)
        assert max(map(len, short.suite.read(range(8))[0])) == 20
    with pytest.raises(ConfigError, match="has no effect beyond encoding"):
        merge(trial, {"student.max_input": 1000})


def test_shards_of_the_ground_truth_hold_no_sequence(answered_world):
    trial = answered(answered_world, world.sweep).trial
    with pytest.raises(ConfigError, match="holds the ground truth"):
        TrialRun(merge(trial, {"shards": str(answered_world / "signal")}))


def test_a_student_in_its_teachers_tokens_is_read_word_for_word(answered_world):
    """Read again with a tokenizer that is the teacher's, rows and prompts are what they were."""
    from kdray.tasks.reread import Reread
    from kdray.train.trial_data import open_data

    for trial in (world.sweep(answered_world).trial, world.seq2seq(answered_world).trial):
        data = open_data(trial)
        reread = Reread(data.task, data.task)
        rows, _ = data.shards.take(range(20))
        for row in rows:
            again = reread.row(row)
            assert again.input_ids.tolist() == row.input_ids.tolist()
            assert again.labels.tolist() == row.labels.tolist()
        prompts, outputs, _ = data.suite.told(range(8))
        assert [reread.prompt(prompt).tolist() for prompt in prompts] == [
            prompt.tolist() for prompt in prompts
        ]
        ended = [ids for ids in outputs if ids[-1] == data.task.end_id]
        assert [reread.answer(ids).tolist() for ids in ended] == [ids.tolist() for ids in ended]


@pytest.mark.parametrize("family", ["llama", "t5", "roberta"])
def test_the_command_line_trains_evaluates_and_saves(
    family, seq2seq_world, clone_world, tmp_path, monkeypatch, capsys
):
    sweeps = {"llama": (world.sweep, seq2seq_world), "t5": (world.seq2seq, seq2seq_world)}
    make, root = sweeps.get(family, (lambda root: labelled_world.sweep(root, "clone"), clone_world))
    file = tmp_path / "sweep.yaml"
    file.write_text(yaml.safe_dump(as_data(make(root))))
    asked = ["--json", "--export", str(tmp_path / "student")]
    monkeypatch.setattr(sys, "argv", ["kdray", "trial", str(file), *asked])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    metrics = json.loads(capsys.readouterr().out)
    assert metrics["step"] == 6
    assert load_model(tmp_path / "student").config.model_type == family
