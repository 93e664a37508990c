"""One sweep on disk: its study, its trial folders, who leads it, what is kept. Knows Optuna, but no Ray.

See README.md for the files that a run leaves.
"""
