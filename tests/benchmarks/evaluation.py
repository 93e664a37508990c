"""How fast outputs are made: `kdray.evaluation.generate.greedy` beside transformers' `model.generate`.

`python tests/benchmarks/evaluation.py [--quick]`. Real prompts (assertions of an installed package's tests); the
model is the demo's first student, cut out of the packaged teacher, before training. `generate` runs on batches of
32 in the given order, padded on the left, and one by one (on every eighth prompt, scaled). Figures are processor
seconds of one thread, so that a busy machine does not change them; rounds alternate, medians are compared.
`with_drafts` reads the teacher's outputs along, as `evaluate` does: that is decoding and teacher forcing in one.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch

from kdray.config import Encoding, LlamaStudent
from kdray.corpus.mine import mine
from kdray.evaluation.generate import greedy
from kdray.students.families import build, describe
from kdray.students.load import load_model, load_tokenizer
from kdray.students.warm_start import slices
from kdray.tasks import task_of

TEACHER = Path(__file__).resolve().parents[2] / "kdray" / "demo" / "teacher"
BATCH = 32


def seconds(run: Callable[[], Any]) -> tuple[float, Any]:
    begin = time.process_time()
    result = run()
    return time.process_time() - begin, result


def by_generate(model: Any, task: Any, prompts: Sequence[Any], size: int) -> list[list[int]]:
    """Outputs by `model.generate`, cut after the end token."""
    outputs = []
    for start in range(0, len(prompts), size):
        part = prompts[start : start + size]
        width = max(map(len, part))
        ids = torch.full((len(part), width), task.pad_id)
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(part):
            ids[row, width - len(prompt) :] = torch.from_numpy(prompt.astype(np.int64))
            mask[row, width - len(prompt) :] = 1
        options = {"max_new_tokens": task.max_target, "do_sample": False}
        made = model.generate(
            ids, attention_mask=mask, eos_token_id=task.end_id, pad_token_id=task.pad_id, **options
        )
        for row in made[:, width:].tolist():
            outputs.append(row[: row.index(task.end_id) + 1] if task.end_id in row else row)
    return outputs


def cut(teacher: Any) -> Any:
    """The demo's first student."""
    student = LlamaStudent(family="llama", layers=3, hidden=128, heads=4, feed_forward=352)
    config = teacher.config
    model = build(student, config.vocab_size, pad_id=config.pad_token_id, end_id=config.eos_token_id)
    own = dict(model.named_parameters())
    shapes = {name: parameter.shape for name, parameter in own.items()}
    with torch.no_grad():
        state = dict(slices(dict(teacher.named_parameters()), describe(config), student, shapes))
        for name, tensor in state.items():
            own[name].copy_(tensor)
    return model.eval()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    count, rounds = (96, 1) if quick else (384, 3)
    teacher, task = load_model(TEACHER), task_of("assertion", load_tokenizer(TEACHER), False, Encoding())
    student = cut(teacher)
    examples = [example for example in mine(["networkx"]) if example.split == "test"]
    chosen = np.random.default_rng(0).permutation(len(examples))[:count]
    prompts = [task.prompt(examples[number]) for number in chosen]
    few = prompts[::8]
    options: dict[str, Any] = {"end_id": task.end_id, "pad_id": task.pad_id}
    options |= {"max_new_tokens": task.max_target, "batch_size": 64}
    drafts = [output.ids for output in greedy(teacher, prompts, **options)]
    by_generate(student, task, few, BATCH)
    greedy(student, few, **options)  # what is only done once is not counted

    def with_drafts() -> Any:
        return greedy(student, prompts, drafts=drafts, on_draft=lambda rows, logits: None, **options)

    times: dict[str, list[float]] = {"kdray": [], "batched": [], "single": [], "with_drafts": []}
    identical = True
    for _ in range(rounds):
        spent, outputs = seconds(lambda: greedy(student, prompts, **options))
        times["kdray"].append(spent)
        spent, expected = seconds(lambda: by_generate(student, task, prompts, BATCH))
        times["batched"].append(spent)
        spent, alone = seconds(lambda: by_generate(student, task, few, 1))
        times["single"].append(spent * len(prompts) / len(few))
        spent, drafted = seconds(with_drafts)
        times["with_drafts"].append(spent)
        ours = [output.ids.tolist() for output in outputs]
        identical = identical and ours == expected and ours[::8] == alone
        identical = identical and ours == [output.ids.tolist() for output in drafted]
    middle = {name: median(values) for name, values in times.items()}
    for name, value in middle.items():
        print(f"{name:<12}{value:8.2f} s  {len(prompts) / value:8.1f} prompts/s")
    lengths = [len(output.ids) for output in outputs]
    mean = np.mean([len(prompt) for prompt in prompts])
    print(f"{len(prompts)} prompts of {mean:.0f} tokens, outputs of {np.mean(lengths):.1f}")
    result = {
        "ratio_to_generate_batched": round(middle["batched"] / middle["kdray"], 2),
        "ratio_to_generate_single": round(middle["single"] / middle["kdray"], 2),
        "identical_outputs": identical,
        "ratio_of_drafts": round(middle["kdray"] / middle["with_drafts"], 2),
        "prompts_per_s": round(len(prompts) / middle["kdray"], 1),
        "quick": quick,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
