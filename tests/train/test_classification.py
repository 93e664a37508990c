"""Classifiers through the whole pipeline: teacher, signal, suite, trial."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from torch.nn import functional

from kdray.config import Distil, merge, sweep_from
from kdray.corpus.store import read_corpus
from kdray.errors import ConfigError
from kdray.evaluation.classify import Classifier
from kdray.evaluation.examine import examine
from kdray.experiment.job import Job
from kdray.losses import to_tensors
from kdray.metamorphic.suite import Suite
from kdray.metamorphic.suite_inputs import IDENTITY
from kdray.results import read_cases
from kdray.stream import collate
from kdray.students.families import describe
from kdray.students.load import load_model, load_tokenizer
from kdray.tasks.classification import ClassificationTask
from kdray.teacher.shards import ShardSource
from kdray.train.learner import Learner
from kdray.train.trial_run import TrialRun, train
from kdray.workers.attempt import Attempt
from tests import labelled_world

SWEEPS = Path(__file__).resolve().parents[2] / "sweeps"


def task_of(world: Path, snippets: int) -> ClassificationTask:
    return ClassificationTask(load_tokenizer(world / "teacher"), snippets, 126)


def test_a_teacher_learns_what_tells_the_classes_apart(vulnerability_world):
    marks = examine(str(vulnerability_world / "teacher"), str(vulnerability_world / "corpus"), 100, print)
    assert marks["teacher"]["accuracy"] > 0.85 > 0.7 > marks["majority"]["accuracy"]
    assert marks["teacher"]["f1"] > 0.8


@pytest.mark.parametrize("name", ["clone", "vulnerability"])
def test_the_stored_signal_is_the_teachers_class_probabilities(name, request):
    world = request.getfixturevalue(f"{name}_world")
    source = ShardSource.open(str(world / "signal"))
    rows, signal = source.take(range(len(source)))
    assert (signal.vocab, signal.ids_NK.shape[1]) == (2, 2)
    assert {int(row.labels[0]) for row in rows} == {0, 1}
    task = task_of(world, 2 if name == "clone" else 1)
    examples = {example.id: example for example in read_corpus(world / "corpus", "train")}
    classifier = Classifier(load_model(world / "teacher"), task)
    expected_NC = classifier([task.parts(examples[row.id]) for row in rows])
    stored_NC = np.zeros_like(expected_NC)
    np.put_along_axis(stored_NC, signal.ids_NK, np.exp(signal.logprobs_NK), 1)
    np.testing.assert_allclose(stored_NC, expected_NC, atol=2e-3)


def test_the_suite_changes_the_first_snippet_and_keeps_label_and_second(clone_world):
    suite = Suite.open(str(clone_world / "suite"))
    tokenizer = load_tokenizer(clone_world / "teacher")
    prompts, drafts, _ = suite.read(range(len(suite.cases)))
    texts = [tokenizer.decode(prompt.tolist()).split("</s>") for prompt in prompts]
    assert [str(int(draft[0])) for draft in drafts] == suite.teacher_texts
    for number, transform in enumerate(suite.transforms):
        clean = suite.clean_row[number]
        assert suite.references[number] == suite.references[clean] in ("0", "1")
        assert texts[number][1] == texts[clean][1]
        assert (texts[number][0] != texts[clean][0]) == (transform != IDENTITY)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("name", ["clone", "vulnerability"])
def test_a_student_trains_at_every_alpha_and_reports_every_mark(name, alpha, request):
    world = request.getfixturevalue(f"{name}_world")
    trial = merge(labelled_world.sweep(world, name).trial, {"distil.alpha": alpha})
    metrics = train(trial)
    for mark in ("accuracy", "precision", "recall", "f1", "ece", "metamorphic_discrepancy", "flips"):
        assert 0 <= metrics[mark] <= 1
    assert metrics["counts"]["cases"] == 8
    assert "assertion_accuracy" not in metrics
    low, high = metrics["intervals"]["accuracy"]
    assert low <= metrics["accuracy"] <= high


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_the_loss_is_that_of_two_classes_in_closed_form(clone_world, alpha, temperature):
    """(1 - a) CE + a T^2 KL(teacher at T || student at T), on the classes themselves."""
    source = ShardSource.open(str(clone_world / "signal"))
    rows, signal = source.take(range(12))
    student = load_model(clone_world / "teacher")
    for parameter in student.classifier.parameters():
        parameter.data *= -0.7
    distil = Distil(loss="bucketed", alpha=alpha, temperature=temperature)
    learner = Learner(student, describe(student.config), distil, "float32")
    batch = collate(rows, signal, pad_id=1, encoder_decoder=True)
    found = learner(batch, to_tensors(signal, temperature))
    logits_BC = student(torch.from_numpy(batch.input_ids_BT)).double()
    teacher_BC = torch.zeros_like(logits_BC)
    teacher_BC.scatter_(1, torch.tensor(signal.ids_NK), torch.tensor(signal.logprobs_NK).double())
    told_BC = (teacher_BC / temperature).log_softmax(1)
    said_BC = (logits_BC / temperature).log_softmax(1)
    divergence = (told_BC.exp() * (told_BC - said_BC)).sum(1).mean()
    truth_B = torch.from_numpy(batch.labels_N)
    cross_entropy = functional.cross_entropy(logits_BC, truth_B)
    expected = (1 - alpha) * cross_entropy + alpha * temperature**2 * divergence
    assert found.item() == pytest.approx(expected.item(), rel=2e-3, abs=1e-4)
    found.backward()
    assert float(student.classifier.dense.weight.grad.abs().sum()) > 0


@pytest.mark.parametrize("loss", ["decoupled", "bucketed", "reverse", "jsd", "tvd", "sampled"])
def test_every_loss_takes_class_probabilities(vulnerability_world, loss):
    base = labelled_world.sweep(vulnerability_world, "vulnerability").trial
    metrics = train(
        merge(base, {"distil.loss": loss, "distil.alpha": 1.0, "budget.steps": 3, "budget.rungs": [3]})
    )
    assert 0 <= metrics["train_loss"] < 10


def test_a_student_learns_from_the_teacher_alone(vulnerability_world):
    """With alpha 1 no label is seen: what it knows is its teacher's."""
    changes = {
        "distil.alpha": 1.0, "budget.steps": 120, "budget.rungs": [120], "evaluation.cases": 400,
        "student.layers": 2,
    }  # fmt: skip
    base = labelled_world.sweep(vulnerability_world, "vulnerability").trial
    metrics = train(merge(base, changes))
    assert metrics["agreement"] > 0.8


