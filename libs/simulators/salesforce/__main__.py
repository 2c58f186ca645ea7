"""Run Salesforce as a process: `python -m libs.simulators.salesforce` prints where it listens as one JSON line."""

import argparse

from libs.simulators.salesforce.simulator import SalesforceSimulator
from libs.simulators.server import add_process_arguments, run_process


def main() -> int:
    """Serve until told to stop; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m libs.simulators.salesforce", description=__doc__)
    add_process_arguments(parser)
    parser.add_argument("--rows", type=int, default=1000, help="how many contacts (default %(default)s)")
    parser.add_argument("--leads", type=int, default=0, help="how many leads (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the rows (default %(default)s)")
    parser.add_argument("--token-lifetime", type=float, default=7200.0, help="seconds that an access token lives")
    parser.add_argument("--calls-per-day", type=int, default=None, help="enforce a daily limit of calls")
    parser.add_argument("--bulk-polls", type=int, default=1, help="how often a bulk job is not done yet")
    options = parser.parse_args()
    simulator = SalesforceSimulator(
        options.rows,
        options.seed,
        leads=options.leads,
        token_lifetime=options.token_lifetime,
        calls_per_day=options.calls_per_day,
        bulk_polls=options.bulk_polls,
        host=options.host,
        port=options.port,
    )
    return run_process(simulator, exit_with_stdin=options.exit_with_stdin)


if __name__ == "__main__":
    raise SystemExit(main())
