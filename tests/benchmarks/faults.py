"""Faults in every stage of the job, and what was lost of it (`tests/faults.py`).

`python tests/benchmarks/faults.py --faults 300 --seconds 600` prints what was
injected and every loss in a line.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults import Campaign

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--faults", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=3600, help="no further fault after so long")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stage", action="append", help="only this one; repeatable")
    parser.add_argument("--fault", action="append", help="only this kind; repeatable")
    parser.add_argument("--log", type=Path, help="a JSON file that holds the tallies after every fault")
    parser.add_argument("--quick", action="store_true", help="one fault of each kind in the sweep")
    asked = parser.parse_args()

    from tests.fault_stages import stages
    from tests.faults import FAULTS, Campaign, table

    logging.disable(logging.WARNING)
    root = Path(tempfile.mkdtemp())
    subprocess.run([sys.executable, "-m", "tests.fault_worlds", str(root)], cwd=ROOT, check=True)
    chosen = [
        stage
        for stage in stages(root / "world", root / "shipped" / "toy")
        if (stage.name in asked.stage if asked.stage else not asked.quick or stage.name == "sweep")
    ]
    (root / "campaign").mkdir()
    campaign = Campaign(chosen, root / "campaign", asked.seed)
    turns = [(stage.name, fault) for fault in asked.fault or FAULTS for stage in chosen]
    begin, number, count = time.monotonic(), 0, len(FAULTS) if asked.quick else asked.faults
    while number < count and time.monotonic() - begin < asked.seconds:
        campaign.inject(*turns[number % len(turns)])
        number += 1
        if asked.log:
            _note(asked.log, campaign)
    lost = [line for tally in campaign.tallies.values() for line in tally.lost]
    print("\n".join(lost))
    print(table(campaign.tallies))
    ended = sum((tally.ended for tally in campaign.tallies.values()), Counter[str]())
    seconds = time.monotonic() - begin
    print(json.dumps({"faults": number, "lost": len(lost), "ended": dict(ended), "seconds": round(seconds)}))


def _note(log: Path, campaign: Campaign) -> None:
    """What there is so far, so that a run that is cut off is not lost."""
    rows = [[*key, dict(tally.ended), tally.lost] for key, tally in campaign.tallies.items()]
    log.with_suffix(".part").write_text(json.dumps(rows))
    log.with_suffix(".part").replace(log)


if __name__ == "__main__":
    main()
