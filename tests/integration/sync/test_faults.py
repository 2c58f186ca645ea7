"""Every fault of every CRM's stand-in, and what a run does about it, case by case of ``fault_table``."""

import time
from datetime import timedelta

import pytest

from libs.common.errors import NotNow, Permanent, Retryable
from libs.common.integrations.model import IntegrationStatus, Provider
from libs.simulators.faults import Fault
from services.sync.sources import calls, google_sheets, http_session, hubspot, salesforce
from tests.integration.sync.crms import CRMS, Crm
from tests.integration.sync.fault_table import EVERY_CASE, NET, SAYS, Case, Outcome
from tests.integration.sync.world import World

ROWS = 250


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time-outs and backoffs are a tenth of the usual ones; what a provider asks for is not."""
    for module in (hubspot, http_session, google_sheets):
        monkeypatch.setattr(module, "CALL_SECONDS", (0.5, 0.5))
    monkeypatch.setattr(calls, "_FIRST_BACKOFF_S", 0.05)
    monkeypatch.setattr(salesforce, "_CONCURRENT_LIMIT_WAIT", timedelta(seconds=0.5))


def outcome_of(world: World, crm: Crm) -> tuple[Outcome, float]:
    """What an attempt came to, and in how many seconds the next one may be."""
    try:
        world.sync(crm.integration_id, rows_per_write=1, rows_ahead=1)
    except NotNow as error:
        return Outcome.NOT_NOW, (error.until - world.clock.now()).total_seconds()
    except Retryable as error:
        return Outcome.RETRYABLE, (error.after or timedelta()).total_seconds()
    except Permanent:
        return Outcome.NEEDS_ATTENTION, 0.0
    return Outcome.COMPLETED, 0.0


@pytest.mark.parametrize(("provider", "case"), EVERY_CASE, ids=str)
def test_every_fault_has_its_outcome(crm_world: World, provider: Provider, case: Case) -> None:
    with CRMS[provider](crm_world, ROWS) as crm:
        crm.simulator.inject(
            Fault(
                fault=case.fault,
                endpoint="*" if case.fault == NET.DOWN else crm.reading,
                count=case.count,
                seconds=case.seconds,
            )
        )
        outcome, wait_s = outcome_of(crm_world, crm)
        early = crm.simulator.too_early(slack=0.01)
        if case.count is None and case.fault == NET.DOWN:
            crm.simulator.come_up()
    assert outcome is case.outcome
    assert early == [], "a call before the time that the provider asked for"
    if outcome is Outcome.COMPLETED:
        assert len(crm_world.leads()) == ROWS
    if outcome is Outcome.NOT_NOW and case.seconds:
        assert case.seconds - 2 < wait_s <= case.seconds
    integration = crm_world.integrations.get(crm.integration_id)
    assert integration is not None
    needs_attention = integration.status is IntegrationStatus.NEEDS_ATTENTION
    assert needs_attention is (outcome is Outcome.NEEDS_ATTENTION)


@pytest.mark.parametrize("provider", list(Provider))
def test_a_fault_in_the_middle_loses_no_page(crm_world: World, provider: Provider) -> None:
    with CRMS[provider](crm_world, 4_500) as crm:
        crm.simulator.inject(Fault(fault=SAYS.RATE_LIMITED, endpoint=crm.reading, skip=3, count=1, seconds=30))
        job = crm_world.new_job()
        with pytest.raises(NotNow):
            crm_world.sync(crm.integration_id, job=job, rows_per_write=1_000)
        written = len(crm_world.leads())
        crm_world.database["integrations"].update_one({}, {"$unset": {"notBefore": ""}})
        result = crm_world.sync(crm.integration_id, job=job, rows_per_write=1_000)
    assert 0 < written < 4_500
    assert result["counts"]["created"] == 4_500


@pytest.mark.parametrize("provider", list(Provider))
def test_a_new_run_before_the_providers_time_makes_no_call(crm_world: World, provider: Provider) -> None:
    with CRMS[provider](crm_world, 10) as crm:
        crm.simulator.inject(Fault(fault=SAYS.RATE_LIMITED, endpoint=crm.reading, count=1, seconds=30))
        for _ in range(3):
            assert outcome_of(crm_world, crm)[0] is Outcome.NOT_NOW
        assert len(crm.simulator.calls.select(endpoint=crm.reading)) == 1


@pytest.mark.parametrize("provider", list(Provider))
def test_a_revoked_refresh_token_ends_the_run_after_one_question(crm_world: World, provider: Provider) -> None:
    options = {"oauth": True} if provider is Provider.GOOGLE_SHEETS else {}
    with CRMS[provider](crm_world, 10, **options) as crm:
        crm_world.sync(crm.integration_id)
        crm.simulator.revoke_refresh_token()
        crm.simulator.calls.clear()
        assert outcome_of(crm_world, crm)[0] is Outcome.NEEDS_ATTENTION
        assert len(crm.simulator.calls.select(endpoint=crm.token)) == 1


@pytest.mark.parametrize("provider", list(Provider))
def test_no_secret_is_ever_logged_or_shown(
    crm_world: World, provider: Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    with CRMS[provider](crm_world, 10) as crm:
        crm.simulator.inject(Fault(fault=SAYS.UNAUTHORIZED, endpoint=crm.reading, count=2))
        started = time.monotonic()
        assert outcome_of(crm_world, crm)[0] is Outcome.NEEDS_ATTENTION
        integration = crm_world.integrations.get(crm.integration_id)
        stored = str(crm_world.database["integrations"].find_one())
        secrets = crm_world.integrations.credentials_of(crm.integration_id).values
    shown = capsys.readouterr().out + capsys.readouterr().err + repr(integration) + stored
    assert time.monotonic() - started < 30
    for name in ("accessToken", "clientSecret", "refreshToken", "serviceAccount"):
        assert name not in secrets or secrets[name] not in shown
