"""Which student is a slice of which teacher, and which layers it takes. Knows architectures, no weights."""

from __future__ import annotations

from kdray.config import RobertaStudent, Student, T5Student
from kdray.errors import ConfigError


def head_dim(student: Student) -> int:
    """Width of one head."""
    return student.hidden // student.heads if isinstance(student, RobertaStudent) else student.head_dim


def evenly_spaced(kept: int, total: int) -> list[int]:
    """`kept` layer numbers out of `total`, evenly spaced, the first and (from two on) the last among them."""
    if kept == 1:
        return [0]
    return [round(i * (total - 1) / (kept - 1)) for i in range(kept)]


def layer_counts(student: Student) -> dict[str, int]:
    """Stack prefix in parameter names -> number of layers."""
    if isinstance(student, T5Student):
        return {"encoder.": student.encoder_layers, "decoder.": student.decoder_layers}
    return {"roberta.encoder." if isinstance(student, RobertaStudent) else "model.": student.layers}


def check_sliceable(teacher: Student, student: Student) -> None:
    """Raises `ConfigError` naming the field where `student` is no slice of `teacher`."""
    if teacher.family != student.family:
        raise ConfigError(
            f"student.init '{student.init}': "
            f"a {student.family} student cannot be cut from a {teacher.family} teacher"
        )
    exact = [
        "snippets",
        "position_type",
        "activation",
        *(["hidden", "heads", "feed_forward"] if student.init == "layers" else []),
    ]
    exact += ["head_dim"]
    for field in exact:
        have, want = getattr(teacher, field, None), getattr(student, field, None)
        if want != have:
            raise ConfigError(
                f"student.{field} {want} must equal the teacher's {have} for init '{student.init}'"
            )
    if getattr(student, "tied_embeddings", False) and not getattr(teacher, "tied_embeddings", True):
        raise ConfigError(
            "student.tied_embeddings True: the teacher's head is not its embedding: set it to False, or use init"
            " 'random'"
        )
    for field in (
        "layers",
        "encoder_layers",
        "decoder_layers",
        "hidden",
        "heads",
        "feed_forward",
        "positions",
    ):
        size, wanted = int(getattr(teacher, field, 0)), int(getattr(student, field, 0))
        if wanted > size:
            raise ConfigError(
                f"student.{field} {wanted} is larger than the teacher's {size}: "
                "use init 'random' or a smaller one"
            )
    if head_dim(student) > head_dim(teacher):
        raise ConfigError(
            f"student.heads {student.heads} of {student.hidden} are {head_dim(student)} wide, the teacher's"
            f" {head_dim(teacher)}: use init 'random' or more heads"
        )
