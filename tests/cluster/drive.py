"""A driver of a sweep on a Ray that runs: python -m tests.cluster.drive SWEEP ADDRESS FACTORY."""

import sys

from kdray.config import load_sweep
from kdray.search.runner import run
from kdray.storage import join

if __name__ == "__main__":
    sweep = load_sweep(sys.argv[1])
    run(sweep, join(sweep.storage, sweep.name), resume=True, address=sys.argv[2], trial_factory=sys.argv[3])
