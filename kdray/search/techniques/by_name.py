"""A technique by its name; its settings are `search.sampler_params`."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from kdray.config import Sweep, parse
from kdray.errors import ConfigError
from kdray.search.space import Point, Space, build
from kdray.search.techniques.genes import Genes
from kdray.search.techniques.technique import Technique

TECHNIQUES = {
    "compressor": ("compressor", "Compressor", "CompressorSettings"),
    "avatar": ("avatar", "Avatar", "AvatarSettings"),
    "morph": ("morph", "Morph", "MorphSettings"),
}
"""Name -> module here, class, settings. Imported on demand: the libraries are an extra."""


def check(sweep: Sweep) -> None:
    """Raises `ConfigError` where `search.sampler` names a technique that does not fit the sweep, as far as can be
    told before anything is captured; or where it names none, but settings of one.
    """
    search = sweep.search
    if search.sampler in TECHNIQUES:
        make_technique(sweep, build(sweep), lambda point: "")
    elif search.sampler_params:
        raise ConfigError(f"{sweep.name}: search.sampler_params has no effect on sampler '{search.sampler}'")


def make_technique(sweep: Sweep, space: Space, refusal: Callable[[Point], str]) -> Technique:
    """The technique that `search.sampler` names.

    Args:
        sweep: with its settings.
        space: of the sweep.
        refusal: why a point may not be trained, "" where it may.

    Raises:
        ConfigError: a library is missing, a setting is unknown, or the sweep does not fit the technique.
    """
    name = sweep.search.sampler
    module, technique, settings = TECHNIQUES[name]
    try:
        there = importlib.import_module(f"kdray.search.techniques.{module}")
    except ImportError as error:
        raise ConfigError(
            f"search.sampler {name} needs {error.name}: pip install 'kdray[techniques]'"
        ) from None
    chosen = parse(
        getattr(there, settings), sweep.search.sampler_params, f"{sweep.name}: search.sampler_params"
    )
    made: Technique = getattr(there, technique)(sweep, Genes(space, refusal), chosen)
    return made
