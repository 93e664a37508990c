"""A teacher of real size through the whole job: memory of all processes together, and seconds.

    python tests/benchmarks/large.py [--quick] [--out FOLDER]

Qwen2-0.5B's configuration (494 M parameters, a vocabulary of 151,936) at random weights, in bfloat16, goes through
`kdray launch`: a capture of few rows, a suite of few cases, and four students that are cut out of it, two at a
time, each for few steps. `--quick` takes a teacher of four layers and a vocabulary of 8,192. Memory is PSS (a page
that n processes share counts 1/n for each), sampled each quarter of a second, of the command and all below it,
Ray's own processes included; files that are mapped count as far as they are in memory. `stages_mb` is the peak of
each stage that the command names, and `largest_mb` of each process.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])

from tests.benchmarks.memory import family, memory_of  # noqa: E402

AIM_MB, SAMPLE_S = 8000, 0.25
END, NAME = 151_643, "<|endoftext|>"
"""Of Qwen2's text; the ids behind it up to the vocabulary's end are special or no tokens at all."""
QWEN2 = {
    "vocab_size": 151_936, "hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24,
    "num_attention_heads": 14, "num_key_value_heads": 2, "max_position_embeddings": 131_072,
    "rope_theta": 1e6, "rms_norm_eps": 1e-6, "tie_word_embeddings": True, "sliding_window": 131_072,
    "max_window_layers": 24, "bos_token_id": END, "eos_token_id": END,
}  # fmt: skip
SMALL = {**QWEN2, "vocab_size": 8192, "num_hidden_layers": 4, "bos_token_id": 8000, "eos_token_id": 8000}
TRAINED = 6000
"""Tokens that are learnt from the corpus; the others are never met, but have their rows and logits."""


def corpus(folder: Path) -> list[str]:
    """Some tests of networkx, and the texts of those to learn from."""
    from kdray.corpus.mine import Options, mine
    from kdray.corpus.store import read_corpus, write_corpus

    if not (folder / "corpus.json").exists():
        write_corpus(str(folder), mine(["networkx"], options=Options(files=80)), ["networkx"])
    return [f"{example.context}{example.target}\n" for example in read_corpus(str(folder), "train")]


def tokenizer(texts: list[str], fields: dict[str, Any]) -> Any:
    """A tokenizer of bytes with as many tokens as the model has rows."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=TRAINED, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    made.train_from_iterator(texts, trainer)
    saved, end = json.loads(made.to_str()), fields["eos_token_id"]
    vocab = saved["model"]["vocab"]
    names = {number: f"<unmet {number}>" for number in range(len(vocab), fields["vocab_size"])}
    saved["model"]["vocab"] = vocab | {name: number for number, name in (names | {end: NAME}).items()}
    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(json.dumps(saved)), eos_token=NAME)


def make(folder: Path, fields: dict[str, Any]) -> None:
    """Corpus, teacher and sweep file."""
    import torch
    import transformers as tf

    from kdray.students.load import quiet

    quiet()
    texts = corpus(folder / "corpus")
    tokenizer(texts, fields).save_pretrained(folder / "teacher")
    torch.manual_seed(0)
    config = tf.Qwen2Config(**fields)
    config.dtype = torch.bfloat16
    torch.set_default_dtype(torch.bfloat16)
    tf.Qwen2ForCausalLM(config).save_pretrained(folder / "teacher")


def sweep(folder: Path) -> dict[str, Any]:
    """What is launched: four students out of two depths and two widths."""
    widths = {"hidden": 448, "heads": 7}
    return {
        "name": "large",
        "storage": str(folder / "runs"),
        "trial": {
            "corpus": str(folder / "corpus"), "teacher": str(folder / "teacher"),
            "shards": str(folder / "signal"), "suite": str(folder / "suite"),
            "encoding": {"max_input": 128, "max_target": 16, "max_row": 128},
            "student": {"family": "teacher", "init": "sliced", "layers": 2, **widths, "feed_forward": 1216},
            "distil": {"alpha": 0.5, "temperature": 2.0},
            "optim": {"batch_size": 8, "warmup_steps": 1}, "budget": {"steps": 4},
            "evaluation": {"cases": 4},
        },
        "capture": {"rows": 32, "rows_per_shard": 8, "batch_size": 4, "cases": 4, "dtype": "auto"},
        "space": {"student.layers": [2, 4], "student.feed_forward": [1216, 2432]},
        "search": {"trials": 4, "sampler": "grid"},
        "resources": {"max_concurrent": 2},
    }  # fmt: skip


def launched(folder: Path) -> dict[str, Any]:
    """`kdray launch`, watched."""
    (folder / "large.yaml").write_text(json.dumps(sweep(folder)))
    command = [sys.executable, "-m", "kdray", "launch", str(folder / "large.yaml")]
    log, begin = folder / "log", time.perf_counter()
    with log.open("w") as file:
        started = subprocess.Popen(command, cwd=folder, stdout=file, stderr=subprocess.STDOUT)
    peak: dict[str, Any] = {"pss_mb": 0.0}
    largest: dict[str, float] = defaultdict(float)
    stages: dict[str, float] = defaultdict(float)
    while started.poll() is None:
        sizes = [memory_of(process) for process in family(started.pid)]
        for name, pss, _ in sizes:
            largest[name] = max(largest[name], pss)
        total = sum(pss for _, pss, _ in sizes)
        stage = (log.read_text().splitlines() or ["start"])[-1].split(" ")[0]
        stages[stage] = max(stages[stage], total)
        if total > peak["pss_mb"]:
            peak = {
                "pss_mb": total,
                "rss_mb": sum(rss for *_, rss in sizes),
                "at_s": time.perf_counter() - begin,
                "of": {name: round(pss) for name, pss, _ in sizes if pss > 100},
            }
        time.sleep(SAMPLE_S)
    wall = time.perf_counter() - begin
    print(log.read_text(), file=sys.stderr)
    trials = list((folder / "runs" / "large" / "trials").glob("*/results.jsonl"))
    return {
        "exit": started.returncode,
        "wall_s": wall,
        "trials": len(trials),
        **peak,
        "aim_mb": AIM_MB,
        "stages_mb": {name: round(mb) for name, mb in stages.items()},
        "largest_mb": {n: round(mb) for n, mb in sorted(largest.items(), key=lambda item: -item[1])[:8]},
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path, help="folder that keeps the teacher and the run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as fresh:
        folder = (options.out or Path(fresh)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "teacher" / "model.safetensors").exists():
            make(folder, SMALL if options.quick else QWEN2)
        print(json.dumps(launched(folder)))


if __name__ == "__main__":
    main()
