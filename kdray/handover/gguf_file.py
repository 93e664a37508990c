"""The student as a GGUF file, which llama.cpp runs: written with the package `gguf`, read back and asked.

Where llama-cpp-python is installed it answers, and says how it reads the suite's own texts; else the file is read
by transformers, which knows its numbers and not how llama.cpp cuts text. Needs the extra `gguf`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kdray.errors import ConfigError, DataError
from kdray.handover.beams import Writer
from kdray.handover.gguf_vocabulary import Vocabulary, different, vocabulary
from kdray.handover.gguf_weights import add_sizes, check, tensors
from kdray.tasks import Task

TYPES = ("f16", "q8_0")
"""How matrices are kept: 16 bits, or 8 and a common factor of 32."""
NEEDED = ("gguf", "accelerate")
LLAMA_CPP = "llama_cpp"
Ids = NDArray[np.int32]


def check_installed() -> None:
    """Raises `ConfigError` where the extra is missing."""
    if missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        raise ConfigError(f"--gguf needs {missing[0]}: pip install 'kdray[gguf]'")


def check_student(config: Any, tokenizer: Any) -> None:
    """Raises `ConfigError` for a family, a setting or a tokenizer that llama.cpp does not know."""
    check(config)
    vocabulary(tokenizer, config.vocab_size)


def write(model: Any, task: Task, folder: Path, kind: str) -> dict[str, Any]:
    """Writes `model-KIND.gguf` into a folder.

    Returns:
        `file`, `type`, `bytes`, `float_bytes` of the folder's own weights, and `cut`, llama.cpp's name for how
        text becomes words.

    Raises:
        ConfigError: see `check_student`.
    """
    check(model.config)
    words = vocabulary(task.tokenizer, model.config.vocab_size)
    path = folder / f"model-{kind}.gguf"
    _write(path, model, words, kind)
    weights = sum(one.stat().st_size for one in folder.glob("*.safetensors"))
    size = path.stat().st_size
    return {"file": path.name, "type": kind, "bytes": size, "float_bytes": weights, "cut": words.cut}


def _write(path: Path, model: Any, words: Vocabulary, kind: str) -> None:
    import gguf

    family = model.config.model_type
    writer = gguf.GGUFWriter(path, family)
    writer.add_name("student")
    writer.add_file_type(getattr(gguf.LlamaFileType, f"MOSTLY_{kind.upper()}"))
    add_sizes(writer, model.config)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(words.cut)
    writer.add_token_list(words.tokens)
    writer.add_token_types(words.kinds)
    writer.add_token_merges(words.merges)
    for role, number in words.special.items():
        getattr(writer, f"add_{role}_token_id")(number)
    writer.add_add_bos_token(words.adds_start)
    writer.add_add_eos_token(False)
    arch = {name: key for key, name in gguf.MODEL_ARCH_NAMES.items()}[family]
    for name, weight in tensors(model, gguf.get_tensor_name_map(arch, model.config.num_hidden_layers)):
        as_type = _type(gguf, weight, kind)
        writer.add_tensor(name, gguf.quants.quantize(weight, as_type), raw_dtype=as_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _type(gguf: Any, weight: NDArray[np.float32], kind: str) -> Any:
    """Vectors stay as they are; so do matrices whose rows are not whole blocks, in 16 bits."""
    types = gguf.GGMLQuantizationType
    if weight.ndim == 1:
        return types.F32
    blocks = weight.shape[-1] % gguf.GGML_QUANT_SIZES[types.Q8_0][0] == 0
    return types.Q8_0 if kind == "q8_0" and blocks else types.F16


@contextlib.contextmanager
def reader(folder: Path, file: str, task: Task, texts: Sequence[str]) -> Iterator[tuple[Writer, str]]:
    """What answers with a file's weights, and its name; open as long as it is asked.

    Args:
        folder: of the file.
        file: its name.
        task: asks it.
        texts: llama.cpp has to read as the student's own tokenizer does.

    Raises:
        DataError: llama.cpp reads one of them otherwise.
    """
    if importlib.util.find_spec(LLAMA_CPP) is None:
        yield _by_transformers(folder, file, task), "transformers"
        return
    llama = LlamaCpp(folder / file)
    try:
        if text := different(task.tokenizer, llama.tokenize, list(texts)):
            raise DataError(
                f"{file}: llama.cpp reads other tokens than the student's tokenizer in {text[:60]!r}"
            )
        yield llama, "llama.cpp"
    finally:
        llama.close()


def _by_transformers(folder: Path, file: str, task: Task) -> Writer:
    import torch
    from transformers import AutoModelForCausalLM

    from kdray.handover.torch_writer import TorchWriter
    from kdray.students.load import name_accelerator, quiet

    quiet()
    name_accelerator()
    with contextlib.redirect_stderr(io.StringIO()):  # a bar that no setting turns off
        model = AutoModelForCausalLM.from_pretrained(
            folder, gguf_file=file, dtype=torch.float32, trust_remote_code=False
        )
    return TorchWriter(model.eval(), task.pad_id)


class LlamaCpp:
    """A file in llama.cpp, as something that writes one answer at a time (`beams.greedy`)."""

    def __init__(self, path: Path) -> None:
        """Loads it. Raises `DataError` for a file that llama.cpp does not take."""
        from llama_cpp import Llama

        threads = int(os.environ.get("OMP_NUM_THREADS") or 0) or None
        try:
            self._llama = Llama(str(path), n_ctx=0, n_threads=threads, logits_all=False, verbose=False)
        except ValueError as error:
            raise DataError(f"{path.name}: llama.cpp cannot load it: {error}") from error

    def close(self) -> None:
        """Gives its memory back: at the interpreter's end it no longer can."""
        self._llama.close()

    def tokenize(self, text: bytes) -> list[int]:
        """Ids of a text in which nothing is special."""
        return list(self._llama.tokenize(text, add_bos=False, special=False))

    def read(self, prompt: Ids) -> tuple[NDArray[np.float32], None]:
        """See `Writer`."""
        self._llama.reset()
        return self._fed(prompt.tolist()), None

    def go_on(
        self, state: None, rows: Sequence[int], tokens: Sequence[int]
    ) -> tuple[NDArray[np.float32], None]:
        """See `Writer`: of the one row that there is."""
        return self._fed(list(tokens)), None

    def _fed(self, tokens: list[int]) -> NDArray[np.float32]:
        self._llama.eval(tokens)
        size = self._llama.n_vocab()
        logits = np.ctypeslib.as_array(self._llama._ctx.get_logits_ith(-1), shape=(size,))
        return logits.copy()[None]
