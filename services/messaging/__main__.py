"""`python -m services.messaging --queue QUEUE`: work until SIGTERM."""

import argparse
import os
import sys
from collections.abc import Sequence

from libs.common.errors import SettingsError
from libs.common.logging import set_up_logging
from libs.common.settings import load_settings
from services.messaging.bootstrap import QUEUES, REQUIRED, SERVICE, build_worker


def main(arguments: Sequence[str] | None = None) -> int:
    """Works; answers the exit status."""
    parser = argparse.ArgumentParser(prog="services.messaging", description="Works on one of the service's queues.")
    parser.add_argument("--queue", choices=QUEUES, default=QUEUES[0], help="the queue (default %(default)s)")
    queue = parser.parse_args(arguments).queue
    try:
        settings = load_settings(os.environ, required=REQUIRED)
        set_up_logging(settings, service=SERVICE)
        worker = build_worker(settings, queue)
    except SettingsError as error:
        sys.stderr.write(f"tuco-messaging cannot start: {error}\n")
        return 2
    return worker.run()


if __name__ == "__main__":
    sys.exit(main())
