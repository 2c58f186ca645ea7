"""One call to a CRM, with what its client library does not do: waits, retries, a renewed access token.

The same for all CRMs, so that each adapter only says how to make a call and what its errors mean.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final, Protocol, TypeVar

from libs.common.clock import Clock
from libs.common.logging import get_logger
from libs.common.providers.observed import CallOutcome, calls_to
from libs.common.tracing import switch
from services.sync.sources.contract import AuthRejected, RateLimited, SourceError, SourceUnavailable
from services.sync.sources.pauses import Pauses

log = get_logger(__name__)

T = TypeVar("T")

CALL_SECONDS: Final = (5.0, 60.0)
"""How long connecting, and then the next byte of an answer, may take."""

LONGEST_WAIT: Final = timedelta(seconds=5)
"""A rate limit is waited for in place for so long; beyond, the job gives its worker back and comes later."""

TRIES: Final = 4
"""How often a call is tried that fails in a way that may heal, before the job is."""

_FIRST_BACKOFF_S: Final = 0.5


class AccessTokens(Protocol):
    """Where the access token comes from."""

    def current(self) -> Mapping[str, str]:
        """The credentials, with an access token that is believed to be good under ``accessToken``.

        Raises:
            SourceError: a new token was needed and could not be had.
        """
        ...

    def renewed(self, refused: Mapping[str, str]) -> Mapping[str, str]:
        """The credentials with another access token than the one in ``refused``, which the CRM did not accept.

        Raises:
            AuthRejected: there is none to be had.
            SourceError: it could not be had.
        """
        ...


class Calls:
    """Makes calls to one CRM for one run.

    Args:
        tokens: gives the access token.
        provider: the CRM's name, for metrics and traces.
        limited: told of each moment before which the CRM wants no call, before anything else happens.
        pauses: waits.
        clock: tells the time.
        jitter: a random share between 0 and 1.
    """

    def __init__(
        self,
        tokens: AccessTokens,
        *,
        provider: str,
        limited: Callable[[datetime], None],
        pauses: Pauses,
        clock: Clock,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._tokens = tokens
        self._provider = provider
        self._ended = calls_to(provider)
        self._limited = limited
        self._pauses = pauses
        self._clock = clock
        self._jitter = jitter

    def make(self, call: Callable[[Mapping[str, str]], T], *, kind: str = "", per_second: float = 0) -> T:
        """Makes a call until it succeeds or nothing more can be done here.

        Args:
            call: makes it through the client library, given the credentials; raises what the answer means.
            kind: calls of the same kind are kept apart.
            per_second: by this many a second; 0 does not keep them apart.

        Raises:
            SourceError: what the CRM's last answer means.
        """
        access: Mapping[str, str] | None = None
        refused: Mapping[str, str] | None = None
        for tried in range(1, TRIES + 1):
            self._pauses.keep_apart(kind, per_second)
            try:
                if access is None:
                    access = self._tokens.renewed(refused) if refused else self._tokens.current()
                return self._traced(call, access)
            except AuthRejected:
                # Either there is no token to be had, or a new one was refused like the one before.
                if access is None or refused is not None:
                    raise
                refused, access = access, None
            except RateLimited as limit:
                self._limited(limit.until)
                wait = limit.until - self._clock.now()
                if wait > LONGEST_WAIT or tried == TRIES:
                    raise
                log.info("call.limited", limit=limit.limit, wait_s=round(wait.total_seconds(), 1))
                self._pauses.wait(wait.total_seconds())
            except SourceUnavailable as fault:
                if tried == TRIES or (fault.after and fault.after > LONGEST_WAIT):
                    raise
                log.info("call.failed", reason=str(fault), tried=tried)
                self._pauses.wait(self._backoff_s(tried, fault.after))
        raise SourceUnavailable("the CRM refuses every access token at once")

    def _traced(self, call: Callable[[Mapping[str, str]], T], access: Mapping[str, str]) -> T:
        if switch.tracing is None:
            return self._counted(call, access)
        known = {"tuco.provider": self._provider}
        with switch.tracing.step(f"call {self._provider}", switch.Kind.CALL, attributes=known):
            return self._counted(call, access)

    def _counted(self, call: Callable[[Mapping[str, str]], T], access: Mapping[str, str]) -> T:
        try:
            answer = call(access)
        except SourceError as error:
            self._ended[_outcome_of(error)].inc()
            raise
        self._ended[CallOutcome.ANSWERED].inc()
        return answer

    def _backoff_s(self, tried: int, after: timedelta | None) -> float:
        asked = after.total_seconds() if after else 0.0
        return max(asked, _FIRST_BACKOFF_S * 2.0 ** (tried - 1) * (0.5 + self._jitter() / 2))


def _outcome_of(error: SourceError) -> CallOutcome:
    match error:
        case RateLimited():
            return CallOutcome.LIMITED
        case SourceUnavailable():
            return CallOutcome.FAILED
    return CallOutcome.REJECTED


@contextmanager
def translated(meaning: Callable[[Exception], SourceError | None]) -> Iterator[None]:
    """Raises a client library's exceptions as what they mean.

    Args:
        meaning: of an exception; ``None`` where it says nothing about the CRM, but is a fault of ours.

    Raises:
        SourceError: what the exception means.
    """
    try:
        yield
    except SourceError:
        raise
    except Exception as error:
        meant = meaning(error)
        if meant is None:
            raise
        raise meant from error
