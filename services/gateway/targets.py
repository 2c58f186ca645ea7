"""The services that the gateway asks for health and metrics, as ``SERVICE_URLS`` names them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

import httpx

from libs.common.errors import SettingsError, TucoError
from libs.common.http_sync import sync_client

_MAX_ANSWER_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Target:
    """One process of a service.

    Args:
        service: the service's name.
        url: its own address, without a path.
    """

    service: str
    url: str

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
        address = urlsplit(url)
        if not service or address.scheme not in {"http", "https"} or not address.hostname or address.username:
            raise SettingsError(
                f"SERVICE_URLS is wrong: it should be name=url pairs, separated by commas (sync=http://sync:3013), "
                f"got {service or pair!r}"
            )
        targets.append(Target(service=service, url=f"{address.scheme}://{address.netloc}"))
    if len(set(targets)) < len(targets):
        raise SettingsError("SERVICE_URLS is wrong: a pair comes twice")
    return tuple(targets)


class TargetClient:
    """Asks targets.

    Args:
        targets: whom.
        token: the service token, sent along; empty for none.
        deadline: how long a whole answer may take.
    """

    def __init__(self, targets: Sequence[Target], *, token: str, deadline: timedelta) -> None:
        self.targets = tuple(targets)
        self._deadline_s = deadline.total_seconds()
        self._client = sync_client(timeout=deadline, bearer=token)

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


def _in_words(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.ConnectError):
        return "cannot be reached"
    if isinstance(error, httpx.TimeoutException):
        return "did not answer in time"
    return f"the connection broke ({type(error).__name__})"
