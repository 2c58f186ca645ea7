"""Tokens and keys are changed without a request that fails: the steps of the runbooks, one after the other."""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from libs.common.credentials import CredentialsUnreadable, CredentialsVault, new_credentials_key
from libs.common.settings import Secret, Settings
from libs.common.webhook_secrets import WebhookSecrets
from libs.common.worker.http import InternalServer
from services.gateway.bootstrap import build
from services.gateway.direct import DirectRunFailed, DirectRuns

OLD, BOTH, NEW = "old-token", "old-token,new-token", "new-token"


@contextmanager
def gateway(redis_url: str, mongo_uri: str, service_token: str) -> Iterator[FlaskClient]:
    built = build(
        Settings(
            redis_url=Secret(redis_url),
            mongodb_uri=Secret(mongo_uri),
            service_token=Secret(service_token),
            admin_token=Secret("admin-token"),
            credentials_key=Secret(new_credentials_key()),
        )
    )
    try:
        yield built.app.test_client()
    finally:
        built.close()


@contextmanager
def worker(service_token: str) -> Iterator[str]:
    """A worker's internal port that runs jobs at once; answers its address."""

    async def run(_job_id: str, data: Mapping[str, Any]) -> Any:
        return data

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = InternalServer(alive=lambda: True, ready=tuple, tokens=service_token.split(","), direct={"work": run})
    port = asyncio.run_coroutine_threadsafe(server.start("127.0.0.1", 0), loop).result(timeout=10)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(timeout=10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=10)


def status(client: FlaskClient, token: str) -> int:
    return client.get("/api/bullmq/stats", headers={"Authorization": f"Bearer {token}"}).status_code


def test_at_each_step_of_a_token_s_change_the_token_in_use_is_accepted(redis_url: str, mongo_uri: str) -> None:
    with (
        gateway(redis_url, mongo_uri, OLD) as before,
        gateway(redis_url, mongo_uri, BOTH) as between,
        gateway(redis_url, mongo_uri, NEW) as after,
    ):
        # While the first roll-out lasts, everyone sends the old one; then callers change; then the second.
        assert [status(client, "old-token") for client in (before, between)] == [200, 200]
        assert [status(between, token) for token in ("old-token", "new-token")] == [200, 200]
        assert [status(client, "new-token") for client in (between, after)] == [200, 200]
        assert [status(before, "new-token"), status(after, "old-token")] == [401, 401]


@pytest.mark.parametrize(
    ("sent_by_gateway", "accepted_by_worker", "understood"),
    [
        ("old-token", OLD, True),
        ("old-token", BOTH, True),
        ("new-token", BOTH, True),
        ("new-token", NEW, True),
        ("old-token", NEW, False),
    ],
)
def test_a_gateway_is_understood_by_workers_that_are_rolled_after_it(
    sent_by_gateway: str, accepted_by_worker: str, understood: bool
) -> None:
    with worker(accepted_by_worker) as url:
        runs = DirectRuns({"work": url}, token=sent_by_gateway, timeout=timedelta(seconds=5))
        try:
            if understood:
                assert runs.run("work", "job-1", {"x": 1}) == {"x": 1}
            else:
                with pytest.raises(DirectRunFailed):
                    runs.run("work", "job-1", {"x": 1})
        finally:
            runs.close()


def test_at_each_step_of_a_key_s_change_every_stored_secret_is_read() -> None:
    old, new = new_credentials_key(), new_credentials_key()
    steps = [CredentialsVault(Secret(keys)) for keys in (old, f"{old},{new}", f"{new},{old}")]
    stored = [vault.seal({"password": "p"}, record="lines/1") for vault in steps]
    for vault in steps[1:]:
        assert [vault.open(sealed, record="lines/1") for sealed in stored] == [{"password": "p"}] * 3
    # The first roll-out: what the newer processes write, the older read.
    assert steps[0].open(stored[1], record="lines/1") == {"password": "p"}
    last = CredentialsVault(Secret(new))
    rotated = [steps[2].rotate(sealed) for sealed in stored]
    assert [last.open(sealed, record="lines/1") for sealed in rotated] == [{"password": "p"}] * 3
    with pytest.raises(CredentialsUnreadable):
        last.open(stored[0], record="lines/1")


def test_reports_to_addresses_of_the_old_key_are_accepted_until_it_is_taken_out() -> None:
    old, new = new_credentials_key(), new_credentials_key()
    given_out = WebhookSecrets(Secret(old)).of("line-1")
    for keys, good in ((f"{old},{new}", True), (f"{new},{old}", True), (new, False)):
        assert WebhookSecrets(Secret(keys)).is_good("line-1", given_out) is good
