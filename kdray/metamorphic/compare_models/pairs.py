"""From paths to comparisons: opens models and data, finds what fits to what, compares.

A model is a folder that transformers can load, or one of Compressor's published files, whose tokenizer lies beside
it. Models come in pairs, teacher and student; each pair takes the data of its task.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kdray.console import Advance
from kdray.corpus.labelled import read_labelled
from kdray.corpus.labelled_row import Labelled
from kdray.corpus.sample import sample
from kdray.corpus.store import read_corpus
from kdray.errors import ConfigError, nearest
from kdray.evaluation.classify import Classifier
from kdray.metamorphic.attacks.attack import ATTACKS
from kdray.metamorphic.compare_models.classifiers import Side, compare_classifiers
from kdray.metamorphic.compare_models.material import Material, material
from kdray.metamorphic.compare_models.plan import Plan
from kdray.metamorphic.compare_models.result import Mimicry
from kdray.storage import exists, join, read_json
from kdray.students.derive import CLASSIFIERS
from kdray.students.forward import is_classifier
from kdray.students.load import is_ours, load_task, saved_encoding, task_name
from kdray.students.positions import positions_of
from kdray.tasks import ClassificationTask

MAX_INPUT = 400
"""Tokens of a snippet where a model does not say: CodeXGLUE's for these tasks."""
COMPRESSOR_TOKENIZERS = {
    "clone": "BPE_1000_clone_detection.json",
    "vulnerability": "BPE_1000_vulnerability_prediction.json",
}
"""As they are named in Compressor's repository, beside its students."""


def compare_pairs(
    models: Sequence[str],
    data: Sequence[str],
    plan: Plan,
    *,
    both_ways: bool = False,
    language: str | None = None,
    progress: Advance = lambda done, total: None,
) -> list[Mimicry]:
    """A row for each teacher and student, in order.

    Args:
        models: teacher, student, teacher, student, ...
        data: labelled code (see `read_labelled`) or a corpus; each pair takes the first that fits its task.
        plan: how much is looked at.
        both_ways: whether each pair is also compared with its roles exchanged.
        language: of the data, where it does not say so.
        progress: called with (done, total) attacked items of a pair.

    Raises:
        ConfigError: an odd number of models, a pair of different tasks, a task without data, an unknown attack.
        DataError: a model or data that cannot be read.
    """
    if len(models) % 2:
        raise ConfigError(f"models come in pairs, TEACHER STUDENT: {models[-1]} has no other")
    for name in plan.attacks:
        if name not in ATTACKS:
            raise ConfigError(f"no attack '{name}'{nearest(name, ATTACKS)}")
    sides: dict[str, Side] = {}
    sets: list[list[Labelled]] = []
    rows: list[Mimicry] = []
    used: dict[str, Material] = {}
    for teacher_path, student_path in zip(models[::2], models[1::2], strict=True):
        if _is_generator(teacher_path) and _is_generator(student_path):
            rows += _generators(teacher_path, student_path, data, plan, both_ways, progress)
            continue
        for path in (teacher_path, student_path):
            if path not in sides:
                sides[path] = open_side(path)
        teacher, student = sides[teacher_path], sides[student_path]
        sets = sets or [_labelled(path, language) for path in data]
        task = _common_task(teacher, student)
        if task not in used:
            used[task] = _inputs(task, sets, data, plan)
        inputs = used[task]
        rows.append(compare_classifiers(teacher, student, inputs, plan, progress))
        if both_ways:
            rows.append(compare_classifiers(student, teacher, inputs, plan, progress))
    return rows


def _common_task(teacher: Side, student: Side) -> str:
    if teacher.answers.task.name != student.answers.task.name:
        tasks = [f"{side.name} is for {side.answers.task.name}" for side in (teacher, student)]
        raise ConfigError(f"{', '.join(tasks)}: a teacher and its student have one task")
    return student.answers.task.name


def _inputs(task: str, sets: Sequence[list[Labelled]], data: Sequence[str], plan: Plan) -> Material:
    fitting = next((cases for cases in sets if cases and cases[0].task == task), None)
    if fitting is None:
        tasks = [cases[0].task if cases else "assertion" for cases in sets]
        given = ", ".join(f"{path} is for {its_task}" for path, its_task in zip(data, tasks, strict=True))
        raise ConfigError(f"--data: nothing for {task} ({given or 'none given'})")
    return material(fitting, plan)


