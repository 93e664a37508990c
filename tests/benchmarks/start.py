"""What a trial's start costs beside the size of its teacher: memory and seconds until the student has its weights.

    python tests/benchmarks/start.py [--quick]

Teachers of random weights, kept beside shards; students of the same size each time, drawn at random, with evenly
spaced layers, or cut to a part of every width. Each start is a process of its own, the smaller figure of three;
memory is what the process holds for itself, at its peak, less what it held before (files that are mapped are the
system's, and given back when it wants them). `loaded whole`: the same where the weights have no hashes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("OMP_NUM_THREADS", "1")

SIZES = {
    "6M": {"vocab_size": 4096, "hidden_size": 256, "num_hidden_layers": 6, "intermediate_size": 704},
    "60M": {"vocab_size": 32000, "hidden_size": 512, "num_hidden_layers": 14, "intermediate_size": 1376},
    "148M": {"vocab_size": 49152, "hidden_size": 576, "num_hidden_layers": 30, "intermediate_size": 1536},
    "500M": {"vocab_size": 151936, "hidden_size": 896, "num_hidden_layers": 38, "intermediate_size": 2432},
}
"""Teachers in Llama's fields, heads 64 wide, tied."""
WAYS = ("random", "layers", "sliced")
RUNS, LAYERS, SAMPLE_S = 3, 3, 0.002
MB = 1e6


def make(folder: Path, size: str) -> None:
    """A teacher at random weights as a capture keeps it, and an order to cut it in."""
    import torch
    import transformers as tf
    from safetensors.torch import save_file

    from kdray.students.kept_weights import keep_hashes, own_weights
    from kdray.students.load import quiet, weights_fingerprint

    quiet()
    fields = SIZES[size]
    config = tf.LlamaConfig(
        **fields, num_attention_heads=fields["hidden_size"] // 64, head_dim=64, tie_word_embeddings=True
    )
    model = tf.LlamaForCausalLM(config)
    kept = folder / "teacher"
    model.save_pretrained(kept)
    fingerprint = weights_fingerprint(model)
    keep_hashes(kept, own_weights(model), fingerprint)
    (folder / "fingerprint").write_text(fingerprint)
    order = {"/hidden": torch.randperm(config.hidden_size)}
    for layer in range(config.num_hidden_layers):
        order[f"model.layers.{layer}.mlp/units"] = torch.randperm(config.intermediate_size)
    (folder / "students").mkdir()
    save_file(order, folder / "students" / "order.safetensors")


def start(folder: Path, size: str, way: str) -> dict[str, Any]:
    """Seconds, and MB of its own that this process took at most, until a student has its weights."""
    import transformers as tf

    from kdray.config import Trial, parse
    from kdray.students import classifier, families, load
    from kdray.train.start import new_student
    from tests.benchmarks.common import TEACHER

    assert tf.LlamaForCausalLM and classifier and families  # what is imported is no part of it
    fields, hidden = SIZES[size], SIZES[size]["hidden_size"]
    kept = 1 if way == "layers" else 2
    student = {
        "family": "llama", "init": way, "layers": LAYERS, "hidden": hidden // kept // 64 * 64, "head_dim": 64,
        "heads": hidden // kept // 64, "feed_forward": fields["intermediate_size"] // kept,
    }  # fmt: skip
    data = {"shards": str(folder), "suite": "none", "student": student, "budget": {"steps": 1}}
    trial = parse(Trial, data, "start")
    task = load.load_task(load.load_model(TEACHER), str(TEACHER))
    opened = SimpleData(
        task, str(folder / "teacher"), fields["vocab_size"], (folder / "fingerprint").read_text()
    )
    before, peak, ended = _own_bytes(), [0], threading.Event()

    def watch() -> None:
        while not ended.wait(SAMPLE_S):
            peak[0] = max(peak[0], _own_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.perf_counter()
    model = new_student(trial, opened)
    took = time.perf_counter() - began
    ended.set()
    watcher.join()
    params = sum(parameter.numel() for parameter in model.parameters())
    return {"seconds": took, "mb": (max(peak[0], _own_bytes()) - before) / MB, "student_mb": 4 * params / MB}


class SimpleData:
    """What `new_student` reads of a trial's data."""

    held_out = suite = None

    def __init__(self, task: Any, teacher: str, vocab: int, fingerprint: str) -> None:
        self.task = self.teacher_task = task
        self.teacher, self.vocab, self.fingerprint = teacher, vocab, fingerprint
        self.shards = ()


def _own_bytes() -> int:
    resident, shared = (int(field) for field in Path("/proc/self/statm").read_text().split()[1:3])
    return (resident - shared) * os.sysconf("SC_PAGE_SIZE")


def best(folder: Path, size: str, way: str) -> dict[str, float]:
    """The smaller figures of some starts."""
    command = [sys.executable, "-W", "ignore", __file__, "--part", str(folder), size, way]
    found = [
        json.loads(
            subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
        )
        for _ in range(RUNS)
    ]
    return {name: min(run[name] for run in found) for name in found[0]}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="the two smaller teachers")
    parser.add_argument("--part", nargs=3, metavar=("FOLDER", "SIZE", "WAY"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        folder, size, way = options.part
        print(json.dumps(start(Path(folder), size, way)))
        return
    told: dict[str, Any] = {}
    print("teacher  student                 seconds      MB  its own MB  seconds by random's")
    for size in list(SIZES)[: 2 if options.quick else None]:
        with tempfile.TemporaryDirectory() as folder:
            make(Path(folder), size)
            found = {way: best(Path(folder), size, way) for way in WAYS}
            (Path(folder) / "teacher" / "weights.json").unlink()
            found |= {f"{way}, loaded whole": best(Path(folder), size, way) for way in WAYS[1:]}
        for way, part in found.items():
            part["ratio"] = part["seconds"] / found["random"]["seconds"]
            print(
                f"{size:>7}  {way:<20}  {part['seconds']:9.2f}  {part['mb']:6.0f}  {part['student_mb']:10.0f}"
                f"  {part['ratio']:19.2f}",
                flush=True,
            )
        told[size] = found
    print(json.dumps(told))


if __name__ == "__main__":
    main()
