"""Run HubSpot as a process: `python -m libs.simulators.hubspot` prints where it listens as one JSON line."""

import argparse

from libs.simulators.hubspot.simulator import REAL_LIMITS, HubSpotSimulator
from libs.simulators.server import add_process_arguments, run_process


def main() -> int:
    """Serve until told to stop; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m libs.simulators.hubspot", description=__doc__)
    add_process_arguments(parser)
    parser.add_argument("--rows", type=int, default=1000, help="how many contacts (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the contacts (default %(default)s)")
    parser.add_argument("--index-lag", type=float, default=0.0, help="seconds until a change appears in search")
    parser.add_argument("--token-lifetime", type=float, default=1800.0, help="seconds that an access token lives")
    parser.add_argument("--limits", action="store_true", help="enforce the call limits of a lower plan")
    options = parser.parse_args()
    simulator = HubSpotSimulator(
        options.rows,
        options.seed,
        index_lag=options.index_lag,
        token_lifetime=options.token_lifetime,
        limits=REAL_LIMITS if options.limits else None,
        host=options.host,
        port=options.port,
    )
    return run_process(simulator, exit_with_stdin=options.exit_with_stdin)


if __name__ == "__main__":
    raise SystemExit(main())
