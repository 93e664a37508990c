"""Teachers in few bits: read where they can be, kept as plain weights, and refused with what is missing."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as tf
from safetensors.torch import load_file, save_file

from kdray.config import sweep_from
from kdray.errors import DataError
from kdray.pipeline.beforehand import check
from kdray.pipeline.prepare import prepare
from kdray.students.load import load_config, load_model, weights_fingerprint
from kdray.teacher.shards import ShardSource
from kdray.train import TrialRun
from tests import world

BLOCK = 128


def in_bits(bits: int) -> Any:
    """Writes a teacher in bits of bitsandbytes."""

    def write(source: Path, folder: Path) -> None:
        settings = tf.BitsAndBytesConfig(load_in_8bit=bits == 8, load_in_4bit=bits == 4)
        tf.AutoModelForCausalLM.from_pretrained(source, quantization_config=settings).save_pretrained(folder)

    return write


def in_fp8(source: Path, folder: Path) -> None:
    """Writes a teacher as DeepSeek's are: matrices in fp8, a scale for each block."""
    weights = load_file(source / "model.safetensors")
    for name, one in list(weights.items()):
        if one.ndim == 2 and "layers" in name:
            largest = one.float().abs().max() / 448
            weights[name] = (one.float() / largest).to(torch.float8_e4m3fn)
            blocks = [-(-size // BLOCK) for size in one.shape]
            weights[f"{name}_scale_inv"] = largest.expand(blocks).clone()
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    _say(folder, {"quant_method": "fp8", "weight_block_size": [BLOCK, BLOCK]})


def _say(folder: Path, settings: dict[str, Any]) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"quantization_config": settings}))


def wide(teacher: Path, folder: Path) -> Any:
    """The same teacher but for its weights, in widths that 4 bits come in on a processor: blocks of 64."""
    shutil.copytree(teacher, folder / "whole")
    torch.manual_seed(0)
    config = tf.AutoConfig.from_pretrained(teacher)
    config.intermediate_size = 2 * 64
    model = tf.AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    model.save_pretrained(folder / "whole")
    return model


def sweep_of(root: Path, small_world: Path) -> Any:
    data = world.sweep_data(small_world)
    data["trial"] |= {name: str(root / name) for name in ("teacher", "shards", "suite")}
    return sweep_from(data, "test")


@pytest.mark.parametrize(
    ("write", "near"), [(in_bits(8), 0.02), (in_bits(4), 0.2), (in_fp8, 0.1)], ids=["8 bits", "4 bits", "fp8"]
)
def test_a_quantised_teacher_is_captured_and_students_are_cut_from_the_numbers_that_it_stands_for(
    write, near, small_world, tmp_path
):
    pytest.importorskip("accelerate")
    pytest.importorskip("bitsandbytes")
    whole = wide(small_world / "teacher", tmp_path)
    shutil.copytree(tmp_path / "whole", tmp_path / "teacher")
    write(tmp_path / "whole", tmp_path / "teacher")
    sweep = sweep_of(tmp_path, small_world)
    check(sweep)
    prepare(sweep)
    kept = load_model(tmp_path / "shards" / "teacher")
    assert not hasattr(kept.config, "quantization_config")
    source = ShardSource.open(str(tmp_path / "shards"))
    assert source.manifest.teacher == weights_fingerprint(kept)
    pairs = zip(kept.parameters(), whole.parameters(), strict=True)
    off = [float(((a - b).norm() / b.norm()).detach()) for a, b in pairs]
    assert 0 < max(off) < near
    with closing(TrialRun(sweep.trial)) as run:
        run._train_step()
    assert sys.modules["kernels"] is None  # nothing is fetched and run by it


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"quant_method": "gptq", "bits": 4}, r"quantised \(gptq\), which does not run here:.*optimum"),
        ({"quant_method": "awq", "bits": 4}, r"quantised \(awq\), which does not run here:.*gptqmodel"),
        ({"quant_method": "nonsense"}, r"quantised \(nonsense\), which does not run here: Unknown"),
    ],
)
def test_what_cannot_be_read_here_is_refused_with_what_is_missing_before_a_capture(
    settings, said, small_world, tmp_path
):
    if importlib.util.find_spec("gptqmodel") is not None:
        pytest.skip("it could be here")
    shutil.copytree(small_world / "teacher", tmp_path / "teacher")
    _say(tmp_path / "teacher", settings)
    for asked in (check, prepare):
        with pytest.raises(DataError, match=said):
            asked(sweep_of(tmp_path, small_world))
    assert not (tmp_path / "shards").exists()


def test_a_method_without_a_way_back_to_plain_weights_is_refused(small_world, tmp_path, monkeypatch):
    from transformers.quantizers import quantizer_awq

    monkeypatch.setattr(quantizer_awq.AwqQuantizer, "validate_environment", lambda self, **kwargs: None)
    shutil.copytree(small_world / "teacher", tmp_path / "teacher")
    _say(tmp_path / "teacher", {"quant_method": "awq", "bits": 4})
    with pytest.raises(DataError, match="does not turn these into the plain weights"):
        check(sweep_of(tmp_path, small_world))
    assert load_config(tmp_path / "teacher").model_type == "llama"
