from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from kdray.config import EvaluationConfig
from kdray.errors import DataError
from kdray.evaluation.generate import greedy
from kdray.metamorphic.answer import answer
from kdray.metamorphic.relations import RELATIONS
from kdray.metamorphic.suite import Suite, build_suite
from kdray.metamorphic.suite_metrics import evaluate, rename_back
from tests.metamorphic.conftest import Kit

CONFIG = EvaluationConfig(batch_size=5)


@pytest.fixture(scope="module")
def captured(kit: Kit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Kit, Suite]]:
    folder = str(tmp_path_factory.mktemp("suite"))
    build_suite(
        kit.model(0), kit.task, kit.examples, folder, seed=1, variants=2, header=kit.header, codec=kit.codec
    )
    yield kit, Suite.open(folder)


def test_the_teacher_as_its_own_student_violates_nothing(captured: tuple[Kit, Suite]) -> None:
    kit, suite = captured
    found = evaluate(kit.model(0), kit.task, suite, CONFIG)
    assert found.metrics["metamorphic_discrepancy"] == 0
    assert found.metrics["violating_share"] == 0
    assert found.metrics["agreement"] == 1
    assert found.metrics["calibration_gap"] == pytest.approx(0, abs=1e-4)
    assert found.metrics["flips"] == found.metrics["teacher_flips"]
    assert found.metrics["assertion_accuracy"] == found.metrics["teacher_accuracy"]


def test_another_model_does_not(captured: tuple[Kit, Suite]) -> None:
    kit, suite = captured
    found = evaluate(kit.model(1), kit.task, suite, CONFIG)
    assert found.metrics["metamorphic_discrepancy"] > 0.3
    assert found.metrics["agreement"] < 0.5
    low, high = found.intervals["metamorphic_discrepancy"]
    assert low <= found.metrics["metamorphic_discrepancy"] <= high


def test_the_marks_are_plain_data_with_an_interval_for_every_share(captured: tuple[Kit, Suite]) -> None:
    kit, suite = captured
    found = evaluate(kit.model(1), kit.task, suite, CONFIG, cases=6)
    data = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert found.counts["cases"] == 6
    assert set(RELATIONS) <= set(found.counts)
    assert {"assertion_accuracy", "metamorphic_discrepancy", "agreement", "violating_share"} <= data.keys()
    for name, (low, high) in data["intervals"].items():
        assert low <= data[name] <= high
    assert sum(row["variants"] for row in data["relations"].values()) == found.counts["variants"]


def test_the_marks_do_not_depend_on_the_batch_size(captured: tuple[Kit, Suite]) -> None:
    kit, suite = captured
    one = evaluate(kit.model(1), kit.task, suite, EvaluationConfig(batch_size=1))
    many = evaluate(kit.model(1), kit.task, suite, EvaluationConfig(batch_size=64))
    assert one.metrics == pytest.approx(many.metrics, abs=1e-4)


def dense_logprobs(kit: Kit, model: Any, prompt: Any, output: Any) -> Any:
    """Log-probabilities at the positions of an output, by one plain forward pass of the whole model."""
    ids, labels = (torch.from_numpy(x[None].astype(np.int64)) for x in (prompt, output))
    with torch.no_grad():
        if kit.task.encoder_decoder:
            logits = model(input_ids=ids, labels=labels).logits[0]
        else:
            logits = model(input_ids=torch.cat([ids, labels], 1)).logits[0, len(prompt) - 1 : -1]
    return logits.double().log_softmax(1).numpy()


def test_answers_are_those_of_a_slow_dense_computation(captured: tuple[Kit, Suite]) -> None:
    kit, suite = captured
    teacher, student = kit.model(0), kit.model(1)
    numbers = suite.first(4)
    answers, texts = answer(student, kit.task, suite, numbers, batch_size=4)
    prompts, outputs, signal = suite.read(numbers)
    own = greedy(
        student,
        prompts,
        end_id=kit.task.end_id,
        pad_id=kit.task.pad_id,
        max_new_tokens=kit.task.max_target,
        batch_size=3,
    )
    assert texts == [kit.task.decode(output.ids) for output in own]
    np.testing.assert_allclose(answers.student_confidence, [output.confidence for output in own], atol=1e-4)
    at = 0
    for row, (prompt, output) in enumerate(zip(prompts, outputs, strict=True)):
        p_LV, q_LV = (np.exp(dense_logprobs(kit, model, prompt, output)) for model in (teacher, student))
        said = q_LV[np.arange(len(output)), output]
        assert answers.student_on_teacher[row] == pytest.approx(np.exp(np.log(said).mean()), abs=1e-4)
        total = 0.0
        for position in range(len(output)):
            head = signal.ids_NK[at + position][np.isfinite(signal.logprobs_NK[at + position])]
            p = np.append(p_LV[position, head], max(0.0, 1 - p_LV[position, head].sum()))
            q = np.append(q_LV[position, head], max(0.0, 1 - q_LV[position, head].sum()))
            m = (p + q) / 2
            total += sum(0.5 * a * np.log2(a / c) for b in (p, q) for a, c in zip(b, m, strict=True) if a > 0)
        assert answers.divergence[row] == pytest.approx(total / len(output), abs=5e-3)
        at += len(output)


def test_a_renamed_answer_is_renamed_back_word_by_word() -> None:
    assert (
        rename_back("assert value == values.value2 + value", [("x", "value")])
        == "assert x == values.value2 + x"
    )


def test_cases_without_a_variant_are_refused(captured: tuple[Kit, Suite]) -> None:
    kit, suite = captured
    with pytest.raises(DataError, match="no variant"):
        evaluate(kit.model(1), kit.task, suite, CONFIG, cases=0)


def test_the_worst_cases_show_source_diff_and_both_outputs(captured: tuple[Kit, Suite]) -> None:
    kit, suite = captured
    assert evaluate(kit.model(0), kit.task, suite, CONFIG).worst == []
    worst = evaluate(kit.model(1), kit.task, suite, CONFIG).worst
    assert 0 < len(worst) <= 20
    assert [case["severity"] for case in worst] == sorted((c["severity"] for c in worst), reverse=True)
    sources = {kit.task.text(prompt) for prompt in suite.read(range(len(suite.cases)))[0]}
    for case in worst:
        assert case["source"] in sources
        assert case["source"].count("\n") >= 2, "a test has lines"
        assert case["diff"].startswith("@@")
        assert case["teacher"] in suite.teacher_texts
        assert set(case["relation"].split(", ")) <= set(RELATIONS)
        assert case["truth"] in suite.references
