"""How a sweep searches, stops trials, and makes its choice."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from kdray.config.read import Part
from kdray.config.training import MOST


class Confirm(Part):
    """How the students that are probably on the front are trained again before one is chosen.

    The best of many is best partly by luck: of the cases, and of its training. So the choice is made on the means
    over several trainings: further seeds of the same settings, judged on all cases of the suite.
    """

    top: int = Field(3, ge=2, le=MOST, description="settings that are trained again, at most")
    seeds: int = Field(2, ge=1, le=MOST, description="further seeds of each")
    cases: int | Literal["all"] = Field(
        "all", description="clean inputs of the suite that these are judged on"
    )

    @field_validator("cases")
    @classmethod
    def _some_cases(cls, cases: int | str) -> int | str:
        if isinstance(cases, int) and not 1 <= cases <= MOST:
            raise ValueError(f"cases {cases} must be 1 or more, or all")
        return cases

    @property
    def most(self) -> int:
        """Trials that this takes at most."""
        return self.top * self.seeds


class Search(Part):
    """How points are asked for, trials are stopped, and the choice is made."""

    sampler: str = "surrogate"
    sampler_params: dict[str, Any] = Field(
        default_factory=dict, description="settings of a published technique's search"
    )
    trials: int = Field(16, ge=1, le=MOST)
    start: tuple[dict[str, Any], ...] = ()
    seed: int = Field(0, ge=0, lt=2**32)
    halving: bool = True
    eta: int = Field(3, ge=2, description="one in `eta` trials goes on from a rung")
    grace: int = Field(0, ge=0, description="the step before which no trial is stopped")
    trust: float = Field(
        0.9,
        ge=-1,
        le=1,
        description="rank correlation with the last rung from which a rung stops trials; -1: at once",
    )
    brackets: int = Field(1, ge=1, description="every n-th trial may be stopped from the n-th rung on only")
    confirm: Confirm | None = Field(
        None,
        description="further seeds for those that are probably on the front, and the choice among them; not said "
        "in a file: on where there is a test suite (and no seed in the space), false: off",
    )
    storage: str | None = Field(
        None,
        description="an Optuna storage URL, a password in it as ${VARIABLE} of the environment; None keeps a "
        "journal file in the experiment folder",
    )

    @field_validator("confirm", mode="before")
    @classmethod
    def _on_or_off(cls, confirm: Any) -> Any:
        return {True: {}, False: None}[confirm] if isinstance(confirm, bool) else confirm
