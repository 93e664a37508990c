"""Sweeps beside each other, from their trial records alone: `kdray compare`.

    comparisons       what `kdray compare` prints: the question, the answer, its form
    sweeps            sweeps at equal budget, each with its front and indicators
    techniques        the same with several seeds a technique
    students          students of all sweeps in one pool, and in groups by settings
    settings          a row a combination of settings: means over seeds, as a table and a picture
    differences       the same rows less one of them, seed by seed
    seeds             means and differences over training seeds, and their intervals
    picking           students near the best accuracy, and what picking by accuracy alone costs
    cost_of_accuracy  that cost and its permutation test, on arrays

Not here: one sweep by itself (`kdray.report`).
"""