def test_the_teacher_as_its_own_student_never_parts_from_itself(vulnerability_world):
    base = labelled_world.sweep(vulnerability_world, "vulnerability").trial
    trial = merge(
        base, {"student.layers": 2, "student.init": "layers", "optim.lr": 1e-12, "budget.rungs": [6]}
    )
    metrics = train(trial)
    assert metrics["agreement"] == 1
    assert metrics["metamorphic_discrepancy"] == 0


def test_a_trial_goes_on_after_a_rung_with_the_same_losses(clone_world, tmp_path):
    trial = labelled_world.sweep(clone_world, "clone").trial
    whole = train(trial)
    first = TrialRun(trial)
    first.next_rung()
    first.save(tmp_path)
    first.close()
    second = TrialRun(trial)
    second.load(tmp_path)
    again = second.next_rung()
    second.close()
    assert again["train_loss"] == whole["train_loss"]


def test_the_worst_cases_lie_beside_a_trials_results(vulnerability_world, tmp_path):
    trial = labelled_world.sweep(vulnerability_world, "vulnerability").trial
    attempt = Attempt(Job("t0000", trial, 0), str(tmp_path), ["accuracy"], TrialRun)
    while not attempt.done:
        attempt.next_rung()
    attempt.close()
    cases = read_cases(tmp_path, "t0000")
    assert 0 < len(cases) <= 20
    assert [case["severity"] for case in cases] == sorted((c["severity"] for c in cases), reverse=True)
    for case in cases:
        assert {case["truth"], case["teacher"], case["student"]} <= {"0", "1"}
        assert "int result" in case["source"]
        assert case["relation"]
        assert case["transform"] != IDENTITY


def test_a_teacher_has_positions_for_all_that_it_is_given(clone_world):
    with pytest.raises(ConfigError, match=r"needs student\.positions of 202 or more, not 128"):
        labelled_world.recipe(clone_world, "clone", encoding={"max_input": 200})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"trial.student.snippets": 1}, "task clone wants student.snippets 2, not 1"),
        ({"task": "assertion"}, "a student of family roberta classifies"),
        ({"trial.encoding.max_row": 512}, "encoding.max_row has no effect on task clone"),
        ({"trial.optim.slice_share": 0.5}, "optim.slice_share has no effect on family roberta"),
        ({"trial.optim.context_weight": 0.5}, "optim.context_weight has no effect on a classifier"),
        ({"objectives": {"assertion_accuracy": "max"}}, "is not measured for task clone: name accuracy"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(changes, said):
    data = yaml.safe_load((SWEEPS / "clone.yaml").read_text())
    data = json.loads(json.dumps(data))
    data["space"] = {"distil.alpha": [0.0, 1.0]}
    for path, value in changes.items():
        *parents, leaf = path.split(".")
        node = data
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = value
    with pytest.raises(ConfigError, match=said):
        sweep_from(data, "test")
