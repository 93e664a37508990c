"""A GGUF file, which llama.cpp runs, as a transformers folder: `kdray teacher convert`.

Quantised weights come back as the numbers that they stand for, in float32; what was lost in quantising stays lost.
Needs the extra `gguf`. Architectures are those whose files transformers reads.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import shutil
import tempfile
from pathlib import Path
from typing import Any

from kdray.errors import ConfigError, DataError, first_line
from kdray.students.whole_weights import check_read

ENDING = ".gguf"
NEEDED = ("gguf", "accelerate")


def convert(file: str, out: str) -> list[str]:
    """Writes model and tokenizer of a GGUF file into a new folder; the names of the files of weights.

    Raises:
        ConfigError: `out` is there already, or the extra is missing.
        DataError: no file that transformers can read, or one that lacks some of the model's weights.
    """
    source, target = Path(file), Path(out)
    if target.exists():
        raise ConfigError(f"{target} exists already: name another folder, or remove it")
    if not source.is_file():
        raise DataError(f"{file}: no such file")
    if missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        raise ConfigError(f"{file}: reading GGUF needs {' and '.join(missing)}: pip install 'kdray[gguf]'")
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        _write(source, work)
        work.chmod(0o755)
        work.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return sorted(path.name for path in target.glob("*.safetensors"))


def _write(source: Path, work: Path) -> None:
    from kdray.students.load import name_accelerator, quiet, readable_as

    quiet()
    name_accelerator()
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # a bar that no setting turns off
            model, tokenizer = _read(source)
    except DataError:
        raise
    except Exception as error:  # gguf and transformers raise all kinds over a damaged file
        raise DataError(f"{source}: no GGUF that transformers can read: {first_line(error)}") from error
    # It is no longer quantised, and is to be loaded as any other.
    del model.config.quantization_config
    model.hf_quantizer = None
    model.is_quantized = False
    model.save_pretrained(work, safe_serialization=True)
    tokenizer.save_pretrained(work)
    readable_as(work, "config.json")


def _read(source: Path) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    options = {"gguf_file": source.name, "trust_remote_code": False}
    model, told = AutoModelForCausalLM.from_pretrained(
        source.parent, dtype=torch.float32, output_loading_info=True, **options
    )
    check_read(model, told, str(source))
    return model, AutoTokenizer.from_pretrained(source.parent, **options)
