"""uvicorn, set up as the gateway serves."""

import uvicorn

from services.gateway.serving.connections import Connection
from services.gateway.serving.wsgi import WsgiOnLoop

KEEP_ALIVE_S = 75
"""Longer than load balancers keep an idle connection, so that they end it and not we."""
MOST_CONNECTIONS = 5_000
"""One that only waits costs no thread."""


def http_server(
    app: WsgiOnLoop, *, host: str, port: int, stop_within_s: int, keep_alive_s: int = KEEP_ALIVE_S
) -> uvicorn.Server:
    """A server that does not listen yet.

    Args:
        app: answers requests.
        host: where to listen.
        port: likewise.
        stop_within_s: seconds for what is under way when it is told to stop.
        keep_alive_s: seconds after which an idle connection is closed.
    """
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            http=Connection,
            ws="none",
            lifespan="off",
            # The process's own logging formats uvicorn's records like all others; each request is logged by the app.
            log_config=None,
            access_log=False,
            # The app itself knows its proxies.
            proxy_headers=False,
            server_header=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_keep_alive=keep_alive_s,
            timeout_graceful_shutdown=stop_within_s,
        )
    )
