"""The schedule by which an integration is synced by itself: it follows from its settings."""

from libs.common.cron import parse_cron, parse_zone
from libs.common.integrations.model import IntegrationSettings
from libs.common.jobs.integration_sync import INTEGRATION_SYNC
from libs.common.stores.schedules import Schedule


def schedule_name(integration_id: str) -> str:
    """The name of an integration's own schedule."""
    return f"{INTEGRATION_SYNC.job_type}-{integration_id}"


def check_schedule(settings: IntegrationSettings) -> None:
    """Whether the settings' schedule, if there is one, can be kept.

    Raises:
        InvalidInput: the schedule or its time zone is none.
    """
    if settings.schedule:
        parse_cron(settings.schedule)
        parse_zone(settings.timezone)


def schedule_for(
    integration_id: str, workspace_id: str, settings: IntegrationSettings, *, enabled: bool = True
) -> Schedule:
    """The schedule that the settings ask for."""
    return Schedule(
        name=schedule_name(integration_id),
        job_type=INTEGRATION_SYNC.job_type,
        cron=settings.schedule,
        timezone=settings.timezone,
        enabled=enabled,
        data={"integrationId": integration_id, "workspaceId": workspace_id},
    )
