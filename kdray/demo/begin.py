"""Files to begin with: a commented sweep, and the recipe of its teacher.

Three beginnings: the packaged teacher, a teacher of the user's, one of the studies. A study is the same file under
another name; the two others are one template, filled in for the teacher (`fitting`). Nothing is written that does
not validate, and nothing is written over unasked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from string import Template
from typing import Any

from kdray.config import (
    NAME,
    Sweep,
    TeacherRecipe,
    Trial,
    accuracy_of,
    parse,
    read_value,
    sweep_from,
)
from kdray.demo.borrowed_space import borrowing, flow
from kdray.demo.fitting import Fitting, fit, written
from kdray.errors import ConfigError, nearest
from kdray.packaged import is_named, packaged, studies
from kdray.storage import write_atomic
from kdray.tasks import task_class

TEACHER = "kdray:python"
COLUMN = 44
VOCAB = 8192
"""Pieces of a new tokenizer at most."""


@dataclass(frozen=True)
class Beginning:
    """What was written.

    Attributes:
        files: path -> what it is.
        commands: what to type next, in order.
        notes: what was asked for and is not there, a sentence each.
    """

    files: dict[str, str]
    commands: tuple[str, ...]
    notes: tuple[str, ...] = ()


def begin(
    name: str,
    *,
    teacher: str | None = None,
    study: str | None = None,
    from_wandb: str | None = None,
    force: bool = False,
) -> Beginning:
    """Writes `NAME.yaml`, and `teachers/NAME.yaml` where a teacher can be trained, into the working folder.

    Args:
        name: of the sweep.
        teacher: a folder, URI or hub name; None for the packaged one.
        study: one of `packaged.studies` instead.
        from_wandb: a W&B sweep file whose space is taken instead of the teacher's.
        force: whether files that are there are written over.

    Raises:
        ConfigError: a name that is none, a study that nobody knows, a file that is there.
        DataError: the teacher cannot be read.
    """
    name = name.removesuffix(".yaml")
    if not re.match(NAME, name):
        raise ConfigError(f"init: '{name}' is no name of a sweep: letters, digits, '.', '_' and '-'")
    if teacher and study:
        raise ConfigError("init: --teacher or --study, not both: a study says its teacher itself")
    if study and from_wandb:
        raise ConfigError("init: --study or --from-wandb, not both: a study says its space itself")
    sweep, recipe = f"{name}.yaml", f"teachers/{name}.yaml"
    texts = (
        _of_study(name, study, sweep, recipe)
        if study
        else _of_teacher(name, teacher or TEACHER, sweep, recipe)
    )
    notes: tuple[str, ...] = ()
    if from_wandb:
        texts[sweep], notes = borrowing(texts[sweep], from_wandb, sweep)
    begun = sweep_from(read_value(texts[sweep]), sweep)
    if recipe in texts:
        parse(TeacherRecipe, read_value(texts[recipe]), recipe)
    there = [path for path in texts if Path(path).exists()]
    if there and not force:
        raise ConfigError(
            f"init: {there[0]} is there already: choose another name, or --force writes over it"
        )
    for path, text in texts.items():
        write_atomic(path, text)
    return replace(_told(begun, texts, sweep, recipe, study), notes=notes)


def _of_study(name: str, study: str, sweep: str, recipe: str) -> dict[str, str]:
    known = studies()
    if study not in known:
        raise ConfigError(f"init: no study '{study}'{nearest(study, known)}")
    text = known[study].read_text(encoding="utf-8").replace(f"sweeps/{study}.yaml", sweep)
    texts = {sweep: re.sub(r"(?m)^name: \S+", f"name: {flow(name)}", text, count=1)}
    teacher = str(read_value(text)["trial"]["teacher"])
    file = packaged("sweeps") / f"{teacher}.yaml"
    if file.is_file():
        texts[recipe] = file.read_text(encoding="utf-8")
    return {path: text.replace(f"sweeps/{teacher}.yaml", recipe) for path, text in texts.items()}


def _of_teacher(name: str, teacher: str, sweep: str, recipe: str) -> dict[str, str]:
    fitting = fit(teacher)
    values = _values(name, teacher, fitting)
    texts = {
        sweep: _filled("new-sweep.yaml", {**values, "file": sweep, "student": flow(written(fitting.student))})
    }
    if fitting.cuttable:
        whole = fitting.teacher.model_copy(update={"init": "layers"})
        values |= {"file": recipe, "sweep": sweep, "student": flow(written(whole))}
        texts[recipe] = _filled("new-teacher.yaml", values)
    return texts


def _values(name: str, teacher: str, fitting: Fitting) -> dict[str, Any]:
    """What the templates' places stand for."""
    family, corpus = fitting.teacher.family, f"corpora/{name}"
    classifies = family == "roberta"
    limits = ("max_input",) if classifies else ("max_input", "max_target", "max_row")
    learnt = ", context_weight: 0.3, context_until: 2400" if family == "llama" else ""
    return {
        "name": name,
        "name_value": flow(name),
        "teacher": flow(teacher),
        "task": fitting.task,
        "corpus": corpus,
        "corpus_command": corpus_command(fitting.task, corpus),
        "encoding": flow({limit: getattr(fitting.encoding, limit) for limit in limits}),
        "space": "\n".join(f"  {path}: {flow(spec)}" for path, spec in fitting.space.items()),
        "loss": "bucketed" if classifies else "decoupled",
        "codec": "full" if classifies else "head",
        "accuracy": accuracy_of(fitting.task),
        "batch_size": 16 if classifies else 32,
        "vocab": min(fitting.vocab, VOCAB),
        "slices": "" if classifies else f"{learnt}, slice_share: 0.5",
        "lr": "1e-4" if classifies else "1e-3",
        "lr_range": "[3e-5, 1e-3]" if classifies else "[3e-4, 3e-3]",
    }


