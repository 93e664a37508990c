"""A trial: one complete training run as plain data, and a teacher's recipe, which is one too."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from kdray.config import deepspeed_settings
from kdray.config.read import Part
from kdray.config.student import AnyStudent, CheckpointStudent, Lora, RobertaStudent, TeacherStudent
from kdray.config.training import MOST, MOST_ROWS, Budget, Distil, Optim
from kdray.errors import ConfigError
from kdray.packaged import located

Task = Literal["assertion", "clone", "vulnerability"]
SNIPPETS: dict[str, int] = {"clone": 2, "vulnerability": 1}
"""Snippets of an input of the tasks that classify."""


class Execution(Part):
    """Assertions that are run in place of the ones that were cut out (mined corpora, see `kdray/execution`)."""

    cases: int = Field(
        100, ge=1, le=MOST, description="clean inputs of a suite that are run: the first of those that can be"
    )
    mutants: int = Field(
        5, ge=0, le=1000, description="faults put into the code under test of each, at most; 0 for none"
    )
    seconds: float = Field(5.0, gt=0, le=3600, description="of a core that one run may take")
    variants: bool = Field(False, description="whether answers to the variants of these inputs are run too")
    suites: Literal["both", "test"] = Field(
        "both", description="test: only those that are shown, at the end, on the test suite"
    )
    classpath: str = Field("", description="of Java: jars and folders, as `a:b`, where the trials run")


def _on_or_off(asked: Any) -> Any:
    """`execution: true` takes the defaults."""
    return {True: {}, False: None}[asked] if isinstance(asked, bool) else asked


class EvaluationConfig(Part):
    """How a student is judged."""

    cases: int = Field(
        400,
        ge=1,
        le=MOST,
        description="clean inputs of the suite that are used at the last rung, with their variants",
    )
    rung_cases: int = Field(200, ge=1, le=MOST, description="the same at earlier rungs")
    batch_size: int = Field(64, ge=1, le=MOST_ROWS)
    similarity_bits: float = Field(0.1, gt=0, lt=1)
    confidence: float = Field(0.9, gt=0, lt=1)
    calibration: float = Field(0.1, gt=0, lt=1)
    speed: bool = Field(False, description="whether latency_ms and peak_memory_mb are measured at each rung")
    execution: Annotated[Execution | None, BeforeValidator(_on_or_off)] = Field(
        None,
        description="whether assertions are run: true, or settings; measures pass_rate, kill_rate and others",
    )


class Encoding(Part):
    """How an example becomes tokens, and how many a model sees. Part of the signal's identity: shards remember it.

    None: as the teacher's folder tells (`kdray.tasks.form`).
    """

    max_input: int = Field(192, ge=16, le=MOST_ROWS)
    max_target: int = Field(64, ge=4, le=MOST_ROWS)
    max_row: int = Field(
        256, ge=32, le=MOST_ROWS, description="tokens of a packed training row (decoder-only)"
    )
    start: bool | None = Field(
        None, description="whether inputs, and an encoder-decoder's answers, begin with the start token"
    )
    boundary: Literal["apart", "whole"] | None = Field(
        None, description="prompt and answer encoded each for itself, or as the whole text (decoder-only)"
    )
    end: Literal["token", "newline", "both"] | None = Field(
        None, description="what ends an answer: the end token, the newline, or both (decoder-only)"
    )


FORM = ("start", "boundary", "end")
"""Fields of an `Encoding` that say how an example becomes tokens."""


class Trial(Part):
    """One training run, complete. `train(trial)` needs nothing else but the files it names."""

    task: Task = "assertion"
    corpus: str | None = None
    teacher: str | None = None
    shards: str | None = None
    suite: str | None = None
    test_suite: str | None = Field(
        None,
        description="suite of the test split that no choice looks at; `suite` is of the valid split then",
    )
    encoding: Encoding = Encoding()
    student: AnyStudent
    distil: Distil = Distil()
    optim: Optim = Optim()
    budget: Budget
    evaluation: EvaluationConfig = EvaluationConfig()
    deepspeed: dict[str, Any] = Field(default_factory=lambda: {"zero_optimization": {"stage": 0}})
    seed: int = Field(0, ge=0, lt=2**32)

    def runs(self, suite: str | None) -> bool:
        """Whether the answers to a suite, its location, are run."""
        execution = self.evaluation.execution
        return execution is not None and (execution.suites == "both" or suite == self.test_suite)

    @field_validator("teacher")
    @classmethod
    def _is_packaged_where_it_says_so(cls, teacher: str | None) -> str | None:
        try:
            located(teacher or "")
        except ConfigError as error:
            raise ValueError(str(error)) from None
        return teacher

    @model_validator(mode="after")
    def _settings_have_an_effect(self) -> Trial:
        if refused := deepspeed_settings.refusal(self.deepspeed):
            raise ValueError(refused)
        if self.shards is None and self.distil.alpha > 0:
            raise ValueError(
                f"distil.alpha {self.distil.alpha} has no effect without shards: name shards, or set alpha 0"
            )
        if self.test_suite is not None and self.test_suite == self.suite:
            raise ValueError(
                f"test_suite '{self.test_suite}' is the suite that students are chosen by: name another folder"
            )
        execution = self.evaluation.execution
        if execution is not None and execution.suites == "test" and self.test_suite is None:
            raise ValueError("evaluation.execution.suites test has no effect without test_suite: name one")
        if self.shards is None and self.corpus is None:
            raise ValueError("a trial learns from shards or from a corpus: name one of them")
        writes_on = self.student.family in ("llama", "teacher", "checkpoint") and self.task not in SNIPPETS
        if self.optim.context_weight > 0 and not writes_on:
            kind = "an encoder-decoder" if self.student.family == "t5" else "a classifier"
            raise ValueError(f"optim.context_weight has no effect on {kind} (family {self.student.family})")
        if self.optim.slice_share > 0 and isinstance(self.student, (TeacherStudent, CheckpointStudent)):
            raise ValueError(
                f"optim.slice_share has no effect on family {self.student.family}: name the family"
            )
        if self.optim.slice_share > 0 and getattr(self.student, "hidden", 0) < 32:
            raise ValueError(
                "optim.slice_share cuts slices out of student.hidden, 32 or more, not"
                f" {getattr(self.student, 'hidden', 0)}"
            )
        if self.optim.slice_share > 0 and self.optim.gradient_checkpointing:
            raise ValueError("optim.gradient_checkpointing has no effect on slices: set slice_share 0")
        if self.optim.context_until is not None and self.optim.context_weight == 0:
            raise ValueError("optim.context_until has no effect with context_weight 0")
        return self

    @model_validator(mode="after")
    def _signal_is_of_the_students_tokens(self) -> Trial:
        if self.task in SNIPPETS:  # a signal over classes, whatever the tokens
            if self.distil.loss == "sequence":
                raise ValueError(f"distil.loss sequence is for what writes: task {self.task} has no answers")
        elif self.student.own_tokenizer and self.distil.reads_signal:
            raise ValueError(
                f"student.tokenizer '{self.student.tokenizer}' is not the teacher's, whose signal is over its own"
                " tokens: set distil.loss sequence and alpha 1.0, or distil.alpha 0, or leave the tokenizer out"
            )
        return self

    @model_validator(mode="after")
    def _student_fits_the_task(self) -> Trial:
        snippets = SNIPPETS.get(self.task)
        if snippets is None and self.distil.loss != "decoupled" and not 0.5 <= self.distil.temperature <= 8:
            raise ValueError(
                f"distil.temperature {self.distil.temperature:g} is not in 0.5 to 8, where shards know the tail"
                " of a vocabulary: only loss decoupled does without"
            )
        if isinstance(self.student, (TeacherStudent, CheckpointStudent)) and snippets is not None:
            if self.student.max_input is not None:
                raise ValueError(
                    f"student.max_input has no effect on task {self.task}: set encoding.max_input"
                )
        elif not isinstance(self.student, RobertaStudent):
            if self.student.max_input is not None and self.student.max_input > self.encoding.max_input:
                raise ValueError(
                    f"student.max_input {self.student.max_input} has no effect beyond encoding.max_input"
                    f" {self.encoding.max_input}"
                )
            if snippets is None:
                return self
            raise ValueError(
                f"task {self.task} wants a student of family roberta or teacher, not {self.student.family}"
            )
        elif snippets is None:
            raise ValueError("a student of family roberta classifies: task must be clone or vulnerability")
        elif self.student.snippets != snippets:
            raise ValueError(
                f"task {self.task} wants student.snippets {snippets}, not {self.student.snippets}"
            )
        for field in ("max_target", "max_row", *FORM):
            if getattr(self.encoding, field) != Encoding.model_fields[field].default:
                raise ValueError(f"encoding.{field} has no effect on task {self.task}")
        if self.optim.slice_share > 0:
            raise ValueError("optim.slice_share has no effect on family roberta")
        return self

    @property
    def longest_row(self) -> int:
        """Tokens that the student reads and writes of one row, at most."""
        limits = self.encoding
        if isinstance(self.student, RobertaStudent):
            return self.student.snippets * min(limits.max_input, self.student.positions - 2)
        apart = limits.max_input + limits.max_target
        if self.task in SNIPPETS:
            return SNIPPETS[self.task] * limits.max_input
        if self.student.family in ("teacher", "checkpoint"):  # of either kind
            return max(limits.max_row, apart)
        return limits.max_row if self.student.family == "llama" else apart

    @property
    def adapters(self) -> Lora | None:
        """Those that are trained instead of the student's own weights."""
        return self.student.lora if isinstance(self.student, CheckpointStudent) else None

    @property
    def accuracy(self) -> str:
        """The name of the metric that says how often a model is right."""
        return accuracy_of(self.task)


