"""What faults leave behind of contact sheets: kills, a broken network, double clicks.

    python benchmarks/contact_sheets.py --cases 40 --seed 0

Each case pushes issues as contact sheets, answers all of them and syncs, with one fault at a random request
of the push and of the sync, or ``kill -9`` of the command at a random moment; every third time each sheet is
submitted twice. Then one more push and sync, and a count: nothing may be lost or doubled. Prints a line a
case and, last, one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from review.label_studio.local_server import label_studio_server
from review.label_studio.push import contact_sheets
from tests.label_studio.faults import Disturb, faulty, killed
from tests.label_studio.proxy import FAULTS, proxy_to
from tests.label_studio.sheet_faults import sheets_round


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cases", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--server-data", type=Path, help="a folder that keeps the server's data")
    options = parser.parse_args()
    rng, totals = random.Random(options.seed), Counter[str]()
    contact_sheets.CHUNK = 2
    with tempfile.TemporaryDirectory(prefix="curate-benchmark-") as name:
        folder = Path(name)
        data = options.server_data or folder / "label-studio"
        with label_studio_server(data, document_root=folder) as server:
            os.environ["LABEL_STUDIO_API_KEY"] = server.token
            for case in range(options.cases):
                clicks = 2 if case % 3 == 0 else 1
                with proxy_to(server.url) as proxy:
                    if rng.random() < 0.3:
                        told = "kill -9"
                        first: Disturb = killed(rng.uniform(2.0, 9.0))
                        then: Disturb = killed(rng.uniform(2.0, 6.0))
                    else:
                        told = rng.choice(FAULTS)
                        first = faulty(proxy, told, rng.randrange(20))
                        then = faulty(proxy, rng.choice(FAULTS), rng.randrange(8))
                    outcome = sheets_round(folder / f"case-{case:03}", proxy.url, first, then, clicks)
                totals["struck"] += outcome.hit
                totals["lost"] += outcome.lost + outcome.missing_tasks
                totals["doubled"] += outcome.doubled + outcome.doubled_tasks
                what = f"case {case:3}  {told:12} clicks {clicks}  {'struck' if outcome.hit else 'missed'}"
                print(what + ("" if outcome.clean else f"  {outcome}"), flush=True)
    print(json.dumps({"cases": options.cases, "seed": options.seed, **totals}))


if __name__ == "__main__":
    main()
