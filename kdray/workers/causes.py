"""What a worker died of, in one line."""

from __future__ import annotations

from ray.exceptions import RayActorError, RayTaskError

from kdray.errors import KdrayError


def origin_of(cause: BaseException | None) -> BaseException | None:
    """What was raised in the first place, by the worker or by one of its peers."""
    while isinstance(cause, RayTaskError) and cause.cause is not None:
        cause = cause.cause
    return cause


def describe(cause: BaseException | None) -> str:
    """The reason as it stands in the study and in the trial's folder; None for a worker that just went away."""
    cause = origin_of(cause)
    if cause is None:
        return "the worker was lost"
    if isinstance(cause, KdrayError):
        return str(cause)
    if isinstance(cause, RayActorError):
        lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
        why = next(
            (line for line in lines if "cause" in line.lower() or "exit" in line.lower()),
            lines[0] if lines else "",
        )
        return f"the worker was lost: {why}"[:300]
    first = (str(cause).strip().splitlines() or [""])[0]
    return f"{type(cause).__name__}: {first}"
