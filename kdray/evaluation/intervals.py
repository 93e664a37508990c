"""95 % intervals: Wilson for shares, also where cases come in groups, bootstrap for means.

Wilson stays inside [0, 1] and is not of width zero at 0 or n, where the usual p +- 1.96 s does both wrong. It is
written out: `scipy.stats.binomtest` gives the same to 3e-16 (a test holds them together), but takes 2.2 ms a call
instead of 0.01, for it tests as well, and `scipy.stats` would cost every worker that trains 62 MB and a second.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Z_95 = 1.959963984540054
"""The normal's quantile at 0.975."""


def wilson(count: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share `count / total`; (0, 1) without a case.

    Source: E. B. Wilson, "Probable inference", JASA 22 (1927), 209-212, doi:10.1080/01621459.1927.10502953.

    Raises:
        ValueError: unless 0 <= count <= total.
    """
    if not 0 <= count <= total:
        raise ValueError(f"count {count} must be between 0 and total {total}")
    if total == 0:
        return 0.0, 1.0
    return _wilson(count / total, total, Z_95)


def _wilson(share: float, total: float, z: float) -> tuple[float, float]:
    z2 = z**2
    centre = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = z / (1 + z2 / total) * float(np.sqrt(share * (1 - share) / total + z2 / (4 * total**2)))
    # Rounding must not push an end past the share itself.
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))


def clustered(hits_N: NDArray[np.bool_], group_N: NDArray[Any]) -> tuple[float, float]:
    """The 95 % interval of a share of cases that come in groups, which are alike within: test files.

    Wilson's, with as many cases as independent ones would tell so much (n over the design effect, which is never
    taken below 1), and Student's quantile over the groups for the normal's (Dean and Pagano 2015,
    doi:10.1093/jssam/smv024, compare such intervals). With a group for each case, or one group, it is Wilson's.
    """
    _, group_N = np.unique(group_N, return_inverse=True)
    total, groups = len(hits_N), int(group_N.max(initial=-1)) + 1
    share = float(hits_N.mean()) if total else 0.0
    if groups in (0, 1, total) or share in (0.0, 1.0):
        return wilson(int(hits_N.sum()), total)
    sums_G = np.bincount(group_N, hits_N - share)
    variance = groups / (groups - 1) * float(sums_G @ sums_G) / total**2
    from scipy.special import stdtrit

    independent = total / max(1.0, variance * total / (share * (1 - share)))
    return _wilson(share, independent, float(stdtrit(groups - 1, 0.975)))


def bootstrap_mean(values_N: NDArray[Any], seed: int, draws: int = 1000) -> tuple[float, float]:
    """The 95 % percentile interval of a mean; the value itself twice for one case, (nan, nan) for none."""
    values_N = np.asarray(values_N, np.float64)
    if len(values_N) == 0:
        return float("nan"), float("nan")
    chosen = np.random.default_rng(seed).integers(len(values_N), size=(draws, len(values_N)))
    low, high = np.percentile(values_N[chosen].mean(1), [2.5, 97.5])
    return float(low), float(high)
