"""`python -m services.gateway`: serve until SIGTERM. With `--queue operations`: work on the gateway's own queue."""

import os
import sys

from libs.common.errors import SettingsError
from libs.common.logging import get_logger, set_up_logging
from libs.common.memory import keep_memory_together
from libs.common.settings import load_settings
from libs.common.tracing.start import check_tracing
from services.gateway.bootstrap import REQUIRED, check_settings
from services.gateway.server import GatewayServer
from services.gateway.worker_bootstrap import COMMAND

log = get_logger(__name__)


def main() -> int:
    """Serves, or works on a queue; answers the exit status."""
    if sys.argv[1:]:
        return COMMAND.main()
    try:
        settings = load_settings(os.environ, required=REQUIRED)
        check_settings(settings)
        check_tracing(settings)
    except SettingsError as error:
        sys.stderr.write(f"tuco-gateway cannot start: {error}\n")
        return 2
    keep_memory_together()
    set_up_logging(settings, service="gateway")
    GatewayServer(settings).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
