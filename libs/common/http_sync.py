"""The synchronous HTTP client, apart from :mod:`libs.common.http` because not every service has httpx."""

from datetime import timedelta

import httpx

from libs.common.http import USER_AGENT


def sync_client(
    *, timeout: timedelta, connections: int = 32, through_proxy: bool = False, bearer: str = ""
) -> httpx.Client:
    """A synchronous, thread-safe client that follows no redirects; close it when done.

    Args:
        timeout: the longest silence of the other side; connecting may take two seconds of it at most.
        connections: the most connections at once; a further call waits for one, as long as ``timeout``.
        through_proxy: whether the environment's proxy is used; it cannot reach services beside us.
        bearer: sent as the bearer token with every call; none is sent where it is empty.
    """
    seconds = timeout.total_seconds()
    return httpx.Client(
        timeout=httpx.Timeout(seconds, connect=min(2.0, seconds)),
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=30),
        headers={"User-Agent": USER_AGENT} | ({"Authorization": f"Bearer {bearer}"} if bearer else {}),
        trust_env=through_proxy,
        follow_redirects=False,
    )
