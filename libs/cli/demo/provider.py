"""What the simulated provider counted: its own word on which calls it got, read through its admin API."""

from collections.abc import Mapping

import httpx

_AVAILABILITY = "handle/availability/imessage"


class ProviderCounts:
    """Reads a simulator's counts.

    Args:
        admin_url: the simulator's own API.
    """

    def __init__(self, admin_url: str) -> None:
        self._client = httpx.Client(base_url=admin_url, timeout=10.0, trust_env=False)

    def calls_per_handle(self) -> Mapping[str, int]:
        """How often each handle was asked about, whatever came of it."""
        answer = self._client.get("/keys", params={"endpoint": _AVAILABILITY}).raise_for_status().json()
        counts: dict[str, int] = answer["keys"]
        return counts

    def close(self) -> None:
        """Close the connection."""
        self._client.close()
