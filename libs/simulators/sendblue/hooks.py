"""Webhooks of the account, and status callbacks of single messages.

Read on docs.sendblue.com (webhooks; sending and receiving messages): a JSON POST of the message; ``status_callback`` at
every change of a message's status, webhooks of type ``outbound`` and ``receive`` likewise; a secret comes in the header
``sb-signing-secret``; a receiver that does not answer is called again. How often is [unconfirmed]; here three times.
"""

from collections.abc import Iterable
from typing import cast

import msgspec
from aiohttp import web

from libs.simulators.answers import encoded_answer
from libs.simulators.sendblue.account import ACCOUNT_EMAIL, Account
from libs.simulators.sendblue.errors import invalid
from libs.simulators.sendblue.exchange import AccountExchange
from libs.simulators.sendblue.messages import Message
from libs.simulators.webhooks import Courier

RECEIVE = "receive"
OUTBOUND = "outbound"
KINDS = (RECEIVE, "line_blocked", "line_assigned", OUTBOUND, "typing_indicator", "call_log", "contact_created")

ATTEMPTS = 3
SECRET_HEADER = "sb-signing-secret"  # noqa: S105 - the header's name, not a secret


class Webhook(msgspec.Struct, frozen=True, omit_defaults=True):
    """A registered webhook."""

    url: str
    secret: str = ""


class Webhooks:
    """The account's webhooks, and those who call them.

    Args:
        account: whose they are.
        courier: who posts.
    """

    def __init__(self, account: Account, courier: Courier) -> None:
        self._account = account
        self._courier = courier
        self._global_secret = ""
        self._hooks: dict[str, list[Webhook]] = {kind: [] for kind in KINDS}

    def announce(self, message: Message) -> None:
        """Post a message to everybody who wants to know of its new status."""
        if not self._account.settings.deliver_webhooks:
            return
        body = msgspec.json.encode(message.as_json(ACCOUNT_EMAIL))
        kind = OUTBOUND if message.is_outbound else RECEIVE
        hooks = list(self._hooks[kind])
        if message.status_callback:
            hooks.append(Webhook(message.status_callback))
        for hook in hooks:
            secret = hook.secret or self._global_secret
            headers = {SECRET_HEADER: secret} if secret else {}
            self._courier.send(target=message.line, url=hook.url, event=message.status, body=body, headers=headers)

    async def create(self, exchange: AccountExchange) -> web.Response:
        """``POST /api/account/webhooks``: add some of one type."""
        kind, hooks = self._given(exchange)
        known = {hook.url for hook in self._hooks[kind]}
        self._hooks[kind].extend(hook for hook in hooks if hook.url not in known)
        self._global_secret = exchange.text("globalSecret") or self._global_secret
        return encoded_answer({"status": "OK", "message": "Webhooks added", "webhooks": self._shown()})

    async def delete(self, exchange: AccountExchange) -> web.Response:
        """``DELETE /api/account/webhooks``: take some of one type away."""
        kind, hooks = self._given(exchange)
        gone = {hook.url for hook in hooks}
        self._hooks[kind] = [hook for hook in self._hooks[kind] if hook.url not in gone]
        return encoded_answer({"status": "OK", "message": "Webhooks deleted", "webhooks": self._shown()})

    async def list(self, exchange: AccountExchange) -> web.Response:
        """``GET /api/account/webhooks``."""
        del exchange
        return encoded_answer({"status": "OK", "webhooks": self._shown()})

    def _given(self, exchange: AccountExchange) -> tuple[str, Iterable[Webhook]]:
        kind = exchange.text("type") or RECEIVE
        if kind not in KINDS:
            raise invalid(f"Invalid webhook type: {kind}")
        items = exchange.body.get("webhooks")
        if not isinstance(items, list) or not items:
            raise invalid("Missing required parameter: webhooks")
        return kind, [_webhook(item) for item in cast("list[object]", items)]

    def _shown(self) -> dict[str, object]:
        shown: dict[str, object] = {
            kind: [hook if hook.secret else hook.url for hook in hooks] for kind, hooks in self._hooks.items()
        }
        if self._global_secret:
            shown["globalSecret"] = self._global_secret
        return shown


def _webhook(given: object) -> Webhook:
    try:
        hook = Webhook(given) if isinstance(given, str) else msgspec.convert(given, Webhook)
    except msgspec.ValidationError as error:
        raise invalid(f"Invalid webhook: {error}") from error
    if not hook.url.startswith(("http://", "https://")):
        raise invalid(f"Invalid webhook URL: {hook.url}")
    return hook
