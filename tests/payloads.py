"""Files that run code in whoever reads them carelessly: each kind leaves a mark.

`plant` puts one of every kind into every folder below another, under the names that libraries look for.
"""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

PICKLED = (
    "pytorch_model.bin", "training_args.bin", "optimizer.pt", "scheduler.pt", "rng_state.pth", "model.ckpt",
    "mp_rank_00_model_states.pt", "zero_pp_rank_0_mp_rank_00_optim_states.pt", "study.pkl", "sampler.pkl",
    "tuner.pkl", "trainable.pkl", "error.pkl", "searcher-state-1.pkl", "search_gen_state-1.json", "vocab.pkl",
    "data.npy", "cache.npz", "adapter_model.bin", "state.joblib", "vocab.txt.pickle",
)  # fmt: skip
CODE = (
    "modeling_evil.py", "tokenization_evil.py", "processing_evil.py", "configuration_evil.py", "conftest.py",
    "sitecustomize.py", "usercustomize.py", "setup.py", "__init__.py", "torch.py", "json.py", "yaml.py",
    "kdray.py", "safetensors.py", "optuna.py",
)  # fmt: skip


class Payload:
    """Makes a file where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return open, (str(self.mark), "w")


def forms(mark: Path) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each kind of payload."""
    yield "pickle", pickle.dumps(Payload(mark), protocol=2)
    zipped = io.BytesIO()
    torch.save({"module": Payload(mark), "state_dict": Payload(mark)}, zipped)
    yield "torch", zipped.getvalue()
    array = np.empty(1, object)
    array[0] = Payload(mark)
    for name, save in (("npy", np.save), ("npz", np.savez)):
        saved = io.BytesIO()
        save(saved, array, allow_pickle=True)
        yield name, saved.getvalue()
    yield "yaml", f'name: !!python/object/apply:builtins.open ["{mark}", "w"]\n'.encode()
    yield "arrow", _arrow(mark)
    yield "code", _code(mark)


def _code(mark: Path) -> bytes:
    return f"open({str(mark)!r}, 'w')\n".encode()


def _arrow(mark: Path) -> bytes:
    """A column of a type that older pyarrow unpickles."""
    told = {
        b"ARROW:extension:name": b"arrow.py_extension_type",
        b"ARROW:extension:metadata": pickle.dumps(Payload(mark)),
    }
    schema = pa.schema([pa.field("rows", pa.int32(), metadata=told)])
    out = io.BytesIO()
    with pa.ipc.new_file(out, schema) as writer:
        writer.write_batch(pa.record_batch([pa.array([1], pa.int32())], schema=schema))
    return out.getvalue()


def plant(root: Path, mark: Path) -> None:
    """Puts what would run beside everything below `root`, writes over nothing, and makes the configurations that
    are there name it.
    """
    kinds = dict(forms(mark))
    folders = [root, *(path for path in root.rglob("*") if path.is_dir() and ".git" not in path.parts)]
    for folder in folders:
        for name in PICKLED:
            _write(
                folder / name,
                kinds.get(Path(name).suffix[1:], kinds["torch" if "t" in name[-2:] else "pickle"]),
            )
        for name in CODE:
            _write(folder / name, kinds["code"])
    own = {"AutoConfig": "configuration_evil.Evil", "AutoTokenizer": ["tokenization_evil.Evil", None]}
    own |= dict.fromkeys(("AutoModelForCausalLM", "AutoModelForSeq2SeqLM", "AutoModel"), "modeling_evil.Evil")
    for name in ("config.json", "tokenizer_config.json", "processor_config.json", "generation_config.json"):
        for path in list(root.rglob(name)):
            told = json.loads(path.read_text())
            path.write_text(json.dumps({**told, "auto_map": own, "custom_generate": "modeling_evil"}))
    for folder in [root / ".tune0" / "run", root / ".git" / "hooks"]:
        folder.mkdir(parents=True)
    for name in ("tuner.pkl", "experiment_state-1.json", "searcher-state-1.pkl"):
        _write(root / ".tune0" / "run" / name, kinds["pickle"])
    (root / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (root / ".git" / "config").write_text(f"[core]\n\tfsmonitor = touch {mark}\n\tpager = touch {mark}\n")
    hook = root / ".git" / "hooks" / "post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {mark}\n")
    hook.chmod(0o755)


def _write(path: Path, data: bytes) -> None:
    if not path.exists():
        path.write_bytes(data)
