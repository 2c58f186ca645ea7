"""Making one delivery: signed, to an address that was checked, within bounds of time and size."""

import asyncio
import time
from collections.abc import Awaitable
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Final, NoReturn, Protocol

import aiohttp
import msgspec

from libs.common.broker.actors import JobContext
from libs.common.clock import Clock
from libs.common.errors import InvalidInput, Retryable
from libs.common.http import USER_AGENT
from libs.common.jobs.webhook_delivery import WebhookDelivery
from libs.common.logging import get_logger
from services.gateway.webhooks.guard import AddressForbidden, CheckedResolver, check_url
from services.gateway.webhooks.model import Delivery, DeliveryAttempt, DeliveryStatus, Webhook, WebhookStatus
from services.gateway.webhooks.signing import signed_headers
from services.gateway.webhooks.store import DeliveryStore, WebhookStore

log = get_logger(__name__)

_TIMEOUT: Final = timedelta(seconds=20)
_LONGEST_ANSWER: Final = 16 * 1024
_LONGEST_AFTER: Final = timedelta(hours=6)
_GONE: Final = 410
_LOOKS_AGAIN: Final = frozenset({429, 503})


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a webhook answered.

    Args:
        status: the HTTP status.
        retry_after: how long it asks to be left alone.
    """

    status: int
    retry_after: timedelta | None = None


class Caller(Protocol):
    """Calls webhooks; :class:`HttpCaller` does."""

    def __call__(self, url: str, *, headers: dict[str, str], body: bytes) -> Awaitable[Answer]:
        """The answer; raises OSError, ValueError, TimeoutError or aiohttp's ClientError where there is none."""
        ...


class HttpCaller:
    """Calls over HTTP: a connection per call, no redirects, no proxy, no cookies, only to checked addresses.

    Args:
        inside_too: whether plain HTTP and addresses inside are allowed, as on a developer's machine.
        clock: tells the time, for dates in ``Retry-After``.
    """

    def __init__(self, *, inside_too: bool, clock: Clock) -> None:
        self._inside_too = inside_too
        self._clock = clock

    async def __call__(self, url: str, *, headers: dict[str, str], body: bytes) -> Answer:
        """The answer to a call.

        Raises:
            InvalidInput: the address is one that no webhook may have.
            AddressForbidden: its name leads inside.
            aiohttp.ClientError: there was no answer.
            TimeoutError: it took too long.
        """
        check_url(url, inside_too=self._inside_too)
        connector = aiohttp.TCPConnector(
            resolver=CheckedResolver(inside_too=self._inside_too), use_dns_cache=False, force_close=True
        )
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT.total_seconds(), connect=5)
        async with (
            aiohttp.ClientSession(
                connector=connector,
                timeout=timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,
            ) as session,
            session.post(
                url,
                data=body,
                headers={"Content-Type": "application/json", "User-Agent": USER_AGENT, **headers},
                allow_redirects=False,
            ) as response,
        ):
            # What is said is of no interest, but some servers act only once they could say it.
            await response.content.read(_LONGEST_ANSWER)
            return Answer(status=response.status, retry_after=self._after(response.headers.get("Retry-After")))

    def _after(self, said: str | None) -> timedelta | None:
        if not said:
            return None
        try:
            wait = timedelta(seconds=int(said)) if said.isdigit() else parsedate_to_datetime(said) - self._clock.now()
        except (ValueError, OverflowError, TypeError):
            return None
        return min(max(wait, timedelta(0)), _LONGEST_AFTER)


