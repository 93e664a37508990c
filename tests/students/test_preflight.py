"""What `validate` says of a sweep's models, from configurations alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import transformers as tf

from kdray.config import sweep_from
from kdray.errors import ConfigError, DataError
from kdray.students.load import load_model
from kdray.students.logits import TargetLogits
from kdray.students.preflight import check_models, check_teacher
from kdray.tasks.row import Row
from tests.students.zoo import VOCAB, ZOO

ROBERTA = {"vocab_size": 60, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
ROBERTA |= {"intermediate_size": 16, "max_position_embeddings": 20}
PAIRS = {"family": "roberta", "layers": 1, "hidden": 16, "heads": 2, "feed_forward": 16, "snippets": 2}
T5 = {"family": "t5", "hidden": 32, "heads": 4, "head_dim": 8, "feed_forward": 48, "init": "random"}
LLAMA = {"family": "llama", "layers": 1, "hidden": 32, "heads": 4, "head_dim": 8, "feed_forward": 48}


def sweep(teacher, student, task="assertion", **encoding):
    trial = {"task": task, "teacher": str(teacher), "corpus": "c", "shards": "s", "suite": "u"}
    trial |= {"student": student, "budget": {"steps": 1}, "encoding": encoding}
    objectives = {"assertion_accuracy" if task == "assertion" else "accuracy": "max"}
    data = {
        "name": "x",
        "trial": trial,
        "space": {"distil.alpha": {"range": [0.0, 1.0]}},
        "objectives": objectives,
    }
    return sweep_from(data, "test")


@pytest.mark.parametrize("labels", [1, 3])
def test_a_classifier_of_another_number_of_classes_is_refused_when_it_is_opened(labels, tmp_path):
    model = tf.RobertaForSequenceClassification(tf.RobertaConfig(**ROBERTA, num_labels=labels))
    model.save_pretrained(tmp_path)
    with pytest.raises(DataError, match=f"has {labels} outputs .*fine-tune it with num_labels 2"):
        check_models(sweep(tmp_path, {**PAIRS, "snippets": 1}, "vulnerability"))
    with pytest.raises(DataError, match=f"has {labels} outputs"):
        load_model(tmp_path)


def test_a_detector_that_reads_a_pair_as_one_text_is_refused(tmp_path):
    tf.RobertaForSequenceClassification(tf.RobertaConfig(**ROBERTA)).save_pretrained(tmp_path)
    with pytest.raises(
        DataError, match=r"reads one text, <s>a</s></s>b</s> if .*reads each snippet for itself"
    ):
        check_models(sweep(tmp_path, PAIRS, "clone"))
    check_models(sweep(tmp_path, {**PAIRS, "snippets": 1}, "vulnerability"))


def test_a_teacher_of_another_task_is_refused():
    config = ZOO["llama"]().config
    with pytest.raises(
        DataError, match="task clone wants a teacher of type roberta or bert or distilbert, not llama"
    ):
        check_teacher(config, "clone", "x")
    with pytest.raises(
        DataError, match="a roberta classifies here and writes nothing: task must be clone or"
    ):
        check_teacher(tf.RobertaConfig(**ROBERTA), "assertion", "x")


@pytest.mark.parametrize(
    ("name", "student", "said"),
    [
        ("qwen2", {**LLAMA, "init": "sliced"}, "a llama student cannot be cut from a qwen2 teacher"),
        ("t5", {**LLAMA, "init": "random"}, r"the teacher \(t5\) is an encoder-decoder: use family teacher"),
        ("llama-grouped", {**LLAMA, "tied_embeddings": False, "heads": 1, "init": "sliced"}, "groups of 2"),
        ("gpt2", {"family": "teacher", "layers": 9}, "student.layers 9 is larger than the teacher's 2"),
        ("t5-asymmetric", {"family": "teacher"}, "more decoder layers"),
        ("t5", {**T5, "encoder_layers": 1, "decoder_layers": 2}, "decoder_layers 2 are more .*: try 1"),
    ],
)  # fmt: skip
def test_a_student_that_cannot_be_made_is_refused_without_weights(name, student, said, tmp_path):
    ZOO[name]().config.save_pretrained(tmp_path)
    with pytest.raises((ConfigError, DataError), match=said):
        check_models(sweep(tmp_path, student, max_input=64, max_target=32, max_row=96))


@pytest.mark.parametrize(
    "rope",
    [
        {"rope_type": "dynamic", "factor": 2.0},
        {"rope_type": "longrope", "factor": 4.0, "original_max_position_embeddings": 64,
         "short_factor": [1.0] * 4, "long_factor": [4.0] * 4},
    ],
    ids=lambda rope: rope["rope_type"],
)  # fmt: skip
def test_texts_so_long_that_a_models_angles_depend_on_the_others_of_a_batch_are_refused(rope, tmp_path):
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4, "intermediate_size": 48}
    room = 64 if rope["rope_type"] == "dynamic" else 256
    told = {"rope_parameters": {"rope_theta": 1e4, **rope}, "max_position_embeddings": room}
    torch.manual_seed(0)
    model = tf.LlamaForCausalLM(tf.LlamaConfig(vocab_size=VOCAB, **sizes, **told)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(8)  # a fresh one hardly looks where its angles point
    model.config.save_pretrained(tmp_path)
    check_models(sweep(tmp_path, {"family": "teacher"}, max_input=40, max_target=24, max_row=64))
    with pytest.raises(ConfigError, match=r"the teacher \(llama\) turns its angles .* beyond 64 tokens"):
        check_models(sweep(tmp_path, {"family": "teacher"}, max_input=40, max_target=25, max_row=64))
    rows = [Row("", ids, ids) for ids in (np.arange(length, dtype=np.int32) for length in (40, 64, 96))]
    ask = TargetLogits(model, 0)
    (alone,), beside, far = ask(rows[:1]), ask(rows[:2])[0], ask([rows[0], rows[2]])[0]
    np.testing.assert_allclose(alone, beside, atol=1e-5)
    assert np.abs(alone - far).max() > 1e-4


@pytest.mark.parametrize("field", ["boundary", "end"])
def test_what_an_encoding_cannot_do_is_refused_without_weights(field, tmp_path):
    asked = {"boundary": "whole", "end": "newline"}[field]
    for name in ("t5", "qwen2"):
        ZOO[name]().config.save_pretrained(tmp_path / name)
    check_models(sweep(tmp_path / "qwen2", {"family": "teacher"}, **{field: asked}))
    with pytest.raises(ConfigError, match=rf"encoding\.{field} {asked} has no effect on an encoder-decoder"):
        check_models(sweep(tmp_path / "t5", {"family": "teacher"}, **{field: asked}))


def test_what_is_not_there_yet_is_not_asked(tmp_path):
    check_models(sweep(tmp_path / "to-be-trained", LLAMA))
    ZOO["qwen2"]().config.save_pretrained(tmp_path)
    check_models(sweep(tmp_path, {"family": "teacher", "layers": 1}))
    (tmp_path / "config.json").unlink()
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(DataError, match="an adapter"):
        check_models(sweep(tmp_path, LLAMA))
