"""A teacher's weights are named, hashed and kept from its files, as its model would have them."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as tf
from safetensors.torch import load_file, save_file

from kdray.errors import DataError
from kdray.students import source_weights
from kdray.students.kept_weights import FILE, teacher_weights
from kdray.students.load import load_model, weights_fingerprint
from kdray.students.source_weights import SourceWeights, put_beside

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}


def teacher(folder: Path, dtype: torch.dtype, **options: Any) -> Path:
    model = tf.LlamaForCausalLM(tf.LlamaConfig(vocab_size=300, tie_word_embeddings=True, **SIZES))
    model.to(dtype).save_pretrained(folder, **options)
    return folder


@pytest.mark.parametrize("options", [{}, {"max_shard_size": "20KB"}], ids=["one file", "several"])
def test_it_is_kept_once_in_its_own_precision_and_no_model_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    folder = teacher(tmp_path / "teacher", torch.bfloat16, **options)
    model = load_model(folder)
    monkeypatch.setattr(source_weights, "load_model", None)
    weights = SourceWeights.of(str(folder))
    params = sum(parameter.numel() for parameter in model.parameters())
    assert (weights.fingerprint, weights.params, weights.dtype) == (
        weights_fingerprint(model),
        params,
        "bfloat16",
    )
    (tmp_path / "kept").mkdir()
    weights.keep(tmp_path / "kept")
    stores = [str(tmp_path / name / "teacher") for name in ("one", "two")]
    put_beside(tmp_path / "kept", stores)
    shutil.rmtree(folder)
    for store in stores:
        found = teacher_weights(store, weights.fingerprint)
        assert {tensor.dtype for tensor in found.values()} == {torch.bfloat16}
        assert all(torch.equal(found[name].float(), own) for name, own in model.named_parameters())
    files = [next(Path(store).glob("*.safetensors")).stat() for store in stores]
    assert files[0].st_ino == files[1].st_ino


def test_a_file_that_names_its_weights_otherwise_is_read_as_its_model_and_kept_whole(tmp_path: Path) -> None:
    folder = teacher(tmp_path / "teacher", torch.float32)
    file = folder / "model.safetensors"
    tensors = load_file(file)
    twice = tensors | {"lm_head.weight": tensors["model.embed_tokens.weight"].clone()}
    expected = SourceWeights.of(str(folder))
    save_file(twice, file, metadata={"format": "pt"})
    weights = SourceWeights.of(str(folder))
    assert weights.files is None and expected.files is not None
    assert (weights.fingerprint, weights.params) == (expected.fingerprint, expected.params)
    (tmp_path / "kept").mkdir()
    weights.keep(tmp_path / "kept")
    assert json.loads((tmp_path / "kept" / FILE).read_text())["fingerprint"] == expected.fingerprint


def test_a_head_of_its_own_that_a_configuration_calls_tied_is_refused_before_a_capture(
    tmp_path: Path,
) -> None:
    folder = teacher(tmp_path / "teacher", torch.float32)
    file = folder / "model.safetensors"
    tensors = load_file(file)
    apart = tensors | {"lm_head.weight": torch.randn_like(tensors["model.embed_tokens.weight"])}
    save_file(apart, file, metadata={"format": "pt"})
    with pytest.raises(
        DataError, match=r"its file holds lm_head.weight, for which .* correct tie_word_embeddings"
    ):
        SourceWeights.of(str(folder))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"tie_word_embeddings": False}))
    assert SourceWeights.of(str(folder)).params == sum(tensor.numel() for tensor in apart.values())


def test_of_several_forms_of_its_weights_in_a_folder_those_that_are_loaded_are_kept(tmp_path: Path) -> None:
    folder = teacher(tmp_path / "teacher", torch.float32, max_shard_size="20KB")
    file = teacher(tmp_path / "other", torch.float32) / "model.safetensors"
    for name in ("model.safetensors", "consolidated.safetensors"):
        shutil.copy(file, folder / name)
    weights = SourceWeights.of(str(folder))
    assert weights.fingerprint == weights_fingerprint(load_model(folder))
    (tmp_path / "kept").mkdir()
    weights.keep(tmp_path / "kept")
    stores = [f"file://{tmp_path / name}" for name in ("one", "two")]
    (tmp_path / "one").mkdir()
    shutil.copy(folder / "model.safetensors.index.json", tmp_path / "one")  # as another version kept it
    put_beside(tmp_path / "kept", stores)
    for name in ("one", "two"):
        assert [path.name for path in (tmp_path / name).glob("model*")] == ["model.safetensors"]
        assert weights_fingerprint(load_model(tmp_path / name)) == weights.fingerprint
    config = json.loads((folder / "config.json").read_text())
    told = config | {"transformers_weights": "model.safetensors.index.json"}
    (folder / "config.json").write_text(json.dumps(told))
    weights = SourceWeights.of(str(folder))
    assert weights.files is None and weights.fingerprint == weights_fingerprint(load_model(folder))
    teacher(folder, torch.float32)
    with pytest.raises(DataError, match="other weights than when the capture began"):
        weights.keep(tmp_path / "kept")


def test_a_hubs_name_is_read_where_its_files_were_fetched_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = teacher(tmp_path / "models--some--model" / "snapshots" / "abc", torch.float16)
    (tmp_path / "models--some--model" / "refs").mkdir()
    (tmp_path / "models--some--model" / "refs" / "main").write_text("abc")
    for module in ("huggingface_hub.constants", "huggingface_hub._snapshot_download.constants"):
        monkeypatch.setattr(f"{module}.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("transformers.utils.hub.constants.HF_HUB_CACHE", str(tmp_path))
    weights = SourceWeights.of("some/model")
    assert weights.files is not None and os.path.samefile(weights.files, snapshot)
    assert weights.fingerprint == SourceWeights.of(str(snapshot)).fingerprint

    def gone(name: str, **options: object) -> str:
        raise ConnectionError("reset by peer\nand more")

    monkeypatch.setattr("huggingface_hub.snapshot_download", gone)
    with pytest.raises(DataError, match=r"^some/model: its weights cannot be fetched: reset by peer$"):
        SourceWeights.of("some/model")
