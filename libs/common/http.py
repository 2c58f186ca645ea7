"""The one HTTP client factory: asynchronous for calls that wait side by side, synchronous for the rest."""

from datetime import timedelta

import aiohttp

USER_AGENT = "tuco-jobs"


def async_client(*, timeout: timedelta, connections: int = 0) -> aiohttp.ClientSession:
    """An asynchronous client; make it inside a running event loop and close it there.

    Args:
        timeout: how long a whole call may take.
        connections: the most connections at once; 0 for no limit, where the caller bounds its calls itself.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections, ttl_dns_cache=60, keepalive_timeout=30),
        timeout=aiohttp.ClientTimeout(total=timeout.total_seconds(), connect=min(5.0, timeout.total_seconds())),
        headers={"User-Agent": USER_AGENT},
        auto_decompress=True,
        raise_for_status=False,
    )
