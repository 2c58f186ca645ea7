"""Whether a CRM can be read with what an integration says: answered at once, over the worker's own port."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import Executor
from datetime import timedelta
from typing import Any, Final

import msgspec

from libs.common.clock import Clock
from libs.common.errors import InvalidInput
from libs.common.ids import IdFactory
from libs.common.integration_check import CheckAnswer, CheckedField, CheckOutcome, IntegrationCheck
from libs.common.integrations.model import Integration, IntegrationStatus, Provider
from libs.common.logging import get_logger
from libs.common.stores.integrations import IntegrationStore
from services.sync.engine.run import FOR_A_PERSON, OpenSource, integration_of
from services.sync.engine.threads import in_thread
from services.sync.rules.field_map import FieldMap
from services.sync.sources.contract import CrmSource, RateLimited, SourceError

log = get_logger(__name__)

PATIENCE: Final = timedelta(seconds=15)
"""How long a CRM may take; somebody waits in front of a screen."""


class IntegrationChecks:
    """Checks integrations. What would stop a run is noted as a run would note it, and what is mended as mended.

    Args:
        integrations: the stored integrations.
        sources: opens CRMs.
        clock: tells the time.
        threads: where blocking steps run.
        new_owner: names a check.
        patience: how long a CRM may take.
    """

    def __init__(
        self,
        integrations: IntegrationStore,
        sources: OpenSource,
        *,
        clock: Clock,
        threads: Executor,
        new_owner: IdFactory,
        patience: timedelta = PATIENCE,
    ) -> None:
        self._integrations = integrations
        self._sources = sources
        self._clock = clock
        self._threads = threads
        self._new_owner = new_owner
        self._patience = patience

    async def run(self, check_id: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to an :class:`IntegrationCheck`, as JSON-able data.

        Args:
            check_id: names the check in the log.
            data: the check as it came over the wire.

        Raises:
            InvalidInput: it is none.
            Permanent: the workspace has no such integration.
            StoreUnavailable: MongoDB is away.
        """
        try:
            asked = msgspec.convert(data, IntegrationCheck)
        except msgspec.ValidationError as error:
            raise InvalidInput("data", str(error)) from error
        integration = await in_thread(
            self._threads, lambda: integration_of(self._integrations, asked.integration_id, asked.workspace_id)
        )
        answer = await self._checked(integration)
        await in_thread(self._threads, lambda: self._note(integration, answer))
        log.info("integration.checked", check_id=check_id, integration_id=integration.id, outcome=str(answer.outcome))
        built: dict[str, Any] = msgspec.to_builtins(answer)
        return built

    async def _checked(self, integration: Integration) -> CheckAnswer:
        if integration.not_before and integration.not_before > self._clock.now():
            return _not_now(RateLimited(integration.not_before, "the CRM's rate limit"))
        source: CrmSource | None = None
        try:
            # The first use imports the CRM's client, which takes a moment.
            source = await in_thread(self._threads, lambda: self._sources.open(integration, owner=self._new_owner()))
            return await asyncio.wait_for(
                in_thread(self._threads, lambda: _look(source, integration.provider)), self._patience.total_seconds()
            )
        except TimeoutError:
            return CheckAnswer(
                outcome=CheckOutcome.UNAVAILABLE,
                reason=f"the CRM did not answer within {self._patience.total_seconds():g} seconds",
            )
        except RateLimited as error:
            return _not_now(error)
        except FOR_A_PERSON as error:
            return CheckAnswer(outcome=CheckOutcome.NEEDS_ATTENTION, reason=str(error))
        except SourceError as error:
            return CheckAnswer(outcome=CheckOutcome.UNAVAILABLE, reason=str(error))
        finally:
            if source is not None:
                source.stop()
                source.close()

    def _note(self, integration: Integration, answer: CheckAnswer) -> None:
        now = self._clock.now()
        # A field that is missing stops no run of every CRM: HubSpot answers it as empty.
        if answer.outcome is CheckOutcome.NEEDS_ATTENTION and not answer.missing:
            self._integrations.set_needs_attention(integration.id, answer.reason, at=now)
        elif answer.outcome is CheckOutcome.OK and integration.status is IntegrationStatus.NEEDS_ATTENTION:
            self._integrations.set_active(integration.id, at=now)


def _look(source: CrmSource, provider: Provider) -> CheckAnswer:
    account, field_map = source.account(), source.field_map()
    there = {each.name for each in account.fields}
    missing = [name for name in field_map.source_fields if name not in there]
    return CheckAnswer(
        outcome=CheckOutcome.NEEDS_ATTENTION if missing else CheckOutcome.OK,
        reason=f"{provider} has no field {', '.join(missing)}" if missing else "",
        account=account.name,
        fields=[CheckedField(name=each.name, label=each.label, kind=each.kind) for each in account.fields],
        mapped=_mapped(field_map),
        missing=missing,
    )


def _mapped(field_map: FieldMap) -> dict[str, tuple[str, ...]]:
    return {
        "firstName": field_map.first_name,
        "lastName": field_map.last_name,
        "fullName": field_map.full_name,
        "email": field_map.email,
        "phone": field_map.phone,
    }


def _not_now(error: RateLimited) -> CheckAnswer:
    return CheckAnswer(outcome=CheckOutcome.NOT_NOW, reason=error.limit, until=error.until)
