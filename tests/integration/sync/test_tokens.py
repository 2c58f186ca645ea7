"""Access tokens: sealed, renewed once by one worker while others wait."""

import threading
import time
from collections.abc import Mapping
from datetime import timedelta

import pytest

from libs.common.credentials import CredentialsUnreadable
from libs.common.integrations.model import IntegrationStatus, Provider
from services.sync.sources.contract import AuthRejected, SourceUnavailable
from services.sync.sources.pauses import Pauses
from services.sync.sources.tokens import LEASE, StoredAccessTokens, expiring
from tests.integration.sync.world import World


class Issuer:
    """Hands out numbered tokens after a while."""

    def __init__(self, world: World, *, fault: Exception | None = None) -> None:
        self.issued = 0
        self.fault = fault
        self._world = world

    def issue(self, credentials: Mapping[str, str]) -> Mapping[str, str]:
        self.issued += 1
        time.sleep(0.05)
        if self.fault:
            raise self.fault
        return expiring(f"token-{self.issued}", lives_s=1800, now=self._world.clock.now())


@pytest.fixture
def integration_id(crm_world: World) -> str:
    credentials = {"clientId": "c", "clientSecret": "s", "refreshToken": "r"}
    return crm_world.connect(Provider.HUBSPOT, credentials)


def tokens(world: World, integration_id: str, issuer: Issuer | None, owner: str = "worker-1") -> StoredAccessTokens:
    return StoredAccessTokens(
        world.integrations,
        integration_id,
        issuer=lambda _credentials: issuer,
        owner=owner,
        pauses=Pauses(),
        clock=world.clock,
    )


def side_by_side(world: World, integration_id: str, issuer: Issuer, *, workers: int) -> list[str]:
    """What many workers at once get for one refused token."""
    got: list[str] = []

    def work(number: int) -> None:
        try:
            access = tokens(world, integration_id, issuer, f"worker-{number}").renewed({"accessToken": "stale"})
            got.append(access["accessToken"])
        except (AuthRejected, SourceUnavailable) as error:
            got.append(type(error).__name__)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return got


def test_one_worker_renews_and_all_use_what_it_got(crm_world: World, integration_id: str) -> None:
    issuer = Issuer(crm_world)
    assert side_by_side(crm_world, integration_id, issuer, workers=8) == ["token-1"] * 8
    assert issuer.issued == 1


def test_where_the_one_is_refused_the_others_do_not_ask(crm_world: World, integration_id: str) -> None:
    issuer = Issuer(crm_world, fault=AuthRejected("revoked"))
    assert side_by_side(crm_world, integration_id, issuer, workers=8) == ["AuthRejected"] * 8
    assert issuer.issued == 1
    integration = crm_world.integrations.get(integration_id)
    assert integration is not None
    assert (integration.status, integration.status_reason) == (IntegrationStatus.NEEDS_ATTENTION, "revoked")


def test_where_the_one_could_not_ask_the_next_one_does(crm_world: World, integration_id: str) -> None:
    issuer = Issuer(crm_world, fault=SourceUnavailable("down"))
    with pytest.raises(SourceUnavailable):
        tokens(crm_world, integration_id, issuer).renewed({"accessToken": "stale"})
    issuer.fault = None
    assert tokens(crm_world, integration_id, issuer, "worker-2").current()["accessToken"] == "token-2"


def test_a_worker_that_dies_while_it_renews_is_followed_by_another(world: World) -> None:
    integration_id = world.connect(Provider.HUBSPOT, {"clientId": "c", "clientSecret": "s", "refreshToken": "r"})
    begun = world.integrations.begin_renewal(integration_id, owner="dead", at=world.clock.now(), lease=LEASE)
    assert begun is not None
    assert world.integrations.begin_renewal(integration_id, owner="other", at=world.clock.now(), lease=LEASE) is None
    world.clock.move(seconds=LEASE.total_seconds() + 1)  # type: ignore[union-attr]  # this world's clock is moved by hand
    issuer = Issuer(world)
    assert tokens(world, integration_id, issuer).current()["accessToken"] == "token-1"
    late = world.integrations.end_renewal(
        integration_id, owner="dead", renewed={"accessToken": "x"}, at=world.clock.now()
    )
    assert late is False


def test_a_token_is_kept_for_the_next_run_and_renewed_shortly_before_it_expires(world: World) -> None:
    integration_id = world.connect(Provider.HUBSPOT, {"clientId": "c", "clientSecret": "s", "refreshToken": "r"})
    issuer = Issuer(world)
    tokens(world, integration_id, issuer).current()
    assert tokens(world, integration_id, issuer).current()["accessToken"] == "token-1"
    world.clock.move(minutes=29, seconds=30)  # type: ignore[union-attr]  # this world's clock is moved by hand
    assert tokens(world, integration_id, issuer).current()["accessToken"] == "token-2"


def test_a_refresh_token_that_was_replaced_is_kept(crm_world: World, integration_id: str) -> None:
    class Rotating(Issuer):
        def issue(self, credentials: Mapping[str, str]) -> Mapping[str, str]:
            return {**super().issue(credentials), "refreshToken": f"{credentials['refreshToken']}+"}

    tokens(crm_world, integration_id, Rotating(crm_world)).renewed({"accessToken": "stale"})
    assert crm_world.integrations.credentials_of(integration_id).values["refreshToken"] == "r+"


def test_a_token_that_does_not_change_cannot_be_renewed(crm_world: World) -> None:
    integration_id = crm_world.connect(Provider.HUBSPOT, {"accessToken": "private"})
    kept = tokens(crm_world, integration_id, None)
    assert kept.current()["accessToken"] == "private"
    with pytest.raises(AuthRejected):
        kept.renewed(kept.current())


def test_credentials_are_sealed_for_their_document(crm_world: World, integration_id: str) -> None:
    documents = crm_world.database["integrations"]
    stored = documents.find_one()
    assert stored is not None
    assert "refreshToken" not in str(stored)
    other = crm_world.connect(Provider.HUBSPOT, {"accessToken": "private"})
    documents.update_many({}, {"$set": {"credentials": stored["credentials"]}})
    with pytest.raises(CredentialsUnreadable):
        crm_world.integrations.credentials_of(other)


def test_new_credentials_make_an_integration_active_again(crm_world: World, integration_id: str) -> None:
    crm_world.integrations.set_needs_attention(integration_id, "revoked", at=crm_world.clock.now())
    new = {"clientId": "c", "clientSecret": "s", "refreshToken": "new"}
    assert crm_world.integrations.replace_credentials(integration_id, new, at=crm_world.clock.now())
    integration = crm_world.integrations.get(integration_id)
    assert integration is not None
    assert integration.status is IntegrationStatus.ACTIVE
    assert crm_world.integrations.credentials_of(integration_id).values == new


def test_a_renewal_holds_its_right_no_longer_than_its_calls_can_take() -> None:
    assert timedelta(seconds=65) < LEASE
