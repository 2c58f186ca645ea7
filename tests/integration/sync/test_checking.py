"""Checks of integrations: whether a CRM lets us in, and which fields it has."""

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from libs.common.errors import InvalidInput, Permanent
from libs.common.integration_check import CheckAnswer, CheckOutcome
from libs.common.integrations.model import IntegrationStatus, Provider
from libs.simulators.crm.service import ProviderFault
from libs.simulators.faults import Fault
from services.sync.checking import IntegrationChecks
from services.sync.engine.threads import DaemonThreads
from services.sync.sources.factory import SourceFactory
from tests.integration.sync.crms import CRMS, Crm
from tests.integration.sync.world import WORKSPACE, World


def check(world: World, integration_id: str, *, workspace_id: str = WORKSPACE, **options: Any) -> CheckAnswer:
    checks = IntegrationChecks(
        world.integrations,
        SourceFactory(world.integrations, clock=world.clock),
        clock=world.clock,
        threads=DaemonThreads(),
        new_owner=lambda: "check",
        **options,
    )
    asked = {"integrationId": integration_id, "workspaceId": workspace_id}
    return msgspec.convert(asyncio.run(checks.run("id", asked)), CheckAnswer)


def status_of(world: World, crm: Crm) -> IntegrationStatus:
    found = world.integrations.get(crm.integration_id)
    assert found is not None
    return found.status


@pytest.mark.parametrize("provider", list(Provider))
def test_a_crm_that_can_be_read_shows_its_fields_and_what_they_fill(crm_world: World, provider: Provider) -> None:
    with CRMS[provider](crm_world, 10) as crm:
        answer = check(crm_world, crm.integration_id)
    assert (answer.outcome, answer.reason, list(answer.missing)) == (CheckOutcome.OK, "", [])
    assert answer.account
    names = {field.name for field in answer.fields}
    assert {name for sources in answer.mapped.values() for name in sources} <= names
    assert answer.mapped["email"]


@pytest.mark.parametrize("provider", [Provider.HUBSPOT, Provider.SALESFORCE])
def test_a_mapped_field_that_does_not_exist_is_named(crm_world: World, provider: Provider) -> None:
    with CRMS[provider](crm_world, 10) as crm:
        crm_world.database["integrations"].update_one({}, {"$set": {"fieldMap": {"phone": ["Nonsense", "Phone"]}}})
        answer = check(crm_world, crm.integration_id)
    assert answer.outcome is CheckOutcome.NEEDS_ATTENTION
    assert "Nonsense" in answer.missing
    assert "Nonsense" in answer.reason
    assert answer.fields


@pytest.mark.parametrize("provider", list(Provider))
def test_what_a_check_finds_out_is_noted_as_a_run_would(crm_world: World, provider: Provider) -> None:
    with CRMS[provider](crm_world, 10) as crm:
        crm.simulator.inject(Fault(fault=ProviderFault.FORBIDDEN, endpoint="*", count=1))
        refused = check(crm_world, crm.integration_id)
        assert (refused.outcome, bool(refused.reason)) == (CheckOutcome.NEEDS_ATTENTION, True)
        assert status_of(crm_world, crm) is IntegrationStatus.NEEDS_ATTENTION
        assert check(crm_world, crm.integration_id).outcome is CheckOutcome.OK
        assert status_of(crm_world, crm) is IntegrationStatus.ACTIVE


def test_a_rate_limit_is_told_with_its_end_and_no_call_is_made_before(crm_world: World) -> None:
    with CRMS[Provider.HUBSPOT](crm_world, 10, oauth=False) as crm:
        crm.simulator.inject(Fault(fault=ProviderFault.RATE_LIMITED, endpoint="*", count=1, seconds=30))
        for _ in range(2):
            answer = check(crm_world, crm.integration_id)
            assert answer.outcome is CheckOutcome.NOT_NOW
            assert answer.until is not None
            assert answer.until > crm_world.clock.now()
        assert len(crm.simulator.calls.select()) == 1
    assert status_of(crm_world, crm) is IntegrationStatus.ACTIVE


def test_a_crm_that_does_not_answer_is_not_waited_for_long(crm_world: World) -> None:
    with CRMS[Provider.HUBSPOT](crm_world, 10, oauth=False) as crm:
        crm.simulator.inject(Fault(fault="slow", endpoint="*", count=None, seconds=2))
        answer = check(crm_world, crm.integration_id, patience=timedelta(seconds=0.2))
    assert (answer.outcome, "0.2 seconds" in answer.reason) == (CheckOutcome.UNAVAILABLE, True)


def test_only_an_integration_of_the_workspace_is_checked(crm_world: World) -> None:
    integration_id = crm_world.integrate()
    with pytest.raises(Permanent):
        check(crm_world, integration_id, workspace_id="another")
    with pytest.raises(InvalidInput):
        check(crm_world, "x")