def _labelled(path: str, language: str | None) -> list[Labelled]:
    """The test split of a source or of a corpus; all where it has none. Nothing of a corpus of assertions."""
    if exists(join(path, "corpus.json")):
        return [
            Labelled(e.test, e.context, e.focal, int(e.target), language or e.language, e.split, e.group)
            for e in read_corpus(path, "test")
            if e.target in ("0", "1")
        ]
    cases = read_labelled(path, language)
    return [case for case in cases if case.split == "test"] or cases


def _is_generator(path: str) -> bool:
    """Whether a folder's model writes text; what is no model at all is found out when it is opened."""
    notes = join(path, "config.json")
    return (
        not path.endswith(".safetensors")
        and exists(notes)
        and read_json(notes).get("model_type") not in CLASSIFIERS
    )


def _generators(
    teacher_path: str,
    student_path: str,
    data: Sequence[str],
    plan: Plan,
    both_ways: bool,
    progress: Advance,
) -> list[Mimicry]:
    """Two generators of one tokenizer, on the first corpus of assertions."""
    from kdray.metamorphic.compare_models.generators import compare_generators
    from kdray.students.load import load_model

    corpora = [path for path in data if exists(join(path, "corpus.json")) and not _labelled(path, None)]
    if not corpora:
        raise ConfigError(
            f"--data: {student_path} writes assertions, which takes a corpus of them (`kdray corpus mine`)"
        )
    models, tasks = [], []
    for path in (teacher_path, student_path):
        model = load_model(path)
        models.append((name_of(path), model))
        tasks.append(load_task(model, path))
    if tasks[0].fingerprint != tasks[1].fingerprint:
        raise ConfigError(
            f"{teacher_path} and {student_path} differ in tokenizer or limits: their outputs cannot be compared"
        )
    examples = sample(read_corpus(corpora[0], "test"), plan.cases, plan.seed)
    ways = [(models[0], models[1], technique_of(student_path))]
    if both_ways:
        ways.append((models[1], models[0], technique_of(teacher_path)))
    return [
        compare_generators(teacher, student, technique, tasks[0], examples, plan, progress)
        for teacher, student, technique in ways
    ]


def open_side(path: str) -> Side:
    """A classifier with its tokenizer, on the accelerator where there is one.

    Raises:
        DataError: it cannot be read.
        ConfigError: it is no classifier.
    """
    import torch

    if path.endswith(".safetensors"):
        model, tokenizer, technique = *_published(Path(path)), "Compressor"
        max_input = MAX_INPUT
    else:
        from kdray.students.load import load_model, load_tokenizer

        model, tokenizer = load_model(path), load_tokenizer(path)
        max_input = saved_encoding(path).max_input if is_ours(path) else MAX_INPUT
        technique = technique_of(path)
    if not is_classifier(model):
        raise ConfigError(
            f"{path}: a {model.config.model_type} writes text, and its comparison needs a suite"
        )
    if torch.cuda.is_available():
        model = model.to("cuda")
    room = positions_of(model.config)
    task = ClassificationTask(tokenizer, model.snippets, min(max_input, room))
    return Side(name_of(path), technique, Classifier(model, task))


def name_of(path: str) -> str:
    """A model in the table: the end of its path; of a sweep's student also its trial."""
    parts = Path(path).parts
    return "/".join(parts[-2:]) if parts[-1] == "student" else parts[-1].removesuffix(".safetensors")


def technique_of(path: str) -> str:
    """How a model came about, as far as its folder tells."""
    return "kdray" if is_ours(path) else "fine-tuned"


def _published(path: Path) -> tuple[Any, Any]:
    """One of Compressor's students and its tokenizer. Raises `DataError`."""
    from tokenizers import Tokenizer

    from kdray.errors import DataError
    from kdray.students.compressor_weights import load_compressor

    model = load_compressor(path)
    name = COMPRESSOR_TOKENIZERS[task_name(model.config)]
    beside = path.parent / name
    if not beside.exists():
        raise DataError(f"{path}: its tokenizer {name} must lie beside it")
    return model, ClassificationTask.wrapped(Tokenizer.from_file(str(beside)))
