"""The student as a GGUF file, which llama.cpp runs: written with the package `gguf`, read back and asked.

Where llama-cpp-python is installed it answers, and says how it reads the suite's own texts; else the file is read
by transformers, which knows its numbers and not how llama.cpp cuts text. Needs the extra `gguf`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kdray.errors import ConfigError, DataError
from kdray.handover import gguf_q4_k
from kdray.handover.beams import Writer
from kdray.handover.gguf_vocabulary import Vocabulary, different, vocabulary
from kdray.handover.gguf_weights import add_sizes, check, tensors, widths
from kdray.tasks import Task

TYPES = ("f16", "q8_0", "q4_k")
"""How matrices are kept: 16 bits; 8 and a common factor of 32; 4 in blocks of 256 (see `gguf_q4_k`), the tables of
tokens and what is no whole blocks in 8.
"""
FILE_TYPES = {"f16": "MOSTLY_F16", "q8_0": "MOSTLY_Q8_0", "q4_k": "MOSTLY_Q4_K_S"}
TABLES = ("token_embd.", "position_embd.", "output.")
NEEDED = ("gguf", "accelerate")
LLAMA_CPP = "llama_cpp"
Ids = NDArray[np.int32]


def check_installed() -> None:
    """Raises `ConfigError` where the extra is missing."""
    if missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        raise ConfigError(f"--gguf needs {missing[0]}: pip install 'kdray[gguf]'")


def check_student(config: Any, tokenizer: Any, kind: str) -> None:
    """Raises `ConfigError` for a family, a setting or a tokenizer that llama.cpp does not know, and for a type
    that none of its matrices can have.
    """
    check(config)
    vocabulary(tokenizer, config.vocab_size)
    if kind == "q4_k" and not any(width % gguf_q4_k.BLOCK == 0 for width in widths(config)):
        sizes = ", ".join(map(str, sorted(widths(config))))
        raise ConfigError(
            f"--gguf q4_k: keeps {gguf_q4_k.BLOCK} numbers of a row together, and this student's rows have"
            f" {sizes}: q8_0 is the nearest"
        )


def write(model: Any, task: Task, folder: Path, kind: str) -> dict[str, Any]:
    """Writes `model-KIND.gguf` into a folder.

    Returns:
        `file`, `type`, `bytes`, `float_bytes` of the folder's own weights, `cut`, llama.cpp's name for how text
        becomes words, and whether that is `exact`.

    Raises:
        ConfigError: see `check_student`.
    """
    check_student(model.config, task.tokenizer, kind)
    words = vocabulary(task.tokenizer, model.config.vocab_size)
    path = folder / f"model-{kind}.gguf"
    _write(path, model, words, kind)
    weights = sum(one.stat().st_size for one in folder.glob("*.safetensors"))
    size = path.stat().st_size
    told = {"file": path.name, "type": kind, "bytes": size, "float_bytes": weights}
    return {**told, "cut": words.cut, "exact": words.exact}


def _write(path: Path, model: Any, words: Vocabulary, kind: str) -> None:
    import gguf

    family = model.config.model_type
    writer = gguf.GGUFWriter(path, family)
    writer.add_name("student")
    writer.add_file_type(getattr(gguf.LlamaFileType, FILE_TYPES[kind]))
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
        as_type = _type(gguf.GGMLQuantizationType, name, weight, kind)
        is_q4_k = as_type == gguf.GGMLQuantizationType.Q4_K
        kept = gguf_q4_k.quantised(weight) if is_q4_k else gguf.quants.quantize(weight, as_type)
        writer.add_tensor(name, kept, raw_dtype=as_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _type(types: Any, name: str, weight: NDArray[np.float32], kind: str) -> Any:
    """Vectors stay as they are; matrices whose rows are not whole blocks are kept in the next finer type."""
    width = weight.shape[-1]
    if weight.ndim == 1:
        return types.F32
    if kind == "q4_k" and width % gguf_q4_k.BLOCK == 0 and not name.startswith(TABLES):
        return types.Q4_K
    return types.Q8_0 if kind != "f16" and width % gguf_q4_k.SIZE == 0 else types.F16


@contextlib.contextmanager
def reader(
    folder: Path, facts: Mapping[str, Any], task: Task, texts: Sequence[str]
) -> Iterator[tuple[Writer, dict[str, Any]]]:
    """What answers with a file's weights, open as long as it is asked; and facts of it.

    Args:
        folder: of the file.
        facts: of `write`.
        task: asks it.
        texts: llama.cpp reads them beside the student's own tokenizer.

    Returns:
        `by`, what answers; where that is llama.cpp, how many `texts` it was given and how many of them it `reads`
        as the tokenizer does.

    Raises:
        DataError: llama.cpp reads one of them otherwise, and the file is said to be `exact`.
    """
    file = facts["file"]
    if importlib.util.find_spec(LLAMA_CPP) is None:
        yield _by_transformers(folder, file, task), {"by": "transformers"}
        return
    llama = LlamaCpp(folder / file)
    try:
        others = different(task.tokenizer, llama.tokenize, list(texts))
        if others and facts["exact"]:
            raise DataError(
                f"{file}: llama.cpp reads other tokens than the student's tokenizer in {others[0][:60]!r}"
            )
        yield llama, {"by": "llama.cpp", "texts": len(texts), "reads": len(texts) - len(others)}
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
            # Its threads wait without sleeping: as many as there are cores take forever on a busy machine.
            self._llama = Llama(
                str(path),
                n_ctx=0,
                n_threads=threads,
                n_threads_batch=threads,
                logits_all=False,
                verbose=False,
            )
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
