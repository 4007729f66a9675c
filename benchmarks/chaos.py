"""Accidents, seeded and real: after each, the catalog is whole, or the command refused and said what to do.

    python -m benchmarks.chaos --cases 200 --seed 1 --resume chaos.jsonl

Each case takes a fresh copy of a small workspace (or a fresh database of a real PostgreSQL server), lets
one accident happen to a real process, does what a user would do next, and compares what is there with what
had been acknowledged before. ``--resume`` keeps one line a case and goes on after the last one.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from benchmarks import chaos_cases as files
from benchmarks import chaos_kills as kills
from benchmarks.chaos_scene import Outcome, Scene, make_scene, not_allowed
from benchmarks.chaos_services import Services

KINDS: dict[str, Callable[[Scene, Path, random.Random], Outcome]] = {
    "kill reviewer": kills.kill_reviewer,
    "kill PostgreSQL": kills.kill_postgresql,
    "kill ingest": kills.kill_ingest,
    "no space": files.no_space,
    "truncated": files.truncated,
    "kill backup": kills.kill_backup,
    "kill mongod": kills.kill_mongod,
    "read-only folder": files.read_only,
    "locked": files.locked,
    "damaged checkpoint": files.damaged_checkpoint,
    "damaged cache": files.damaged_cache,
    "kill train": kills.kill_train,
    "kill rank": kills.kill_rank,
    "clock moved": files.clock_moved,
    "kill Label Studio": kills.kill_label_studio,
    "kill push or sync": kills.kill_review,
}
"""What can happen, by name."""

SERVERS = ("kill PostgreSQL", "kill mongod", "kill Label Studio")
"""The kinds in which a server is killed."""


def run_case(scene: Scene, number: int, seed: int, kinds: Sequence[str]) -> Outcome:
    """Run one case; its kind and its moment follow from the seed and its number alone."""
    rng = random.Random(seed * 1_000_003 + number)
    kind = kinds[number % len(kinds)]
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="chaos-", dir=scene.folder) as folder:
        outcome = KINDS[kind](scene, Path(folder), rng)
    return replace(outcome, seconds=round(time.monotonic() - began, 1))


def done_before(path: Path | None) -> list[dict[str, object]]:
    """Return the cases that earlier invocations finished; a line that was cut off is none."""
    outcomes = []
    if path is not None and path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                outcomes.append(json.loads(line))
            except ValueError:
                continue
    return outcomes


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cases", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", type=Path, help="a file of finished cases, to go on from")
    parser.add_argument("--kinds", default="all", help=f"some of: {', '.join(KINDS)}")
    arguments = parser.parse_args(argv)
    wanted = list(KINDS) if arguments.kinds == "all" else arguments.kinds.split(",")
    finished, barred = done_before(arguments.resume), not_allowed()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="curate-chaos-")))
        scene = make_scene(folder, Services(folder, stack))
        kinds = [kind for kind in wanted if kind not in barred]
        for number in range(len(finished), arguments.cases):
            outcome = run_case(scene, number, arguments.seed, kinds)
            line = {"case": number, **outcome.__dict__}
            finished.append(line)
            print(f"{number:>4}  {outcome.kind:<22} {outcome.result:<9} {outcome.detail}", file=sys.stderr)
            if arguments.resume is not None:
                with arguments.resume.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line) + "\n")
    report(finished, barred)


def report(finished: Sequence[dict[str, object]], barred: dict[str, str]) -> None:
    """Print the table of kinds and the line of figures."""
    results = Counter(str(case["result"]) for case in finished)
    by_kind: dict[str, Counter[str]] = {}
    for case in finished:
        by_kind.setdefault(str(case["kind"]), Counter())[str(case["result"])] += 1
    print(f"{'kind':<24}{'tried':>6}{'survived':>10}{'refused':>9}{'broken':>8}{'kills':>7}")
    for kind, counts in sorted(by_kind.items()):
        kills = sum(int(str(case["kills"])) for case in finished if case["kind"] == kind)
        print(
            f"{kind:<24}{counts.total():>6}{counts['survived']:>10}{counts['refused']:>9}"
            f"{counts['broken']:>8}{kills:>7}"
        )
    for kind, why in sorted(barred.items()):
        print(f"not allowed here, not counted: {kind}: {why}")
    print(
        json.dumps(
            {
                "tried": len(finished),
                "survived": results["survived"],
                "refused": results["refused"],
                "lost": sum(int(str(case["lost"])) for case in finished),
                "doubled": sum(int(str(case["doubled"])) for case in finished),
                "broken": results["broken"],
                "servers_killed": sum(
                    int(str(case["kills"])) for case in finished if case["kind"] in SERVERS
                ),
                "not_allowed": sorted(barred),
            }
        )
    )


if __name__ == "__main__":
    main()
