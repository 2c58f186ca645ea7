"""The image's health check: exit status 0 if this container's process serves, whatever it depends on."""

import os
import sys
import urllib.request
from pathlib import Path

_PATIENCE_S = 2.5
_PROCESS = Path("/proc/1/cmdline")
"""How this container's process was started: the gateway's image also runs the worker of the gateway's own queue."""


def main() -> int:
    """Asks `/healthz` on the port of this image's service; answers the exit status."""
    serves_requests = os.environ["SERVICE"] == "gateway" and b"--queue" not in _PROCESS.read_bytes()
    setting = "PORT" if serves_requests else "INTERNAL_PORT"
    url = f"http://127.0.0.1:{os.environ[setting]}/healthz"
    try:
        # Proxies of the environment are for other addresses.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=_PATIENCE_S):
            return 0
    except OSError as error:
        sys.stderr.write(f"{url}: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
