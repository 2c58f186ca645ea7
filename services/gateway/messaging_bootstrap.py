"""The parts of the gateway that know messages, schedules and webhooks."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from flask import Blueprint
from pymongo.database import Database

from libs.common.budgets.records import RecordReader
from libs.common.clock import SystemClock
from libs.common.ids import new_job_id
from libs.common.settings import Settings
from libs.common.stores.lines import LineStore
from libs.common.stores.message_desk import MessageDesk
from libs.common.stores.mongo import Document
from libs.common.stores.schedules import ScheduleStore
from libs.common.stores.sending_lines import SendingLineStore
from libs.common.stores.stops import StopStore
from libs.common.stores.ticks import TickStore
from libs.common.stores.workspace_limits import WorkspaceLimits, WorkspaceLimitStore
from libs.common.webhook_secrets import WebhookSecrets
from services.gateway.message_desk import MessageQueue, Messages
from services.gateway.reports import Reports
from services.gateway.routes.messages import messages_routes
from services.gateway.routes.schedules import schedules_routes
from services.gateway.routes.webhooks import webhooks_routes
from services.gateway.schedule_desk import Schedules
from services.gateway.schedule_runs import ScheduleRuns

WEBHOOKS: Final = "/api/webhooks"


def messages_of(settings: Settings, database: Database[Document], queue: MessageQueue) -> Messages:
    """What answers and decides about messages.

    Args:
        settings: the settings.
        database: from :func:`libs.common.stores.mongo.connect_mongo`.
        queue: the queue of messages.
    """
    defaults = WorkspaceLimits(
        zone=ZoneInfo("UTC"),
        per_day=settings.workspace_messages_per_day or None,
        recipient_gap=timedelta(milliseconds=settings.recipient_gap_ms),
    )
    return Messages(
        MessageDesk(database),
        StopStore(database),
        SendingLineStore(database),
        WorkspaceLimitStore(database, defaults=defaults),
        RecordReader(database, region=settings.default_region),
        queue,
        clock=SystemClock(),
        new_id=new_job_id,
        region=settings.default_region,
    )


def messaging_routes(
    settings: Settings, database: Database[Document], messages: Messages, schedule_runs: ScheduleRuns, *, prefix: str
) -> Sequence[tuple[Blueprint, str]]:
    """The routes, joined to their parts; nothing is contacted until one is called.

    Args:
        settings: the settings.
        database: from :func:`libs.common.stores.mongo.connect_mongo`.
        messages: answers and decides about messages.
        schedule_runs: runs schedules when a person wants it.
        prefix: under which the REST API is served.
    """
    clock = SystemClock()
    reports = Reports(
        WebhookSecrets(settings.credentials_key),
        LineStore(database),
        MessageDesk(database),
        StopStore(database),
        clock=clock,
        region=settings.default_region,
    )
    schedules = Schedules(ScheduleStore(database), TickStore(database), clock=clock)
    return (
        (messages_routes(messages), prefix),
        (schedules_routes(schedules, schedule_runs.run), prefix),
        (webhooks_routes(reports), WEBHOOKS),
    )
