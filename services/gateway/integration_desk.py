"""What callers ask and decide about integrations: connect a CRM, change it, check it, take it away."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from werkzeug.exceptions import NotFound, ServiceUnavailable

from libs.common.clock import Clock
from libs.common.errors import InvalidInput
from libs.common.ids import IdFactory
from libs.common.integration_check import INTEGRATION_CHECK, CheckAnswer, IntegrationCheck
from libs.common.integrations.credentials import accepted_credentials
from libs.common.integrations.model import IntegrationSettings, IntegrationStatus, Provider
from libs.common.jobs.fields import NonEmptyText
from libs.common.logging import get_logger
from libs.common.stores.integration_desk import IntegrationChange, IntegrationDesk, IntegrationOverview
from libs.common.stores.integrations import IntegrationStore, NewIntegration
from services.gateway.decisions import Decisions
from services.gateway.direct import DirectRunFailed
from services.gateway.integration_views import (
    IntegrationsAnswer,
    ShownIntegration,
    shown_integration,
)
from services.gateway.submission import Runner

log = get_logger(__name__)

ShortText = Annotated[str, msgspec.Meta(max_length=200)]

SourceNames = ShortText | Annotated[list[ShortText], msgspec.Meta(max_length=10)] | None
"""A source field, several in order of preference, none at all (empty), or ``None`` for the usual ones."""


class GivenFieldMap(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Which source fields fill which field of a lead: one, or several of which the first filled and valid one counts.

    An empty text or list leaves the field out; ``null``, or nothing, means what the CRM usually has.
    """

    first_name: SourceNames | msgspec.UnsetType = msgspec.UNSET
    last_name: SourceNames | msgspec.UnsetType = msgspec.UNSET
    full_name: SourceNames | msgspec.UnsetType = msgspec.UNSET
    email: SourceNames | msgspec.UnsetType = msgspec.UNSET
    phone: SourceNames | msgspec.UnsetType = msgspec.UNSET


