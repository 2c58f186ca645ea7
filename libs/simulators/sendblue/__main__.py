"""``python -m libs.simulators.sendblue``: the simulator as a process of its own."""

import argparse
import sys

from libs.simulators.sendblue.settings import AccountSettings, Settings
from libs.simulators.sendblue.simulator import SendblueSimulator
from libs.simulators.server import add_process_arguments, run_process


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM; print address, keys and numbers as one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m libs.simulators.sendblue", description=__doc__)
    add_process_arguments(parser)
    parser.add_argument("--lines", type=int, default=1, help="how many telephone numbers (default %(default)s)")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="how long every call takes at least")
    parser.add_argument("--jitter-ms", type=float, default=0.0, help="by how much a call may take longer")
    parser.add_argument("--seed", type=int, default=0, help="fixes who can be reached and what faults hit")
    parser.add_argument("--available-ratio", type=float, default=0.7, help="share reached by iMessage, 0 to 1")
    parser.add_argument("--delivery-ms", type=float, default=50.0, help="from a send to its delivery")
    parser.add_argument(
        "--unlimited", action="store_true", help="lift the limits of messages per second and of new contacts"
    )
    parser.add_argument("--api-key-id", default="", help="the account's key (default: derived from the seed)")
    parser.add_argument("--api-secret-key", default="", help="the account's secret (default: derived from the seed)")
    options = parser.parse_args(arguments)
    account = AccountSettings(
        latency_ms=options.latency_ms, jitter_ms=options.jitter_ms, delivery_ms=options.delivery_ms
    )
    if options.unlimited:
        account.accepted_per_second = account.sent_per_second = None
        account.new_contacts_per_hour = account.new_contacts_per_day = None
    settings = Settings(
        lines=options.lines,
        host=options.host,
        port=options.port,
        seed=options.seed,
        available_ratio=options.available_ratio,
        account=account,
        api_key_id=options.api_key_id,
        api_secret_key=options.api_secret_key,
    )
    return run_process(SendblueSimulator(settings), exit_with_stdin=options.exit_with_stdin)


if __name__ == "__main__":
    sys.exit(main())
