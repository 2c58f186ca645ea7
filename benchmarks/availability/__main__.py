"""``python -m benchmarks.availability``: bulk availability end to end, beside a BullMQ worker that does the same.

One MongoDB, one Redis and one provider (20 ms, 400 questions in flight) serve both. Measured are one process of each,
and as many as there are cores; a run at the lines' own pace; and the memory of a worker over many runs.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.availability.world import IN_FLIGHT, Run, World, world
from benchmarks.figures import BULLMQ, OURS, Goal, Measured, write_json
from benchmarks.processes import node_is_missing

_LATENCY_S = 0.02
_SETTLE_S = 2.0
_PACED_LINES = 4
_PACED_RATE = 100.0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.availability", description=__doc__)
    parser.add_argument("--leads", type=int, default=100_000, help="leads of a run (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=2, help="how often each is measured (default %(default)s)")
    parser.add_argument("--runs", type=int, default=8, help="runs over which memory is watched (default %(default)s)")
    parser.add_argument("--quick", action="store_true", help="few leads: to see that it runs, not to quote")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    options = parser.parse_args(arguments)
    leads, rounds, runs = (10_000, 1, 3) if options.quick else (options.leads, options.rounds, options.runs)
    missing = node_is_missing("bullmq", "undici", "mongodb")
    if missing:
        print(f"The reference is left out: {missing}. There will be no ratios.")
    found = Measured()
    with world(leads=leads) as at:
        for _ in range(rounds):
            for processes in sorted({1, os.cpu_count() or 1}):
                _compare(at, processes, found, with_reference=not missing)
        _watch_memory(at, runs, found)
    _paced(2_000 if options.quick else 16_000, found)
    if options.json:
        write_json(found.figures(), options.json)
    return 0


def _compare(at: World, processes: int, found: Measured, *, with_reference: bool) -> None:
    suffix = f"_{processes}_processes" if processes > 1 else ""
    with at.ours(processes) as workers:
        time.sleep(_SETTLE_S)
        _note(at.run_ours(workers), OURS, suffix, found)
    if with_reference:
        with at.bullmq(processes) as workers:
            _note(at.run_bullmq(workers), BULLMQ, suffix, found)


def _note(run: Run, peer: str, suffix: str, found: Measured) -> None:
    if run.answered != run.leads:
        raise RuntimeError(f"{peer} answered {run.answered} of {run.leads} leads")
    found.note(f"availability{suffix}", peer, run.per_s, "leads/s", Goal(at_least_ratio=1))
    share = run.questions / run.seconds / (IN_FLIGHT / _LATENCY_S)
    found.note(f"availability{suffix}_of_ceiling", peer, share * 100, "%")
    found.note(f"availability{suffix}_cpu", peer, run.worker_cpu_s / run.leads * 1e6, "µs/lead", Goal(at_most_ratio=1))


def _watch_memory(at: World, runs: int, found: Measured) -> None:
    """One worker over many runs: what it takes after the second, and how much more after the last."""
    with at.ours(1) as workers:
        time.sleep(_SETTLE_S)
        memory_mb = [at.run_ours(workers).memory_mb for _ in range(runs)]
    found.note("availability_worker_memory", OURS, memory_mb[-1], "MB")
    grown = memory_mb[-1] / memory_mb[1] - 1
    found.note("availability_worker_memory_growth", OURS, grown * 100, f"% over {runs} runs", Goal(at_most=10))


def _paced(leads: int, found: Measured) -> None:
    """A run as fast as its lines' own rates allow: the time that it takes, in multiples of what these rates permit."""
    with world(leads=leads, rate=_PACED_RATE, lines=_PACED_LINES) as at, at.ours(2) as workers:
        time.sleep(_SETTLE_S)
        run = at.run_ours(workers)
    permitted_s = run.questions / (_PACED_LINES * _PACED_RATE)
    found.note("availability_paced", OURS, run.seconds / permitted_s, "x the pace", Goal(at_most=1.05))


if __name__ == "__main__":
    sys.exit(main())
