"""The services that the gateway asks for health and metrics, as ``SERVICE_URLS`` names them.

A pair ``name=http://host:port`` is one process. ``name=dns+http://host:port`` is as many as the host's name has
addresses, each asked by itself: in Kubernetes the name of a headless service, behind which are all pods.
"""

import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from urllib.parse import urlsplit

import httpx

from libs.common.errors import SettingsError, TucoError
from libs.common.http_sync import sync_client
from services.gateway.side_by_side import SideBySide

_MAX_ANSWER_BYTES = 8 * 1024 * 1024
_MANY = "dns+http://"
_HTTP_PORT = 80


@dataclass(frozen=True, slots=True)
class Target:
    """One process of a service.

    Args:
        service: the service's name.
        url: its own address, without a path.
        many: whether it stands for every address that the host's name has.
    """

    service: str
    url: str
    many: bool = False

    @property
    def instance(self) -> str:
        """Which process of the service: host and port."""
        return urlsplit(self.url).netloc

    @property
    def name(self) -> str:
        """The service and the process, for a person."""
        return f"{self.service}@{self.instance}"


class TargetFailed(TucoError):
    """A service did not answer as it should; the message is safe to show."""


def read_targets(text: str) -> tuple[Target, ...]:
    """The targets in ``SERVICE_URLS``: ``name=url`` pairs, separated by commas; a name may come more than once.

    Raises:
        SettingsError: naming the pair that cannot be read.
    """
    targets = []
    for pair in filter(None, (part.strip() for part in text.split(","))):
        service, _, url = (part.strip() for part in pair.partition("="))
        many = url.startswith(_MANY)
        address = urlsplit(url.removeprefix("dns+"))
        if not service or address.scheme not in {"http", "https"} or not address.hostname or address.username:
            raise SettingsError(
                f"SERVICE_URLS is wrong: it should be name=url pairs, separated by commas (sync=http://sync:3013, or "
                f"dns+http://sync:3013 for every address of that name), got {service or pair!r}"
            )
        if url.startswith("dns+") and not many:
            raise SettingsError("SERVICE_URLS is wrong: dns+https should be dns+http, as certificates are for names")
        targets.append(Target(service=service, url=f"{address.scheme}://{address.netloc}", many=many))
    if len(set(targets)) < len(targets):
        raise SettingsError("SERVICE_URLS is wrong: a pair comes twice")
    return tuple(targets)


def addresses_of(host: str, port: int) -> list[str]:
    """Every address that a name has, in their order.

    Raises:
        OSError: it has none, or nobody could tell.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return sorted({str(address[0]) for *_kind, address in found})


class TargetClient:
    """Asks targets.

    Args:
        targets: whom.
        token: the service token, sent along; empty for none.
        deadline: how long a whole answer may take.
        addresses: the addresses of a host's name, given the port.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        *,
        token: str,
        deadline: timedelta,
        addresses: Callable[[str, int], Sequence[str]] = addresses_of,
    ) -> None:
        self._targets = tuple(targets)
        self._addresses = addresses
        self._deadline_s = deadline.total_seconds()
        self._client = sync_client(timeout=deadline, bearer=token)

    def find(self, side_by_side: SideBySide) -> tuple[Target, ...]:
        """The processes that there are now; a name that has no address stands for one that cannot be reached.

        Args:
            side_by_side: asks for the addresses, up to its deadline.
        """
        asked = {target: partial(self._each, target) for target in self._targets if target.many}
        answers = side_by_side.ask({target.name: each for target, each in asked.items()}) if asked else {}
        found: list[Target] = []
        for target in self._targets:
            answer = answers.get(target.name, (target,))
            found += (target,) if isinstance(answer, Exception) else answer
        return tuple(found)

    def _each(self, target: Target) -> tuple[Target, ...]:
        address = urlsplit(target.url)
        host, port = address.hostname or "", address.port or _HTTP_PORT
        return tuple(
            Target(service=target.service, url=f"http://[{ip}]:{port}" if ":" in ip else f"http://{ip}:{port}")
            for ip in self._addresses(host, port)
        )

    def read(self, target: Target, path: str, *, accept: str = "*/*") -> str:
        """What the target answers at ``path``.

        Raises:
            TargetFailed: it does not answer in time, or with anything but 200 and a text of bounded length.
        """
        give_up_at = time.monotonic() + self._deadline_s
        body = bytearray()
        try:
            with self._client.stream("GET", f"{target.url}{path}", headers={"Accept": accept}) as answer:
                if answer.status_code != httpx.codes.OK:
                    raise TargetFailed(f"answered {answer.status_code}")
                for chunk in answer.iter_bytes():
                    body += chunk
                    if len(body) > _MAX_ANSWER_BYTES or time.monotonic() > give_up_at:
                        raise TargetFailed("answered too much or too slowly")
            return body.decode()
        except httpx.HTTPError as error:
            raise TargetFailed(_in_words(error)) from error
        except UnicodeDecodeError as error:
            raise TargetFailed("answered with something that is no text") from error

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    @property
    def is_closed(self) -> bool:
        """Whether the connections are."""
        return self._client.is_closed


def _in_words(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.ConnectError):
        return "cannot be reached"
    if isinstance(error, httpx.TimeoutException):
        return "did not answer in time"
    return f"the connection broke ({type(error).__name__})"
