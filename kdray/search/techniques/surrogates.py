"""What AVATAR and MORPH predict with, by scikit-learn: genes in, objectives out.

AVATAR: a Bayesian ridge on the genes as they are. MORPH: gradient boosting on standardised genes, accuracy through
the logit; the settings of the one for flips by grid search over three folds, as published. Its other
objectives get the same model as flips without the logit (ours: the paper has no others).

Shape suffixes: C rows, G genes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import BayesianRidge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

Floats = NDArray[np.float64]

GRID = {
    "n_estimators": [50, 100, 150],
    "learning_rate": [0.05, 0.10, 0.15, 0.20, 0.25],
    "max_depth": [2, 3, 4, 5],
    "min_samples_split": [2, 3, 4],
    "min_samples_leaf": [1, 2, 3],
}
"""MORPH's, for flips: 540 settings, about a minute on 50 rows."""
FOLDS = 3
EDGE = 1e-12
"""An accuracy of 0 or 1 has no logit."""


def ridge() -> Any:
    """AVATAR's."""
    return BayesianRidge()


def boosted_share(seed: int) -> Any:
    """MORPH's for a share such as accuracy: fitted through the logit."""
    return TransformedTargetRegressor(
        make_pipeline(StandardScaler(), GradientBoostingRegressor(random_state=seed)),
        func=_logit,
        inverse_func=_expit,
        check_inverse=False,
    )


def boosted(seed: int, *, tuned: bool) -> Any:
    """MORPH's for flips; `tuned` searches the published grid where there are enough rows for its folds."""
    model = GradientBoostingRegressor(random_state=seed)
    if not tuned:
        return make_pipeline(StandardScaler(), model)
    search = GridSearchCV(model, GRID, cv=FOLDS, scoring="neg_mean_absolute_error")
    return make_pipeline(StandardScaler(), search)


def _logit(share: Floats) -> Floats:
    share = np.clip(share, EDGE, 1 - EDGE)
    return np.asarray(np.log(share / (1 - share)))


def _expit(value: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-value)))
