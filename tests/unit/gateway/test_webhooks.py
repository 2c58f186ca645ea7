"""Webhooks to the app: signatures, addresses that must not be called, and what is told of a change."""

import asyncio
import ipaddress
import socket
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from bson import ObjectId, Timestamp

from libs.common.errors import InvalidInput
from services.gateway.webhooks.changes import event_of
from services.gateway.webhooks.feed import delivery_of
from services.gateway.webhooks.guard import AddressForbidden, CheckedResolver, check_url, is_public
from services.gateway.webhooks.model import Event, EventType, Webhook, WebhookStatus
from services.gateway.webhooks.signing import new_secret, signed_headers

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)

INSIDE = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "0.0.0.0",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "198.18.0.1",
    "192.0.2.1",
    "::",
    "::1",
    "fe80::1",
    "fc00::1",
    "fd00:ec2::254",
    "fec0::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
]
OUTSIDE = ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"]


def test_a_signature_is_the_one_of_the_published_example() -> None:
    """From the documentation of Standard Webhooks' reference implementation ("Verifying webhooks manually")."""
    headers = signed_headers(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        at=datetime.fromtimestamp(1614265330, UTC),
        body=b'{"test": 2432232314}',
    )

    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_secrets_are_long_and_never_the_same() -> None:
    secrets = {new_secret() for _ in range(20)}

    assert len(secrets) == 20
    assert all(secret.startswith("whsec_") and len(secret) == 50 for secret in secrets)


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_not_public_however_it_is_written(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", OUTSIDE)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "http://app.example/hook",
        "ftp://app.example/",
        "https://",
        "https:///hook",
        "https://user:password@app.example/",
        "https://user@app.example/",
        "https://app.example/#part",
        "https://app.example:99999/",
        "https://app.example/ hook",
        "https://app.example/\r\nX: y",
        "https://\uff11\uff12\uff17.0.0.1/",
        "https://[::1",
        "https://127%2e0.0.1/",
        "https://127.0.0.1./",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://app.0x7f/",
        "https://[fe80::1%25eth0]/",
        "https://app.example\\@127.0.0.1/",
        "",
        "app.example",
        "https://app.example/" + "x" * 2_000,
        *(f"https://{f'[{each}]' if ':' in each else each}/" for each in INSIDE),
    ],
)
def test_a_webhook_may_not_have_such_an_address(url: str) -> None:
    with pytest.raises(InvalidInput, match="url: expected an https:// address"):
        check_url(url, inside_too=False)


def test_a_webhook_may_have_a_public_address_and_in_dev_one_of_this_machine() -> None:
    check_url("https://app.example:8443/hooks?x=1", inside_too=False)
    check_url("https://1.1.1.1/", inside_too=False)
    check_url("http://127.0.0.1:3000/hook", inside_too=True)


class Names(AbstractResolver):
    """Knows what one name means."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=each, port=port, family=family, proto=0, flags=0)
            for each in self._addresses
        ]

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("inside", INSIDE)
def test_a_name_that_also_leads_inside_is_not_called_at_all(inside: str) -> None:
    resolver = CheckedResolver(inside_too=False, resolver=lambda: Names("1.1.1.1", inside))

    with pytest.raises(AddressForbidden):
        asyncio.run(resolver.resolve("app.example", 443))


def test_the_addresses_that_were_looked_at_are_those_that_are_called() -> None:
    resolver = CheckedResolver(inside_too=False, resolver=lambda: Names("1.1.1.1"))

    assert [each["host"] for each in asyncio.run(resolver.resolve("app.example", 443))] == ["1.1.1.1"]


def change(collection: str, status: str) -> dict[str, Any]:
    return {
        "_id": {"_data": "82AB"},
        "ns": {"coll": collection},
        "clusterTime": Timestamp(int(AT.timestamp()), 1),
        "updateDescription": {"updatedFields": {"status": status}},
    }


def test_of_a_message_neither_text_nor_recipient_is_told() -> None:
    message = {
        "_id": ObjectId("0" * 24),
        "workspaceId": "w1",
        "text": "secret",
        "to": "+1",
        "lineId": ObjectId("1" * 24),
    }

    event = event_of(change("messages", "sent"), message)

    assert event is not None
    assert (event.type, event.workspace_id, event.at) == (EventType.MESSAGE_SENT, "w1", AT)
    assert event.data == {"messageId": "0" * 24, "status": "sent", "workspaceId": "w1", "lineId": "1" * 24}


@pytest.mark.parametrize("job_type", ["scheduled-messages", "bulk-action", "unknown"])
def test_of_jobs_that_the_app_did_not_ask_for_nothing_is_told(job_type: str) -> None:
    assert event_of(change("jobs", "failed"), {"_id": "j", "jobType": job_type, "workspaceId": ""}) is None


def test_of_what_is_gone_nothing_is_told() -> None:
    assert event_of(change("messages", "sent"), None) is None


def webhook(**fields: Any) -> Webhook:
    given: dict[str, Any] = {
        "webhook_id": "h1",
        "url": "https://app.example/",
        "events": (EventType.MESSAGE_SENT,),
        "status": WebhookStatus.ACTIVE,
        "created_at": AT,
    }
    return Webhook(**(given | fields))


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, True),
        ({"workspace_id": "w1"}, True),
        ({"workspace_id": "w2"}, False),
        ({"events": (EventType.MESSAGE_FAILED,)}, False),
        ({"status": WebhookStatus.DISABLED}, False),
        ({"created_at": AT + timedelta(seconds=1)}, False),
        ({"created_at": AT - timedelta(days=2), "told_from": AT + timedelta(seconds=1)}, False),
        ({"created_at": AT - timedelta(days=2), "told_from": AT + timedelta(milliseconds=1)}, True),
    ],
)
def test_a_webhook_is_told_of_its_events_and_of_no_others(fields: dict[str, Any], wanted: bool) -> None:
    event = Event(token="t", type=EventType.MESSAGE_SENT, at=AT, workspace_id="w1", data={})

    assert webhook(**fields).wants(event) is wanted


def test_an_event_that_is_read_twice_is_one_delivery_per_webhook() -> None:
    event = Event(token="t", type=EventType.MESSAGE_SENT, at=AT, workspace_id="w1", data={"messageId": "m"})

    assert delivery_of(event, webhook()) == delivery_of(event, webhook())
    assert delivery_of(event, webhook()).delivery_id != delivery_of(event, webhook(webhook_id="h2")).delivery_id
    assert delivery_of(event, webhook()).body == (
        '{"type":"message.sent","timestamp":"2026-03-01T12:00:00Z","data":{"messageId":"m"}}'
    )
