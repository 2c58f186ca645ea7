"""``python -m libs.simulators.bluebubbles``: the simulator as a process of its own."""

import argparse
import sys

from libs.simulators.bluebubbles.settings import LineSettings, Settings
from libs.simulators.bluebubbles.simulator import BlueBubblesSimulator
from libs.simulators.server import add_process_arguments, run_process


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM; print the addresses and passwords as one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m libs.simulators.bluebubbles", description=__doc__)
    add_process_arguments(parser)
    parser.add_argument("--lines", type=int, default=1, help="how many lines (default %(default)s)")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="how long every call takes at least")
    parser.add_argument("--jitter-ms", type=float, default=0.0, help="by how much a call may take longer")
    parser.add_argument("--seed", type=int, default=0, help="fixes who can be reached and what faults hit")
    parser.add_argument("--available-ratio", type=float, default=0.7, help="share of reachable addresses, 0 to 1")
    parser.add_argument("--calls-per-second", type=int, default=None, help="each line's rate limit (default none)")
    parser.add_argument("--delivery-ms", type=float, default=50.0, help="from a send to its delivery")
    parser.add_argument("--password", action="append", default=[], help="a line's password; once per line, in order")
    options = parser.parse_args(arguments)
    settings = Settings(
        lines=options.lines,
        host=options.host,
        port=options.port,
        seed=options.seed,
        available_ratio=options.available_ratio,
        passwords=tuple(options.password),
        line=LineSettings(
            latency_ms=options.latency_ms,
            jitter_ms=options.jitter_ms,
            calls_per_second=options.calls_per_second,
            delivery_ms=options.delivery_ms,
        ),
    )
    return run_process(BlueBubblesSimulator(settings), exit_with_stdin=options.exit_with_stdin)


if __name__ == "__main__":
    sys.exit(main())