class Deliveries:
    """Makes deliveries.

    Args:
        webhooks: knows addresses and secrets, and remembers which fail.
        deliveries: where deliveries are kept.
        call: calls a webhook.
        clock: tells the time.
    """

    def __init__(self, webhooks: WebhookStore, deliveries: DeliveryStore, call: Caller, *, clock: Clock) -> None:
        self._webhooks = webhooks
        self._deliveries = deliveries
        self._call = call
        self._clock = clock

    async def deliver(self, payload: WebhookDelivery, job: JobContext) -> None:
        """Makes a delivery, or says when to try again; one that has ended is not made again.

        Raises:
            Retryable: the webhook did not take it, and there is another attempt.
            StoreUnavailable: MongoDB is away.
        """
        delivery = await asyncio.to_thread(self._deliveries.get, payload.delivery_id)
        if delivery is None or delivery.status is not DeliveryStatus.PENDING:
            return
        found = await asyncio.to_thread(self._webhooks.active_with_secret, delivery.webhook_id)
        if found is None:
            await self._end(delivery, DeliveryAttempt(at=self._clock.now(), error="the webhook is off or gone"))
            return
        webhook, secret = found
        await self._try(webhook, secret, delivery, is_last=job.attempt >= job.max_attempts)

    async def _try(self, webhook: Webhook, secret: str, delivery: Delivery, *, is_last: bool) -> None:
        body, at, began = delivery.body.encode(), self._clock.now(), time.monotonic()
        headers = signed_headers(secret, message_id=f"msg_{delivery.delivery_id}", at=at, body=body)
        answer, error = None, None
        try:
            answer = await self._call(webhook.url, headers=headers, body=body)
        except (AddressForbidden, InvalidInput) as refused:
            forbidden = DeliveryAttempt(at=at, error=str(refused))
            await self._end(delivery, forbidden)
            return
        except (aiohttp.ClientError, OSError, TimeoutError) as fault:
            if isinstance(fault.__cause__, AddressForbidden):
                await self._end(delivery, DeliveryAttempt(at=at, error=str(fault.__cause__)))
                return
            error = f"{type(fault).__name__}: {fault}"[:300]
        attempt = DeliveryAttempt(
            at=at,
            status=answer.status if answer else None,
            error=error,
            duration_ms=int((time.monotonic() - began) * 1000),
        )
        if answer is not None and 200 <= answer.status < 300:
            await asyncio.to_thread(self._deliveries.record, delivery.delivery_id, attempt, DeliveryStatus.DELIVERED)
            if webhook.failing_since is not None:
                await asyncio.to_thread(self._webhooks.succeeded, webhook.webhook_id)
            return
        await self._failed(webhook, delivery, attempt, answer, is_last=is_last)

    async def _failed(
        self, webhook: Webhook, delivery: Delivery, attempt: DeliveryAttempt, answer: Answer | None, *, is_last: bool
    ) -> None:
        said = attempt.error or f"HTTP {attempt.status}"
        if attempt.status == _GONE:
            gone = {"status": WebhookStatus.DISABLED.value, "disabledReason": "it answered 410 Gone"}
            await asyncio.to_thread(self._webhooks.change, webhook.webhook_id, gone)
            log.warning("webhook.disabled", webhook_id=webhook.webhook_id, reason="gone")
            await self._end(delivery, attempt)
            return
        if await asyncio.to_thread(self._webhooks.failed, webhook.webhook_id, now=attempt.at, reason=said):
            log.warning("webhook.disabled", webhook_id=webhook.webhook_id, reason="failing")
        if is_last:
            await self._end(delivery, attempt)
            return
        await asyncio.to_thread(self._deliveries.record, delivery.delivery_id, attempt, DeliveryStatus.PENDING)
        _later(said, answer)

    async def _end(self, delivery: Delivery, attempt: DeliveryAttempt) -> None:
        log.warning("webhook.delivery_failed", delivery_id=delivery.delivery_id, webhook_id=delivery.webhook_id)
        await asyncio.to_thread(self._deliveries.record, delivery.delivery_id, attempt, DeliveryStatus.FAILED)


def _later(said: str, answer: Answer | None) -> NoReturn:
    asked = answer.retry_after if answer is not None and answer.status in _LOOKS_AGAIN else None
    raise Retryable(f"the webhook did not take it: {said}", after=asked)
