"""The image's health check: exit status 0 if this container's process serves, whatever it depends on."""

import os
import sys
import urllib.request

_PATIENCE_S = 2.5


def main() -> int:
    """Asks `/healthz` on the port of this image's service; answers the exit status."""
    setting = "PORT" if os.environ["SERVICE"] == "gateway" else "INTERNAL_PORT"
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
