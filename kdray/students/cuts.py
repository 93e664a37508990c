"""Which student can be made of which teacher: told from configurations, without weights."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kdray.config import SNIPPETS, AnyStudent, CheckpointStudent, Student, T5Student, TeacherStudent, Trial
from kdray.errors import ConfigError
from kdray.students.derive import derived, has_head_dim, sizes_of, wanted_sizes
from kdray.students.slices import check_sliceable

SLICED = (
    "llama", "mistral", "qwen2", "qwen3", "starcoder2", "gemma", "gemma2", "granite", "cohere", "stablelm",
    "olmo2", "smollm3", "phi", "gpt2", "gpt_neo", "gptj", "gpt_neox", "opt", "t5", "mt5", "umt5", "bart", "plbart",
    "roberta", "bert", "distilbert",
)  # fmt: skip
"""Model types whose widths can be cut: every axis is cut at its end, heads whole (`warm_start`)."""


def check_cut(teacher: Student | None, student: AnyStudent, config: Any = None) -> None:
    """Raises `ConfigError` where a student cannot be made of its teacher as it asks.

    Args:
        teacher: as kdray describes it; None for a family that kdray does not build, or one that is not known.
        student: of a named family begins with its teacher's weights unless `init` is random; of the teacher's own
            family it is its teacher's configuration in any case.
        config: the teacher's configuration, where it is known.
    """
    if isinstance(student, TeacherStudent):
        if config is None:
            raise ConfigError("student.family teacher: the teacher's configuration is not known")
        check_derived(config, student)
        return
    if isinstance(student, CheckpointStudent):  # nothing of it is the teacher's
        return
    if isinstance(student, T5Student):
        _check_stacks(student.encoder_layers, student.decoder_layers)
    if student.init == "random":
        return
    if config is not None and (teacher is None or teacher.family != student.family):
        raise ConfigError(
            f"student.init '{student.init}': a {student.family} student cannot be cut from a"
            f" {kind_of(config)} teacher: use family teacher, or init 'random'"
        )
    if teacher is not None:
        check_sliceable(teacher, student)
        if config is not None:
            check_derived(config, student)


@dataclass(frozen=True)
class Checkpoint:
    """A pretrained model as a student.

    Attributes:
        config: its configuration, as it is trained.
        foreign: whether it reads with another tokenizer than its teacher.
    """

    config: Any
    foreign: bool = False


def within(checkpoints: Mapping[str, Checkpoint], vocab: int) -> dict[str, Checkpoint]:
    """The same where students of the teacher's tokenizer have no more than its `vocab` rows."""
    kept = {}
    for name, checkpoint in checkpoints.items():
        config = copy.deepcopy(checkpoint.config)
        if not checkpoint.foreign:
            config.vocab_size = min(config.vocab_size, vocab)
        kept[name] = Checkpoint(config, checkpoint.foreign)
    return kept


def likeness(trial: Trial, config: Any, checkpoints: Mapping[str, Checkpoint]) -> Any:
    """The configuration that a trial's student costs what it costs by: its teacher's `config`, or its own."""
    if isinstance(trial.student, CheckpointStudent):
        return checkpoints[trial.student.checkpoint].config
    return config


def check_reads_no_signal(trial: Trial) -> None:
    """Raises `ConfigError` where a checkpoint with another tokenizer is to learn its teacher's signal."""
    if trial.task not in SNIPPETS and trial.distil.reads_signal:
        raise ConfigError(
            f"student.checkpoint {getattr(trial.student, 'checkpoint', '')}: its tokenizer is not the teacher's,"
            " whose signal is over its own tokens: set distil.loss sequence and alpha 1.0 (with capture.targets"
            " greedy), or distil.alpha 0"
        )


def _check_stacks(encoder: int, decoder: int) -> None:
    if decoder > encoder:
        raise ConfigError(
            f"student.decoder_layers {decoder} are more than its encoder layers, which transformers' generate"
            f" cannot run: try {encoder}"
        )


def kind_of(config: Any) -> str:
    """A configuration's family in a word or two."""
    gated = "gated " if getattr(config, "is_gated_act", False) else ""
    return f"{gated}{config.model_type}"


def check_derived(config: Any, student: AnyStudent) -> None:
    """Raises `ConfigError` naming the field where a student cannot be made of this teacher's configuration."""
    own, wanted = sizes_of(config), wanted_sizes(config, student)
    if "decoder_layers" in wanted:
        _check_stacks(wanted["encoder_layers"], wanted["decoder_layers"])
    if student.init == "random":
        derived(config, student, config.vocab_size)
        return
    for field, size in wanted.items():
        if size > own[field]:
            raise ConfigError(
                f"student.{field} {size} is larger than the teacher's {own[field]}: "
                "use init 'random' or a smaller one"
            )
    if isinstance(student, TeacherStudent):
        _check_widths(config, student, own, wanted)
    derived(config, student, config.vocab_size)


def _check_widths(config: Any, student: TeacherStudent, own: dict[str, int], wanted: dict[str, int]) -> None:
    changed = [field for field, size in wanted.items() if size != own[field] and not field.endswith("layers")]
    if not changed:
        return
    field = changed[0]
    if student.init == "layers":
        raise ConfigError(
            f"student.{field} {wanted[field]} must equal the teacher's {own[field]} for init 'layers'"
        )
    if config.model_type not in SLICED:
        raise ConfigError(
            f"student.{field} {wanted[field]}: widths of a {config.model_type} teacher are not cut: leave it out"
            " and take init 'layers', or init 'random'"
        )
    if "kv_heads" in own and own["heads"] * wanted["kv_heads"] != wanted["heads"] * own["kv_heads"]:
        raise ConfigError(
            f"student.kv_heads {wanted['kv_heads']} of {wanted['heads']} heads: the teacher's groups stay whole:"
            " leave kv_heads out"
        )
    width = own["hidden"] // own["heads"]
    if not has_head_dim(config) and wanted["hidden"] != width * wanted["heads"]:
        raise ConfigError(
            f"student.hidden {wanted['hidden']} of {wanted['heads']} heads: heads of this teacher are {width} wide"
            f" and are cut whole: try hidden {width * wanted['heads']}"
        )
