"""Pickled weights as safetensors: `kdray teacher convert`.

A pickle is a program. It is read in a process of its own and by torch's reader for tensors alone
(`weights_only`), which refuses any other object; what comes out is a folder without pickles or code.

    python -m kdray.students.unpickle WEIGHTS.bin WEIGHTS.safetensors
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from kdray.errors import ConfigError, DataError
from kdray.recorded import json_object

ONE, SEVERAL = "pytorch_model.bin", "pytorch_model.bin.index.json"
LEFT = (".bin", ".pt", ".pth", ".pkl", ".ckpt", ".msgpack", ".h5", ".onnx", ".ot", ".py")
"""Files that are not copied: weights for others, and code."""


def convert(folder: str, out: str) -> list[str]:
    """Writes a copy of a transformers folder with safetensors for weights; the names of the files of weights.

    Raises:
        ConfigError: `out` is there already.
        DataError: no pickled weights, or something else than tensors among them.
    """
    source, target = Path(folder), Path(out)
    if target.exists():
        raise ConfigError(f"{target} exists already: name another folder, or remove it")
    if not (source / ONE).is_file() and not (source / SEVERAL).is_file():
        raise DataError(f"{folder}: no {ONE}: there is nothing to convert")
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        written = _write(source, work)
        for path in source.iterdir():
            if path.is_file() and path.suffix not in LEFT and path.name != SEVERAL:
                shutil.copyfile(path, work / path.name)
        work.chmod(0o755)
        work.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return written


def _write(source: Path, work: Path) -> list[str]:
    if (source / ONE).is_file():
        _apart(source / ONE, work / "model.safetensors")
        return ["model.safetensors"]
    index = json_object((source / SEVERAL).read_bytes(), str(source / SEVERAL))
    parts = index.get("weight_map")
    if not isinstance(parts, dict) or any(Path(str(name)).name != name for name in parts.values()):
        raise DataError(f"{source / SEVERAL}: names no files beside it")
    renamed = {name: _renamed(name) for name in parts.values()}
    for name, new in renamed.items():
        _apart(source / name, work / new)
    index["weight_map"] = {key: renamed[name] for key, name in parts.items()}
    (work / "model.safetensors.index.json").write_text(json.dumps(index, indent=1))
    return sorted(renamed.values())


def _renamed(name: str) -> str:
    """`pytorch_model-00001-of-00002.bin` as safetensors are called; the folder's own file, whatever it says."""
    return Path(name).stem.replace("pytorch_model", "model") + ".safetensors"


def _apart(pickled: Path, target: Path) -> None:
    """One file, in a process of its own. Raises `DataError`."""
    # -P: nothing is imported out of the folder that this is typed in, which may be the pickle's.
    command = [sys.executable, "-P", "-m", "kdray.students.unpickle", str(pickled), str(target)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["the process was ended"])[-1]
        raise DataError(f"{pickled}: holds something else than tensors: {said}")


def main(pickled: str, target: str) -> None:
    """Reads tensors, writes tensors; tied ones each for themselves."""
    import pickle

    import torch
    from safetensors.torch import save_file

    try:
        state = torch.load(pickled, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        sys.exit(str(error).strip().splitlines()[0])
    state = state.get("state_dict", state) if isinstance(state, dict) else state
    if not isinstance(state, dict) or not all(isinstance(tensor, torch.Tensor) for tensor in state.values()):
        sys.exit("no table of named tensors")
    save_file({name: tensor.clone().contiguous() for name, tensor in state.items()}, target, {"format": "pt"})


if __name__ == "__main__":
    main(*sys.argv[1:])