def _filled(template: str, values: Mapping[str, Any]) -> str:
    """A template's text, its comments in one column as far as they can be."""
    text = Template(packaged(f"demo/{template}").read_text(encoding="utf-8")).substitute(values)
    return re.sub(r"(?m)^(.*\S) {2,}#", lambda line: f"{line[1]:<{COLUMN}}  #", text)


def corpus_command(task: str, corpus: str, *, packages: bool = False) -> str:
    """The command that makes a corpus for a task; `packages`: of the packages that kdray installs."""
    if not task_class(task).writes:
        return f"kdray corpus import path/to/labelled/code --out {corpus}"
    if "java" in Path(corpus).name:
        return f"kdray corpus import path/to/java_assertions --split file --out {corpus}"
    return f"kdray corpus mine{'' if packages else ' path/to/your/project'} --out {corpus}"


def _told(begun: Sweep, texts: Mapping[str, str], sweep: str, recipe: str, study: str | None) -> Beginning:
    trial = begun.trial
    files = {sweep: f"{begun.search.trials} trials over {', '.join(begun.space)}"}
    commands = [corpus_command(trial.task, str(trial.corpus), packages=bool(study))]
    if recipe in texts and study:
        files[recipe] = "its teacher"
        commands.append(f"kdray teacher train {recipe} --out {trial.teacher}")
    elif recipe in texts:
        files[recipe] = "a better teacher, only where this one does not know your task"
    elif study and trial.teacher and not is_named(trial.teacher) and not Path(trial.teacher).exists():
        commands.append(f"# put your teacher into {trial.teacher}, or name it in {sweep}")
    return Beginning(files, (*commands, *_next(sweep, trial)))


def _next(sweep: str, trial: Trial) -> tuple[str, ...]:
    steps = min(50, trial.budget.steps)
    return (
        f"kdray validate {sweep}",
        f"kdray trial {sweep} --set budget.steps={steps} --set 'budget.rungs=[{steps}]'",
        f"kdray launch {sweep}",
    )
