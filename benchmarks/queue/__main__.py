"""``python -m benchmarks.queue``: measures, prints a table, and writes the numbers as JSON where that is wanted."""

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path

from rich.console import Console

from benchmarks.processes import node_is_missing
from benchmarks.queue.bench import Bench, Tell
from benchmarks.queue.plan import Entry, entries
from benchmarks.queue.processes import ALL, BARE_SOCKETS, BULLMQ, Contestant, node_versions
from benchmarks.queue.redis_under_test import redis_under_test
from benchmarks.queue.results import summarize, write_json
from benchmarks.queue.rows import QUICK, Numbers, Setting, Sizes
from benchmarks.queue.table import table

_PAGE_WIDTH = 140


def main(arguments: Sequence[str]) -> int:
    """Runs the bench; answers the exit status."""
    chosen = _parser().parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else _PAGE_WIDTH)
    contestants = contestants_for(chosen.peers, say=console.print)
    plan = plan_for(chosen.rows, ten_million=chosen.ten_million, quick=chosen.quick)
    sizes = QUICK if chosen.quick else Sizes()
    began = time.monotonic()
    with redis_under_test() as redis:
        console.print(_versions(redis.version, contestants))
        bench = Bench(Setting(redis, sizes), contestants, tell=_tell_on(console))
        bench.run(plan, rounds=chosen.rounds)
    results = summarize(bench.samples)
    console.print(table(results, recovery_limit_s=sizes.recovery_limit_s))
    for failure in bench.failures:
        console.print(f"[red]{failure.entry} of {failure.peer} failed:[/red] {failure.reason}", markup=True)
    console.print(f"Took {(time.monotonic() - began) / 60:.0f} minutes.")
    if chosen.json:
        write_json(results, chosen.json)
    return 1 if bench.failures else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.queue", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers to this file too")
    parser.add_argument("--rounds", type=int, default=3, help="how often each row is measured (default 3)")
    parser.add_argument("--quick", action="store_true", help="few jobs: to see that it runs, not to quote")
    parser.add_argument("--peers", type=_peers, default=[], help="only these, separated by commas")
    parser.add_argument("--rows", type=_words, default=[], help="only measurements whose names begin so")
    parser.add_argument("--ten-million", action="store_true", help="also with ten million jobs waiting (minutes, 6 GB)")
    return parser


def _words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def _peers(text: str) -> list[str]:
    known = [peer.name for peer in ALL]
    if strangers := [name for name in _words(text) if name not in known]:
        raise argparse.ArgumentTypeError(f"there is no {', '.join(strangers)}; there are {', '.join(known)}")
    return _words(text)


def contestants_for(names: Sequence[str], *, say: Callable[[str], object]) -> list[Contestant]:
    """Who takes part.

    Args:
        names: those that are wanted; all where none is named.
        say: told where BullMQ has to be left out.
    """
    missing = node_is_missing("bullmq")
    wanted = [peer for peer in ALL if not names or peer.name in names]
    if missing and BULLMQ in wanted:
        say(f"[yellow]BullMQ is left out: {missing}. There will be no ratios.[/yellow]")
        wanted.remove(BULLMQ)
    return wanted


def plan_for(names: Sequence[str], *, ten_million: bool, quick: bool) -> list[Entry]:
    """What is measured.

    Args:
        names: measurements whose names begin so; all where none is named.
        ten_million: whether ten million waiting jobs are among them.
        quick: whether to leave out what takes long.
    """
    chosen = entries(ten_million=ten_million)
    if names:
        return [entry for entry in chosen if any(entry.name.startswith(name) for name in names)]
    return [entry for entry in chosen if not (quick and entry.long)]


def _versions(redis_version: str, contestants: Sequence[Contestant]) -> str:
    versions = [f"Redis {redis_version}", f"Python {platform.python_version()}", f"{os.cpu_count()} cores"]
    for peer in contestants:
        if peer is BARE_SOCKETS:
            continue
        versions += node_versions() if peer is BULLMQ else [f"{peer.name} {metadata.version(peer.name)}"]
    return ", ".join(versions)


def _tell_on(console: Console) -> Tell:
    def tell(words: str, peer: Contestant, numbers: Numbers) -> None:
        for row, value in numbers.items():
            console.print(f"{words}  {row:<28} {peer.name:<12} {value:>14,.2f}", highlight=False)

    return tell


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
