"""What the messaging workers are made of: the one place where their parts are made and joined."""

import asyncio
import os
import random
import secrets
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

import aiohttp
from pymongo.database import Database
from redis import Redis

from libs.common.broker.broker import TucoBroker
from libs.common.broker.connection import connect_redis
from libs.common.budgets.cached_epoch import CachedEpoch
from libs.common.budgets.fallback import BudgetsWithFallback
from libs.common.budgets.mongo_budgets import MongoBudgets
from libs.common.budgets.records import RecordReader
from libs.common.budgets.redis_budgets import RedisBudgets
from libs.common.clock import SystemClock
from libs.common.credentials import CredentialsVault
from libs.common.http import USER_AGENT
from libs.common.jobs.message_processing import MESSAGE_PROCESSING
from libs.common.jobs.scheduled_messages import SCHEDULED_MESSAGES
from libs.common.ledger.mongo import MongoLedger
from libs.common.ledger.redis_epoch import RedisEpoch
from libs.common.offload import Offload
from libs.common.providers.last_moment import departure_socket, tracing
from libs.common.providers.senders import SenderOptions, sender_for
from libs.common.providers.sending import Outgoing
from libs.common.providers.sure_transport import SureTransport
from libs.common.providers.transport import Reply, Transport
from libs.common.settings import Settings
from libs.common.stores.due_messages import DueMessageStore
from libs.common.stores.messages import MessageStore
from libs.common.stores.mongo import Document, connect_mongo, what_is_missing
from libs.common.stores.sending_lines import SendingLine, SendingLineStore
from libs.common.stores.stops import StopStore
from libs.common.stores.workspace_limits import WorkspaceLimits, WorkspaceLimitStore
from libs.common.webhook_secrets import WebhookSecrets
from libs.common.worker.command import WorkerCommand
from libs.common.worker.process import WorkerProcess
from services.messaging.actors import MessageJobs, TickJobs, declare_messages, declare_ticks
from services.messaging.checks import Checks
from services.messaging.due import DueMessages
from services.messaging.endings import Endings
from services.messaging.fault_points import AtFaultPoint, no_faults
from services.messaging.left_after_stop import LeftAfterStop
from services.messaging.line_faults import LineFaults
from services.messaging.reconciling import Reconciler
from services.messaging.senders import Senders
from services.messaging.sending import Sending
from services.messaging.workspaces import Workspaces

SERVICE: Final = "messaging"
REQUIRED: Final = ("REDIS_URL", "MONGODB_URI", "CREDENTIALS_KEY")

_UTC: Final = ZoneInfo("UTC")


class SendingTransport:
    """The transport for sends: made inside the worker's event loop when first needed.

    Every call has a connection of its own. One that is kept may have been closed by the other side, which a client
    learns only from its next call; and of that call nobody would know whether it arrived.

    Args:
        timeout: how long a whole call may take.
    """

    def __init__(self, *, timeout: timedelta) -> None:
        self._timeout = timeout
        self._transport: Transport | None = None

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> Reply:
        """See :class:`~libs.common.providers.transport.Transport`."""
        return await self._made().get(url, headers=headers)

    async def post(self, url: str, *, json: bytes, headers: Mapping[str, str] | None = None) -> Reply:
        """See :class:`~libs.common.providers.transport.Transport`."""
        return await self._made().post(url, json=json, headers=headers)

    async def close(self) -> None:
        """See :class:`~libs.common.providers.transport.Transport`."""
        if self._transport is not None:
            await self._transport.close()

    def _made(self) -> Transport:
        if self._transport is None:
            seconds = self._timeout.total_seconds()
            session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0, ttl_dns_cache=60, force_close=True, socket_factory=departure_socket
                ),
                timeout=aiohttp.ClientTimeout(total=seconds, connect=min(5.0, seconds)),
                headers={"User-Agent": USER_AGENT},
                trace_configs=[tracing()],
            )
            self._transport = SureTransport(session)
        return self._transport


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageProcessing:
    """What serves the queue ``message-processing``, its actor declared on its broker."""

    broker: TucoBroker
    jobs: MessageJobs
    transport: SendingTransport
    offload: Offload

    def close(self) -> None:
        """Ends what has threads of its own; to be called when the worker's event loop has ended."""
        asyncio.run(self.transport.close())
        self.offload.close()


