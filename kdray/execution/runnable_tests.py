"""Which held-out examples of a corpus can be run here and now, kept beside it; and a model asked about those."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from kdray.console import Advance
from kdray.corpus.example import Example, Split
from kdray.corpus.left_out import LeftOut
from kdray.corpus.sample import sample
from kdray.corpus.source_files import source_roots
from kdray.corpus.store import Examples, corpus_fingerprint, corpus_manifest, read_corpus
from kdray.errors import DataError
from kdray.evaluation.answering import answering
from kdray.evaluation.baselines import copied
from kdray.execution.ask import How
from kdray.execution.ask_any import ask_any
from kdray.execution.case import Case
from kdray.execution.judged import Judged, judge
from kdray.storage import exists, join, read_json, write_json
from kdray.students.load import load_model, load_task

FILE = "runnable.json"
SPLITS: tuple[Split, ...] = ("valid", "test")


def find_runnable(corpus: str, count: int | None, how: How, progress: Advance) -> dict[str, Any]:
    """Runs the tests of held-out examples alone, twice, and keeps which pass.

    Args:
        corpus: its folder.
        count: examples of each split at most, taken from each file in turn; None means all.
        how: see there.
        progress: called with (done, total) examples.

    Returns:
        What is kept: ids by split, and why others cannot be run.
    """
    examples: list[Example] = []
    everything = read_corpus(corpus)
    for split in SPLITS:
        own = [example for example in everything if example.split == split]
        examples += sample(own, len(own) if count is None else count)
    how = replace(how, roots=roots_of(corpus) | dict(how.roots))
    ran = ask_any(examples, [Case(e.test, e.target, e.context) for e in examples], how, progress)
    left_out, ids = LeftOut(), {split: list[str]() for split in SPLITS}
    for example, each in zip(examples, ran, strict=True):
        if each.reason:
            left_out.add(each.reason, f"{example.group} {example.test}")
        else:
            ids[example.split].append(example.id)
    kept = {"corpus": corpus_fingerprint(corpus), "runnable": ids, "left_out": left_out.because()}
    write_json(join(corpus, FILE), kept)
    return kept


def runnable_examples(corpus: str, split: Split) -> list[Example]:
    """The examples of a split that were found to run, or all of them where nobody looked."""
    examples = read_corpus(corpus, split)
    place = join(corpus, FILE)
    if not exists(place):
        return examples
    try:
        of, ids = (kept := read_json(place))["corpus"], set(kept["runnable"].get(split, ()))
    except (AttributeError, KeyError, TypeError):
        raise DataError(f"{place}: damaged: kdray corpus runnable {corpus}") from None
    if of != corpus_fingerprint(corpus):
        raise DataError(f"{place}: of another corpus than this one: kdray corpus runnable {corpus}")
    return [example for example in examples if example.id in ids]


def examine_by_running(
    teacher: str, corpus: str, cases: int, mutants: int, how: How, progress: Advance
) -> Judged:
    """A model folder, retrieval and repeating the last assertion, run on the same held-out examples.

    Raises:
        KdrayError: see `judge`; or a model that writes nothing.
    """
    model = load_model(teacher)
    task = load_task(model, teacher)
    if not task.writes:
        raise DataError(f"{teacher} classifies code and writes no assertions that could be run")
    examples = sample(runnable_examples(corpus, "test"), cases)
    prompts = [task.prompt(example) for example in examples]
    outputs = answering(task).outputs(model, task, prompts, batch_size=64)
    written = {"teacher": [task.decode(output.ids) for output in outputs]}
    written |= copied(Examples(corpus, "train"), examples, lambda done, total: None)
    how = replace(how, roots=roots_of(corpus) | dict(how.roots))
    return judge(examples, written, mutants=mutants, how=how, progress=progress)


def roots_of(corpus: str) -> dict[str, Path]:
    """What a corpus was mined from, as far as it is still here, by the name that its groups begin with."""
    here = []
    for source in corpus_manifest(corpus)["sources"]:
        with contextlib.suppress(DataError):
            source_roots([source])
            here.append(source)
    return source_roots(here) if here else {}
