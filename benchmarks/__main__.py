"""``python -m benchmarks``: runs every benchmark in turn, and puts their figures into a table, a file and pictures.

    python -m benchmarks --quick                    # minutes: to see that it runs, not to quote
    python -m benchmarks --without queue
    python -m benchmarks gateway --seconds 5        # one of them, with its own options

In the folder named by ``--out``: ``figures.json``, a list of ``{row, peer, value, unit, ratio_to_...}``,
``machine.json`` and the pictures.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console

from benchmarks.figures import Figure, write_json
from benchmarks.machine import Machine, this_machine
from benchmarks.pictures import draw_all
from benchmarks.programs import FURTHER, PROGRAMS, Program
from benchmarks.table import table

_PAGE_WIDTH = 140


def main(arguments: Sequence[str]) -> int:
    """Runs them; answers 1 where one of them failed, and goes on with the others."""
    if arguments and not arguments[0].startswith("-"):
        return _run_one(arguments[0].replace("-", "_"), arguments[1:])
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="small sizes: to see that it runs, not to quote")
    parser.add_argument("--without", action="append", default=[], choices=PROGRAMS, help="leave one out")
    parser.add_argument("--out", type=Path, default=Path("dist/bench"), help="folder for the files (%(default)s)")
    options = parser.parse_args(arguments)
    chosen = [program for program in PROGRAMS.values() if program.name not in options.without]
    began = time.monotonic()
    figures, failed = run_all(chosen, quick=options.quick)
    machine = this_machine()
    write_all(figures, machine, options.out)
    console = Console(width=None if sys.stdout.isatty() else _PAGE_WIDTH)
    console.print(table(figures, title=f"{'Quick, not to quote: ' if options.quick else ''}{machine.in_words}"))
    for name in failed:
        console.print(f"[red]{name} failed.[/red]")
    console.print(
        f"{options.out}: figures.json, machine.json, pictures. {(time.monotonic() - began) / 60:.0f} minutes."
    )
    return 1 if failed else 0


def _run_one(name: str, options: Sequence[str]) -> int:
    if name not in (*PROGRAMS, *FURTHER):
        there = ", ".join((*PROGRAMS, *FURTHER))
        sys.stderr.write(f"There is no benchmark {name}; there are: {there}\n")
        return 2
    return subprocess.call([sys.executable, "-m", f"benchmarks.{name}", *options])


def run_all(programs: Sequence[Program], *, quick: bool) -> tuple[list[Figure], list[str]]:
    """Runs benchmarks one after the other; answers the figures, and the names of those that told none.

    A benchmark may end with a status that says that a goal is missed; its figures count all the same.
    """
    figures: list[Figure] = []
    failed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="tuco-bench-") as folder:
        for program in programs:
            file = Path(folder) / f"{program.name}.json"
            print(f"{program.name} ...", flush=True)
            subprocess.call(
                [sys.executable, "-m", f"benchmarks.{program.name}", *program.options(quick=quick, file=file)]
            )
            if file.exists():
                figures += program.read(file)
            else:
                failed.append(program.name)
    return figures, failed


def write_all(figures: Sequence[Figure], machine: Machine, folder: Path) -> None:
    """Writes the figures, the machine's facts and the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(figures, folder / "figures.json")
    (folder / "machine.json").write_bytes(msgspec.json.format(msgspec.json.encode(machine), indent=2) + b"\n")
    draw_all(figures, folder, caption=machine.in_words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
