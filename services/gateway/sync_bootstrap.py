"""The parts of the gateway that know integrations and their runs."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from flask import Blueprint
from pymongo.database import Database

from libs.common.clock import SystemClock
from libs.common.credentials import CredentialsVault
from libs.common.ids import new_job_id
from libs.common.integration_check import INTEGRATION_CHECK
from libs.common.settings import Settings, tokens_of
from libs.common.stores.integration_desk import IntegrationDesk
from libs.common.stores.integrations import IntegrationStore
from libs.common.stores.mongo import Document
from libs.common.stores.sync_run_desk import SyncRunDesk
from services.gateway.decisions import Decisions
from services.gateway.direct import DirectRuns
from services.gateway.integration_desk import Integrations
from services.gateway.routes.integrations import integrations_routes, sync_runs_routes
from services.gateway.submission import Door
from services.gateway.sync_run_desk import SyncRuns

CHECK_TIMEOUT: Final = timedelta(seconds=20)
"""Longer than the sync service waits for a CRM, shorter than a gateway takes to end."""


def sync_routes(
    settings: Settings, database: Database[Document], door: Door, decisions: Decisions, *, prefix: str
) -> Sequence[tuple[Blueprint, str]]:
    """The routes, joined to their parts; nothing is contacted until one is called.

    Args:
        settings: the settings.
        database: from :func:`libs.common.stores.mongo.connect_mongo`.
        door: takes syncs in.
        decisions: cancels them.
        prefix: under which the REST API is served.

    Raises:
        SettingsError: CREDENTIALS_KEY is malformed.
    """
    clock, desk = SystemClock(), IntegrationDesk(database)
    vault = CredentialsVault(settings.credentials_key) if settings.credentials_key else None
    runner = DirectRuns(
        {INTEGRATION_CHECK: settings.sync_url},
        token=next(iter(tokens_of(settings.service_token)), ""),
        timeout=CHECK_TIMEOUT,
    )
    integrations = Integrations(
        desk,
        IntegrationStore(database, vault) if vault else None,
        decisions,
        runner,
        clock=clock,
        new_id=new_job_id,
    )
    runs = SyncRuns(SyncRunDesk(database), desk, decisions)
    return ((integrations_routes(integrations, runs, door), prefix), (sync_runs_routes(runs), prefix))
