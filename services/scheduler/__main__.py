"""`python -m services.scheduler`: emit the ticks of schedules until SIGTERM."""

import os
import sys

from libs.common.errors import SettingsError
from libs.common.logging import set_up_logging
from libs.common.settings import load_settings
from services.scheduler.bootstrap import REQUIRED, SERVICE, build_scheduler


def main() -> int:
    """Works; answers the exit status."""
    try:
        settings = load_settings(os.environ, required=REQUIRED)
        set_up_logging(settings, service=SERVICE)
        scheduler = build_scheduler(settings)
    except SettingsError as error:
        sys.stderr.write(f"tuco-scheduler cannot start: {error}\n")
        return 2
    return scheduler.run()


if __name__ == "__main__":
    sys.exit(main())