def accuracy_of(task: str) -> str:
    """The name of a task's accuracy among its metrics."""
    return "assertion_accuracy" if task == "assertion" else "accuracy"


class TeacherRecipe(Trial):
    """How a teacher is made: the same loop with alpha 0, from a corpus, with a tokenizer of its own; or, where
    `student` is a checkpoint, with the checkpoint's: then it is fine-tuned.

    `teacher` names one to go on from (`student.init: layers`), of another language or data: the same width, its
    embeddings carried over to the new tokenizer piece by piece.
    """

    corpus: str
    vocab: int = Field(4096, ge=300, le=MOST_ROWS)
    distil: Distil = Distil(alpha=0.0)
    patience: int | None = Field(
        None,
        ge=1,
        description="rungs without a lower held-out loss after which the training ends; the best rung is kept",
    )

    lora: Lora | None = Field(
        None, description="train adapters of a checkpoint instead of the whole (extra lora)"
    )

    @model_validator(mode="after")
    def _reads_all_with_its_own_tokenizer(self) -> TeacherRecipe:
        if self.student.own_tokenizer:
            raise ValueError(
                "a teacher's tokenizer is trained for it: leave student.tokenizer out and name vocab"
            )
        if isinstance(self.student, CheckpointStudent):
            return self._fine_tunes()
        if self.lora is not None:
            raise ValueError("lora is for a checkpoint, which has learnt something: leave it out")
        start, wanted = ("has none", "random") if self.teacher is None else ("names one", "layers")
        if self.student.init != wanted:
            raise ValueError(
                f"student.init '{self.student.init}': a recipe that {start} to go on from, in teacher, begins with"
                f" init '{wanted}'"
            )
        if isinstance(self.student, RobertaStudent) and self.encoding.max_input + 2 > self.student.positions:
            raise ValueError(
                f"encoding.max_input {self.encoding.max_input} needs student.positions of"
                f" {self.encoding.max_input + 2} or more, not {self.student.positions}"
            )
        return self

    @property
    def adapters(self) -> Lora | None:
        """See `Trial`."""
        return self.lora

    def _fine_tunes(self) -> TeacherRecipe:
        if getattr(self.student, "lora", None) is not None:
            raise ValueError("student.lora has no effect on a recipe: write lora beside student")
        for field in ("teacher", "vocab"):
            if getattr(self, field) != TeacherRecipe.model_fields[field].default:
                raise ValueError(f"{field} has no effect on a checkpoint, which has its own: leave it out")
        return self
