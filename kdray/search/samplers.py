"""What `search.sampler` names: an Optuna sampler (any, by `package.module:Class`), our model or a technique."""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from collections.abc import Sequence
from typing import Any

from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, GPSampler, NSGAIIISampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.study import StudyDirection

from kdray.config import Sweep
from kdray.errors import ConfigError, nearest
from kdray.search.constraints import Gate
from kdray.search.model import Model
from kdray.search.proposer import Proposer
from kdray.search.space import Space
from kdray.search.surrogate import Surrogate
from kdray.search.techniques.by_name import TECHNIQUES, check, make_technique

NAMES = ("surrogate", "tpe", "nsga2", "nsga3", "gp", "random", "grid", *TECHNIQUES)
OURS = ("surrogate", "grid", *TECHNIQUES)
"""Propose by themselves: Optuna only fills in start points."""


def proposer(
    sweep: Sweep, space: Space, gate: Gate, directions: Sequence[StudyDirection], *, seed: int
) -> Proposer:
    """A sweep's proposer, which knows of no trial yet.

    Args:
        sweep: names the sampler.
        space: where points come from.
        gate: what may be trained.
        directions: of the objectives, in order.
        seed: see `make`.

    Raises:
        ConfigError: see `make`, `Proposer` and `make_technique`.
    """
    name = sweep.search.sampler
    return Proposer(
        space,
        directions,
        make(name, seed=seed, conditional=space.conditional),
        gate.refusal,
        seed=seed,
        asks=asks(name),
        grid=name == "grid",
        model=_model(sweep, space, gate, directions, seed),
    )


def _model(
    sweep: Sweep, space: Space, gate: Gate, directions: Sequence[StudyDirection], seed: int
) -> Model | None:
    if sweep.search.sampler in TECHNIQUES:
        return make_technique(sweep, space, gate.refusal)
    check(sweep)
    if sweep.search.sampler == "surrogate":
        signs = [-1 if direction == StudyDirection.MAXIMIZE else 1 for direction in directions]
        return Surrogate(space, signs, sweep.trial.budget.reports, seed)
    return None


def asks(name: str) -> int:
    """How often to ask for one point: a random draw costs nothing, a fitted model takes long to say the same
    thing again.
    """
    return 16 if name in ("tpe", "nsga2", "nsga3", "random") else 2


def make(name: str, *, seed: int, conditional: bool) -> BaseSampler:
    """A sampler with its own random state.

    Args:
        name: one of `NAMES`, or `package.module:Class` of an Optuna sampler that takes `seed`. Those in
            `OURS` propose by themselves (`kdray.search.surrogate`, `kdray.search.techniques`; `proposer` walks
            through a grid): what is here for them only fills in start points.
        seed: of its random state; different after each resume, or it would draw the same points again.
        conditional: whether the space has conditions; TPE then models each group of paths apart.

    Raises:
        ConfigError: an unknown name, or a path that holds no sampler.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        if ":" in name:
            return _imported(name, seed)
        if name == "tpe":
            return TPESampler(multivariate=True, group=conditional, constant_liar=True, seed=seed)
        if name == "nsga2":
            return NSGAIISampler(seed=seed)
        if name == "nsga3":
            return NSGAIIISampler(seed=seed)
        if name == "gp":
            if importlib.util.find_spec("scipy") is None:
                raise ConfigError("search.sampler: 'gp' needs scipy: pip install scipy")
            return GPSampler(seed=seed, independent_sampler=RandomSampler(seed=seed))
        if name == "random" or name in OURS:
            return RandomSampler(seed=seed)
    known = f"unknown sampler '{name}'{nearest(name, NAMES)} (or an import path 'module:Class')"
    raise ConfigError(f"search.sampler: {known}")


def _imported(path: str, seed: int) -> BaseSampler:
    module, _, attribute = path.partition(":")
    try:
        sampler: Any = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"search.sampler: '{path}': {error}") from None
    if not (isinstance(sampler, type) and issubclass(sampler, BaseSampler)):
        raise ConfigError(f"search.sampler: '{path}' is not an Optuna sampler")
    try:
        return sampler(seed=seed)  # type: ignore[call-arg]
    except TypeError as error:
        raise ConfigError(f"search.sampler: '{path}' cannot be made from a seed: {error}") from None