def build_message_processing(
    settings: Settings, database: Database[Document], *, at: AtFaultPoint = no_faults
) -> MessageProcessing:
    """The parts, joined; nothing is contacted until a job runs.

    Args:
        settings: the settings.
        database: from :func:`libs.common.stores.mongo.connect_mongo`.
        at: called at the points where tests let things go wrong.

    Raises:
        SettingsError: CREDENTIALS_KEY is missing or malformed.
    """
    clock = SystemClock()
    redis = connect_redis(settings)
    vault = CredentialsVault(settings.credentials_key)
    transport = SendingTransport(timeout=_ms(settings.send_timeout_ms))
    offload = Offload(threads=2 * settings.worker_concurrency)
    messages, stops = MessageStore(database), StopStore(database)
    limits = WorkspaceLimitStore(database, defaults=_default_limits(settings))
    workspaces = Workspaces(SendingLineStore(database), limits, offload)
    records = RecordReader(database, region=settings.default_region)
    budgets = BudgetsWithFallback(
        RedisBudgets(redis, records, redis_epoch=CachedEpoch(RedisEpoch(redis).current)),
        MongoBudgets(database, records, limits, clock=clock),
    )
    senders = Senders(lambda line: sender_for(line, transport, vault, _sender_options(settings)))
    line_faults = LineFaults()
    endings = Endings(messages, offload, clock=clock, random=random.random)
    sending = Sending(
        messages,
        Checks(
            workspaces,
            messages,
            stops,
            budgets,
            line_faults,
            offload,
            clock=clock,
            random=random.random,
            region=settings.default_region,
        ),
        Reconciler(
            messages,
            workspaces,
            senders,
            endings,
            offload,
            patience=_ms(settings.reconcile_patience_ms),
            leaves_within=_ms(settings.send_within_ms),
            region=settings.default_region,
        ),
        senders,
        endings,
        line_faults,
        LeftAfterStop(stops, offload, clock),
        offload,
        clock=clock,
        random=random.random,
        new_token=lambda: secrets.token_hex(8),
        lease=_ms(settings.message_lease_ms),
        leaves_within=_ms(settings.send_within_ms),
        at=at,
    )
    broker = _broker(settings, redis, database)
    jobs = MessageJobs(sending, clock=clock, random=random.random)
    declare_messages(jobs, broker)
    return MessageProcessing(broker=broker, jobs=jobs, transport=transport, offload=offload)


def build_scheduled_messages(settings: Settings, database: Database[Document]) -> TucoBroker:
    """The broker of the queue ``scheduled-messages``, its actor declared."""
    broker = _broker(settings, connect_redis(settings), database)
    due = DueMessages(
        DueMessageStore(database),
        broker.queue(MESSAGE_PROCESSING.queue),
        clock=SystemClock(),
        batch=settings.due_batch,
        grace=_ms(settings.requeue_after_ms),
    )
    declare_ticks(TickJobs(due), broker)
    return broker


def build_worker(settings: Settings, queue: str) -> WorkerProcess:
    """The worker of one of the service's queues.

    Raises:
        SettingsError: a setting is wrong.
    """
    return _WORKERS[queue](settings)


def _message_worker(settings: Settings) -> WorkerProcess:
    database = connect_mongo(settings, service=SERVICE)
    return message_worker(settings, database, build_message_processing(settings, database))


def message_worker(settings: Settings, database: Database[Document], parts: MessageProcessing) -> WorkerProcess:
    """The worker of the queue ``message-processing``, made of ``parts``."""
    return WorkerProcess(
        service=SERVICE,
        settings=settings,
        broker=parts.broker,
        queues=[MESSAGE_PROCESSING.queue],
        direct={MESSAGE_PROCESSING.job_type: parts.jobs.run_direct},
        missing=lambda: what_is_missing(database),
        on_stop=parts.close,
    )


def _tick_worker(settings: Settings) -> WorkerProcess:
    database = connect_mongo(settings, service=SERVICE)
    return WorkerProcess(
        service=SERVICE,
        settings=settings,
        broker=build_scheduled_messages(settings, database),
        queues=[SCHEDULED_MESSAGES.queue],
        missing=lambda: what_is_missing(database),
    )


_WORKERS: Mapping[str, Callable[[Settings], WorkerProcess]] = {
    MESSAGE_PROCESSING.queue: _message_worker,
    SCHEDULED_MESSAGES.queue: _tick_worker,
}

QUEUES: Final = tuple(_WORKERS)
"""The queues that this service serves, each by its own processes."""


def _broker(settings: Settings, redis: "Redis", database: Database[Document]) -> TucoBroker:
    ledger = MongoLedger(database)
    return TucoBroker(
        redis,
        worker=f"{SERVICE}@{socket.gethostname()}:{os.getpid()}",
        lease_ms=settings.lease_ms,
        recorder=ledger,
        payload_source=ledger,
    )


def _default_limits(settings: Settings) -> WorkspaceLimits:
    return WorkspaceLimits(
        zone=_UTC,
        per_day=settings.workspace_messages_per_day or None,
        recipient_gap=_ms(settings.recipient_gap_ms),
    )


def _sender_options(settings: Settings) -> SenderOptions:
    secrets_of_lines = WebhookSecrets(settings.credentials_key)

    def callback_url(line: SendingLine, message: Outgoing) -> str | None:
        if not settings.public_url:
            return None
        base = settings.public_url.rstrip("/")
        secret = secrets_of_lines.of(line.line_id)
        return f"{base}/api/webhooks/{line.provider}/{line.line_id}/{secret}?message={message.reference}"

    return SenderOptions(
        settles_within={
            "bluebubbles": _ms(settings.bluebubbles_settle_ms),
            "sendblue": _ms(settings.sendblue_settle_ms),
        },
        callback_url=callback_url,
    )


def _ms(milliseconds: int) -> timedelta:
    return timedelta(milliseconds=milliseconds)


COMMAND = WorkerCommand(SERVICE, QUEUES, REQUIRED, build_worker)
"""How this service's workers are started."""