class GivenSettings(IntegrationSettings, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The settings of a new integration; :class:`IntegrationSettings` says what each means."""


class IntegrationOrder(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A CRM to connect.

    Args:
        workspace_id: whose leads it will bring.
        provider: the CRM.
        credentials: what lets us in; kept encrypted, never shown again. HubSpot: ``accessToken``, or ``clientId``,
            ``clientSecret`` and ``refreshToken``. Salesforce: those three and ``instanceUrl``, or ``username``,
            ``privateKey`` and ``clientId``. Google Sheets: ``serviceAccount`` or a key file's own fields, or the three.
        name: how people call it.
        field_map: where the usual fields do not fit.
        settings: where the usual settings do not fit.
    """

    workspace_id: NonEmptyText
    provider: Provider
    credentials: dict[str, Any]
    name: ShortText = ""
    field_map: GivenFieldMap = GivenFieldMap()
    settings: GivenSettings = GivenSettings()


class IntegrationPatch(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What to change; what is left out stays.

    Args:
        name: how people call it.
        credentials: new ones, in place of the old.
        field_map: field by field; ``null`` means the usual one again.
        settings: setting by setting, named as in the answers; ``null`` means the usual one again.
    """

    name: ShortText | None = None
    credentials: dict[str, Any] | None = None
    field_map: GivenFieldMap = GivenFieldMap()
    settings: dict[str, Any] = {}


class Removed(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An integration that was taken away.

    Args:
        integration_id: which.
        cancelled_job_id: its unfinished job, which was cancelled.
    """

    integration_id: str
    cancelled_job_id: str | None = None


class Integrations:
    """Answers and decides. Each call is for one caller, who may be bound to one workspace.

    Args:
        desk: shows and changes integrations.
        store: keeps credentials; ``None`` where there is no key to seal them with.
        decisions: cancels jobs.
        runner: asks the sync service.
        clock: tells the time.
        new_id: names a check.
    """

    def __init__(
        self,
        desk: IntegrationDesk,
        store: IntegrationStore | None,
        decisions: Decisions,
        runner: Runner,
        *,
        clock: Clock,
        new_id: IdFactory,
    ) -> None:
        self._desk = desk
        self._store = store
        self._decisions = decisions
        self._runner = runner
        self._clock = clock
        self._new_id = new_id

    def page(
        self, workspace_id: str | None, *, status: IntegrationStatus | None, cursor: str, limit: int
    ) -> IntegrationsAnswer:
        """Integrations of a workspace, or of all.

        Raises:
            InvalidInput: the cursor is none.
            StoreUnavailable: MongoDB is away.
        """
        found = self._desk.page(workspace_id, status=status, after=cursor, limit=limit)
        return IntegrationsAnswer(
            integrations=[shown_integration(each, self._clock) for each in found],
            cursor=found[-1].integration.id if len(found) == limit else None,
        )

    def one(self, integration_id: str, *, bound_to: str | None) -> ShownIntegration:
        """An integration.

        Raises:
            NotFound: there is none of this id in what the caller may see.
            StoreUnavailable: MongoDB is away.
        """
        return shown_integration(self._found(integration_id, bound_to), self._clock)

    def add(self, order: IntegrationOrder, *, bound_to: str | None) -> ShownIntegration:
        """Connects a CRM; nothing is asked of it yet.

        Raises:
            InvalidInput: naming what cannot be used.
            ServiceUnavailable: there is no key to keep credentials with.
            StoreUnavailable: MongoDB is away.
        """
        if bound_to not in (None, order.workspace_id):
            raise InvalidInput("workspaceId", f"this token is for workspace {bound_to!r} only")
        settings = msgspec.convert(msgspec.to_builtins(order.settings), IntegrationSettings)
        if order.provider is Provider.GOOGLE_SHEETS and not settings.spreadsheet_id:
            raise InvalidInput("settings.spreadsheetId", "is required: the id in the spreadsheet's address")
        new = NewIntegration(
            workspace_id=order.workspace_id,
            provider=order.provider,
            credentials=accepted_credentials(order.provider, order.credentials),
            name=order.name,
            field_map={name: value for name, value in _given_map(order.field_map).items() if value is not None},
            settings=settings,
        )
        integration_id = self._keeping().add(new, at=self._clock.now())
        log.info("integration.added", integration_id=integration_id, workspace_id=order.workspace_id)
        return self.one(integration_id, bound_to=bound_to)

    def change(self, integration_id: str, patch: IntegrationPatch, *, bound_to: str | None) -> ShownIntegration:
        """Changes an integration.

        Raises:
            InvalidInput: naming what cannot be used.
            NotFound: there is none of this id in what the caller may see.
            ServiceUnavailable: there is no key to keep credentials with.
            StoreUnavailable: MongoDB is away.
        """
        before = self._found(integration_id, bound_to).integration
        credentials = None if patch.credentials is None else accepted_credentials(before.provider, patch.credentials)
        if credentials is None and patch.settings.get("baseUrl", before.settings.base_url) != before.settings.base_url:
            raise InvalidInput("credentials", "are required with another baseUrl, which would be shown the old ones")
        change = IntegrationChange(
            name=patch.name, field_map=_given_map(patch.field_map), settings=_settings_by_name(patch.settings)
        )
        sealed = None if credentials is None else self._keeping().sealed(before.id, credentials)
        if not self._desk.change(before, change, sealed_credentials=sealed, at=self._clock.now()):
            raise no_integration(integration_id)
        log.info("integration.changed", integration_id=before.id, with_credentials=credentials is not None)
        return self.one(integration_id, bound_to=bound_to)

    def remove(self, integration_id: str, *, bound_to: str | None) -> Removed:
        """Takes an integration away, and cancels its unfinished job. Its leads stay.

        Raises:
            NotFound: there is none of this id in what the caller may see.
            StoreUnavailable: a store is away; the call may be repeated.
        """
        found = self._found(integration_id, bound_to)
        # Before the integration: where this fails, the call can be repeated.
        if found.open_job_id is not None:
            self._decisions.end(found.open_job_id)
        self._desk.remove(found.integration.id)
        log.info("integration.removed", integration_id=found.integration.id)
        return Removed(integration_id=found.integration.id, cancelled_job_id=found.open_job_id)

    def check(self, integration_id: str, *, bound_to: str | None) -> CheckAnswer:
        """Whether the CRM can be read, and which fields it has; it is asked now.

        Raises:
            NotFound: there is none of this id in what the caller may see.
            ServiceUnavailable: the sync service does not answer.
            StoreUnavailable: MongoDB is away.
        """
        found = self._found(integration_id, bound_to).integration
        asked = IntegrationCheck(integration_id=found.id, workspace_id=found.workspace_id)
        try:
            result = self._runner.run(INTEGRATION_CHECK, self._new_id(), msgspec.to_builtins(asked))
            return msgspec.convert(result, CheckAnswer)
        except (DirectRunFailed, msgspec.ValidationError) as error:
            log.warning("integration.not_checked", integration_id=found.id, error=str(error))
            raise ServiceUnavailable("The sync service, which knows CRMs, does not answer; try again later.") from error

    def _found(self, integration_id: str, bound_to: str | None) -> IntegrationOverview:
        found = self._desk.one(integration_id)
        if found is None or bound_to not in (None, found.integration.workspace_id):
            raise no_integration(integration_id)
        return found

    def _keeping(self) -> IntegrationStore:
        if self._store is None:
            raise ServiceUnavailable("The gateway has no CREDENTIALS_KEY, so it can keep no credentials.")
        return self._store


def _given_map(given: GivenFieldMap) -> dict[str, Any]:
    named: dict[str, Any] = msgspec.to_builtins(given)
    return named


def _settings_by_name(given: Mapping[str, Any]) -> Mapping[str, Any]:
    known = {field.encode_name for field in msgspec.structs.fields(IntegrationSettings)}
    for name in given:
        if name not in known:
            raise InvalidInput(f"settings.{name[:80]}", f"unknown field; the fields are: {', '.join(sorted(known))}")
    return given


def no_integration(integration_id: str) -> NotFound:
    """Says that there is none, or none that the caller may see."""
    return NotFound(f"There is no integration {integration_id[:80]!r}.")
