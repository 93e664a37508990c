"""A driver of a sweep on a Ray that runs: python -m tests.cluster.drive SWEEP ADDRESS FACTORY

Prints, as JSON, trials a second and the driver's share of a core once a fifth of the trials have ended (and all
workers are up), and its memory.
"""

import json
import resource
import sys
import time
from typing import Any

from kdray.config import load_sweep
from kdray.experiment import lock
from kdray.storage import join
from kdray.workers.runner import run


def main(sweep_file: str, address: str, factory: str) -> None:
    lock.BEAT_S = 1.0
    sweep = load_sweep(sweep_file)
    moments: list[tuple[float, float]] = []

    def note(event: Any) -> None:
        if event.kind in ("started", "rung"):
            return
        used = resource.getrusage(resource.RUSAGE_SELF)
        moments.append((time.monotonic(), used.ru_utime + used.ru_stime))

    folder = join(sweep.storage, sweep.name)
    run(sweep, folder, resume=True, address=address, on_event=note, trial_factory=factory)
    if not moments:
        return
    warm = moments[len(moments) // 5 :]
    (begin, cpu_begin), (end, cpu_end) = warm[0], warm[-1]
    seconds = max(end - begin, 1e-9)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    speed, share = (len(warm) - 1) / seconds, (cpu_end - cpu_begin) / seconds
    print(json.dumps({"trials_per_s": speed, "cpu_share": share, "mb": peak_mb}))


if __name__ == "__main__":
    main(*sys.argv[1:])
