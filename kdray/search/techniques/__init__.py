"""The searches of published techniques as samplers of this search layer: Compressor, AVATAR, MORPH.

Each is a `Model`: it proposes points, and the study trains, stops, resumes and shows them like any others. What it
has to know it is told again from the study; its own draws are functions of the sweep's seed. So a sweep that was
killed anywhere goes on with the same samples, the same surrogates and the same archive.

    space --> genes (rows of value indices) --> costs (the published formula, vectorised)
    compressor   one genetic search a target size, then one trial each; nothing is learnt
    avatar       z3 prunes the space, spread-out samples are trained, a Bayesian ridge predicts the rest
    morph        a Latin hypercube is trained, gradient boosting predicts the rest, AGE-MOEA searches

AVATAR and MORPH have two halves: `samples` trials, and once all of them have ended a search on what was
learnt from them, whose archive gives the other trials: first the one nearest the target size, which is the
one that the papers distil, then whatever lies farthest from what was taken (ours: the papers stop after one).

Not here: which trials are comparable, equal budgets, figures; `tests/benchmarks/morph.py` has those.
"""
