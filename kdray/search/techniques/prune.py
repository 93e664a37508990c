"""AVATAR's first step: what is left of each gene once only students within the size limit count, found by z3.

The published program lets the solver enumerate solutions of the size formula, with heads dividing the hidden
width, and keeps the least and greatest value of each gene. Here the solver is asked for these two by halving,
a few dozen questions of milliseconds. From hidden widths to 768 and vocabularies to 50,000 it finds the
bounds that AVATAR publishes, 256 and 46,000.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kdray.errors import ConfigError
from kdray.search.techniques.costs import PATHS, Costs
from kdray.search.techniques.genes import HEADS, HIDDEN, Genes
from kdray.students.published_cost import published_params

ANSWER_MS = 60_000
"""What the solver may take for one question."""


def feasible(genes: Genes, costs: Costs, limit_mb: float) -> list[NDArray[np.int64]]:
    """For each gene the indices of the values between the least and the greatest that a student of at most
    `limit_mb` has. A gene that the formula does not know keeps all.

    Raises:
        ConfigError: no student of the space is small enough, or z3 is not installed.
    """
    try:
        import z3
    except ImportError:
        raise ConfigError("search.sampler avatar needs z3: pip install 'kdray[techniques]'") from None
    solver = z3.Solver()
    solver.set("timeout", ANSWER_MS)
    terms = {path: z3.Int(path) for path in PATHS.values() if path in genes.paths}
    for path, term in terms.items():
        solver.add(_one_of(term, genes.listed(path)))
    if HIDDEN in terms and HEADS in terms:
        solver.add(terms[HIDDEN] % terms[HEADS] == 0)
    solver.add(published_params(costs.shape(terms)) <= int(limit_mb * 1e6 / 4))

    def possible(*more: Any) -> bool:
        # What the solver cannot decide in time stays in the space.
        return bool(solver.check(*more) != z3.unsat)

    if not possible():
        raise ConfigError(f"no student of the space has {limit_mb:g} MB or less by the published formula")
    left = []
    for path, size in zip(genes.paths, genes.sizes_G, strict=True):
        if path in terms:
            left.append(_between(genes.listed(path), terms[path], possible))
        else:
            left.append(np.arange(size))
    return left


def _one_of(term: Any, values: Sequence[int]) -> Any:
    """That a term has one of these values; said as a range where they are one, which the solver bears by
    thousands.
    """
    import z3

    low, high, steps = min(values), max(values), np.unique(np.diff(np.sort(values)))
    if len(steps) != 1:
        return z3.Or([term == value for value in values])
    return z3.And(term >= low, term <= high, (term - low) % int(steps[0]) == 0)


def _between(values: Sequence[int], term: Any, possible: Callable[..., bool]) -> NDArray[np.int64]:
    """Indices of the values from the least possible to the greatest."""
    order = np.argsort(values)
    ranked = [int(values[n]) for n in order]
    low = _first(len(ranked), lambda n: possible(term <= ranked[n]))
    high = len(ranked) - 1 - _first(len(ranked), lambda n: possible(term >= ranked[len(ranked) - 1 - n]))
    return np.sort(order[low : high + 1])


def _first(count: int, true: Callable[[int], bool]) -> int:
    """The first index at which a condition holds that holds from there on."""
    low, high = 0, count - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if true(middle) else (middle + 1, high)
    return low
