"""Run Google Sheets as a process: `python -m libs.simulators.google_sheets` prints one line of JSON."""

import argparse

from libs.simulators.google_sheets.simulator import REAL_LIMITS, GoogleSheetsSimulator
from libs.simulators.server import add_process_arguments, run_process


def main() -> int:
    """Serve until told to stop; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m libs.simulators.google_sheets", description=__doc__)
    add_process_arguments(parser)
    parser.add_argument("--rows", type=int, default=1000, help="how many people (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the people (default %(default)s)")
    parser.add_argument("--blank-every", type=int, default=0, help="leave every so many rows blank; 0 for none")
    parser.add_argument("--token-lifetime", type=float, default=3599.0, help="seconds that an access token lives")
    parser.add_argument("--limits", action="store_true", help="enforce Google's reads per minute")
    options = parser.parse_args()
    simulator = GoogleSheetsSimulator(
        options.rows,
        options.seed,
        blank_every=options.blank_every,
        token_lifetime=options.token_lifetime,
        limits=REAL_LIMITS if options.limits else None,
        host=options.host,
        port=options.port,
    )
    return run_process(simulator, exit_with_stdin=options.exit_with_stdin)


if __name__ == "__main__":
    raise SystemExit(main())
