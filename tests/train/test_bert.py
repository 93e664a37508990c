"""Classifiers that kdray does not build itself: BERT, DistilBERT, and RoBERTa by its teacher's configuration."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest
import torch
import transformers as tf
from tokenizers import BertWordPieceTokenizer
from torch.utils.flop_counter import FlopCounterMode

from kdray.config import TeacherStudent, merge
from kdray.corpus.store import read_corpus
from kdray.errors import ConfigError, DataError
from kdray.evaluation.classify import Classifier
from kdray.pipeline.beforehand import check
from kdray.pipeline.prepare import prepare
from kdray.students.cuts import check_cut
from kdray.students.derived_cost import counted
from kdray.students.families import build, shape_of
from kdray.students.forward import head, hidden_states
from kdray.students.load import load_model, load_task
from kdray.students.logits import TargetLogits
from kdray.students.preflight import check_teacher, check_weights
from kdray.students.warm_start import cut_state
from kdray.tasks.row import Row
from kdray.train import TrialRun
from tests import labelled_world

PAD, START, END, VOCAB = 0, 2, 3, 300
IDS = {"pad_token_id": PAD, "bos_token_id": START, "eos_token_id": END}
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
BASE = {"vocab_size": VOCAB, "max_position_embeddings": 130, "attn_implementation": "eager"}
KINDS = {
    "bert": (tf.BertForSequenceClassification, tf.BertConfig(**BASE, **SIZES, pad_token_id=PAD)),
    "distilbert": (
        tf.DistilBertForSequenceClassification,
        tf.DistilBertConfig(**BASE, dim=32, n_layers=2, n_heads=4, hidden_dim=48, pad_token_id=PAD),
    ),
    "roberta": (tf.RobertaForSequenceClassification, tf.RobertaConfig(**BASE, **SIZES, **IDS)),
}


@pytest.fixture(scope="module", params=KINDS)
def folder(request, tmp_path_factory, vulnerability_world):
    """A teacher's folder as transformers makes one, its tokenizer beside it."""
    kind, config = KINDS[request.param]
    torch.manual_seed(0)
    model = kind(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    place = tmp_path_factory.mktemp(request.param)
    model.save_pretrained(place)
    words = BertWordPieceTokenizer(lowercase=False)
    texts = [example.context for example in read_corpus(vulnerability_world / "corpus")]
    words.train_from_iterator(texts, vocab_size=VOCAB, show_progress=False)
    names = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
    tokenizer = tf.PreTrainedTokenizerFast(tokenizer_object=words._tokenizer, **names)
    tokenizer.save_pretrained(place)
    return place


def theirs(folder, ids):
    """transformers' own logits of one input."""
    model = tf.AutoModelForSequenceClassification.from_pretrained(folder, attn_implementation="eager").eval()
    with torch.no_grad():
        return model(input_ids=torch.tensor(ids)[None]).logits[0].numpy()


def rows():
    rng = np.random.default_rng(0)
    bodies = [rng.integers(5, VOCAB, length).astype(np.int32) for length in (9, 30, 4)]
    return [Row("", np.array([START, *body, END], np.int32), np.array([1], np.int32)) for body in bodies]


def test_its_logits_are_transformers_own(folder):
    model, task = load_model(folder), load_task(load_model(folder), folder)
    assert (task.name, task.start_id, task.end_id) == ("vulnerability", START, END)
    for row, found in zip(rows(), TargetLogits(model, PAD)(rows()), strict=True):
        np.testing.assert_allclose(found[0], theirs(folder, row.input_ids), atol=1e-5)
    code = "int f ( int left ) { return left + 1 ; }"
    expected = torch.from_numpy(theirs(folder, task.encode([code])[0])).softmax(0)
    np.testing.assert_allclose(Classifier(model, task)([(code,)])[0], expected, atol=1e-5)


def made(folder, **fields):
    teacher = load_model(folder)
    student = TeacherStudent(family="teacher", **fields)
    check_cut(shape_of(teacher.config), student, teacher.config)
    check_weights(teacher.config, student)
    model = build(student, VOCAB, pad_id=PAD, end_id=END, start_id=START, like=teacher.config)
    shapes = {name: parameter.shape for name, parameter in model.named_parameters()}
    weights = cut_state(dict(teacher.named_parameters()), teacher.config.model_type, shapes)
    model.load_state_dict({name: tensor.detach().clone() for name, tensor in weights.items()}, strict=False)
    return teacher, student, model.eval()


def test_a_cut_with_all_layers_is_the_teacher(folder):
    teacher, _, model = made(folder)
    for mine, yours in zip(TargetLogits(model, PAD)(rows()), TargetLogits(teacher, PAD)(rows()), strict=True):
        np.testing.assert_allclose(mine, yours, atol=1e-4)


@pytest.mark.parametrize(
    "fields", [{"layers": 1}, {"init": "sliced", "hidden": 16, "heads": 2, "feed_forward": 24}]
)
def test_a_smaller_one_costs_what_was_said_and_speaks(folder, fields):
    teacher, student, model = made(folder, **fields)
    params, flops = counted(teacher.config, student, VOCAB, 7, 0)
    assert params == sum(parameter.numel() for parameter in model.parameters())
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        ids_BT = torch.tensor([[START, 5, 6, 7, 8, 9, END]])
        model.set_attn_implementation("eager")
        hidden_states(model, ids_BT, torch.ones_like(ids_BT), None)[:, 0] @ head(model)[0].T
    pooled_twice = 2 * model.config.hidden_size**2 if model.config.model_type == "bert" else 0
    assert flops + pooled_twice == counter.get_total_flops()


def test_what_it_cannot_do_is_told_without_weights(folder):
    config = load_model(folder).config
    with pytest.raises(DataError, match="reads one text"):
        check_teacher(config, "clone", "x")
    with pytest.raises(DataError, match="classifies here and writes nothing"):
        check_teacher(config, "assertion", "x")
    with pytest.raises(ConfigError, match=r"student.hidden 16 of 4 heads: heads of this teacher are 8 wide"):
        check_cut(None, TeacherStudent(family="teacher", init="sliced", hidden=16), config)


def test_a_student_of_its_family_is_captured_trained_and_judged(folder, vulnerability_world, tmp_path):
    student = {"family": "teacher", "layers": 1}
    places = {"teacher": str(folder), "shards": str(tmp_path / "signal"), "suite": str(tmp_path / "suite")}
    sweep = labelled_world.sweep(vulnerability_world, "vulnerability", student=student, **places)
    assert check(sweep).known["teacher_params"] == sum(p.numel() for p in load_model(folder).parameters())
    prepare(sweep)
    with closing(TrialRun(sweep.trial)) as run:
        run.next_rung()
        metrics = run.next_rung()
        run.export(tmp_path / "student")
    assert 0 <= metrics["accuracy"] <= 1 and metrics["student_params"] > 0
    model = load_model(tmp_path / "student")
    assert model.config.model_type == load_model(folder).config.model_type
    if "roberta" not in folder.name:
        with pytest.raises(ConfigError, match=r"encoding\.max_input 131: the teacher has 130 positions"):
            check(sweep.model_copy(update={"trial": merge(sweep.trial, {"encoding.max_input": 131})}))
