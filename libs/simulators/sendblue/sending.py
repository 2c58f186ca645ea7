"""``send-message``: taking a message, queueing it at its line, and letting it go out.

Read on docs.sendblue.com: a message that passes the checks is ``QUEUED``; a line sends one a second and keeps the
others waiting, up to 1,500, above which calls get 429; a line takes up to ten messages a second; new contacts are
limited per hour and day; ``DELIVERED`` comes for iMessage only. What is [unconfirmed]: the answers above the limits of
new contacts and of ten a second (here 429), and to a number that opted out (here code 4002).
"""

import asyncio
import re

from aiohttp import web

from libs.simulators.answers import encoded_answer
from libs.simulators.faults import NetworkFault
from libs.simulators.reachability import Reachability
from libs.simulators.sendblue.account import ACCOUNT_EMAIL, Account, Line
from libs.simulators.sendblue.errors import (
    BLOCKED_NUMBER,
    NOT_ON_IMESSAGE,
    RATE_WINDOW,
    SEND_FAILED,
    STATUS_UNRESOLVED,
    Refusal,
    internal,
    invalid,
    too_many,
)
from libs.simulators.sendblue.exchange import AccountExchange
from libs.simulators.sendblue.faults import ServiceFault
from libs.simulators.sendblue.hooks import Webhooks
from libs.simulators.sendblue.messages import Message, Status

E164 = re.compile(r"\+[1-9]\d{7,14}")
STOP_WORDS = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"})
START_WORDS = frozenset({"START", "UNSTOP"})


class Sending:
    """Takes messages and lets them go out.

    Args:
        account: whose they are.
        webhooks: who is told.
    """

    def __init__(self, account: Account, webhooks: Webhooks) -> None:
        self._account = account
        self._webhooks = webhooks

    async def send_message(self, exchange: AccountExchange) -> web.Response:
        """``POST /api/send-message``."""
        fault = exchange.fault
        name, seconds = (fault.fault, fault.seconds) if fault else ("", 0.0)
        if name == NetworkFault.SLOW:
            await asyncio.sleep(seconds)
        if name == NetworkFault.HANG:
            await asyncio.Event().wait()  # until the server is closed
        line = self._checked(exchange)
        if name == ServiceFault.ERROR_UNDELIVERED:
            raise internal()
        if name == ServiceFault.BLOCKED_NUMBER:
            raise _blocked()
        message = self._taken(exchange, line, fault=name)
        answer = encoded_answer(message.as_json(ACCOUNT_EMAIL))
        if name == ServiceFault.HANG_AFTER_DELIVERY:
            await asyncio.Event().wait()
        if name == NetworkFault.SLOW_ANSWER:
            await asyncio.sleep(seconds)
        if name == ServiceFault.ERROR_DELIVERED:
            raise internal()
        return answer

    def receive(self, line: Line, *, sender: str, text: str) -> Message:
        """Take a message that arrives at a line."""
        now = self._account.now()
        word = text.strip().upper()
        if word in STOP_WORDS:
            self._account.opted_out.add(sender)
        elif word in START_WORDS:
            self._account.opted_out.discard(sender)
        line.contacts.note_message(sender, now, is_outbound=False)
        message = Message(
            handle=self._account.messages.new_handle(),
            line=line.name,
            line_number=line.phone,
            contact=sender,
            content=text,
            is_outbound=False,
            status=Status.RECEIVED,
            created_at=now,
            updated_at=now,
            opted_out=sender in self._account.opted_out,
        )
        self._account.messages.add(message)
        self._webhooks.announce(message)
        return message

    def _checked(self, exchange: AccountExchange) -> Line:
        """The line that a message is to go by, once it keeps every rule and limit.

        Raises:
            Refusal: it breaks one.
        """
        number = exchange.text("number")
        if not number:
            raise invalid("Missing required parameter: number")
        if E164.fullmatch(number) is None:
            raise invalid("Invalid number: must be in E.164 format")
        if not exchange.text("from_number"):
            raise invalid("Missing required parameter: from_number")
        line = self._account.line_of(exchange.text("from_number"))
        if line is None:
            raise invalid("from_number is not one of your Sendblue numbers")
        if not exchange.text("content") and not exchange.text("media_url"):
            raise invalid("Missing required parameter: content or media_url")
        if number in self._account.opted_out:
            raise _blocked()
        self._check_limits(line, number)
        return line

    def _check_limits(self, line: Line, number: str) -> None:
        settings, now = self._account.settings, self._account.now()
        if not line.accepts(settings.accepted_per_second):
            raise too_many()
        if line.queued >= settings.queue_length:
            raise too_many()
        if line.contacts.is_new(number, now) and (
            line.contacts.hourly(settings.new_contacts_per_hour, now).is_full
            or line.contacts.daily(settings.new_contacts_per_day, now).is_full
        ):
            raise too_many(RATE_WINDOW, "Rate limit window exceeded")

    def _taken(self, exchange: AccountExchange, line: Line, *, fault: str) -> Message:
        now = self._account.now()
        message = Message(
            handle=self._account.messages.new_handle(),
            line=line.name,
            line_number=line.phone,
            contact=exchange.text("number"),
            content=exchange.text("content"),
            is_outbound=True,
            status=Status.DECLINED if fault == ServiceFault.DECLINED else Status.QUEUED,
            created_at=now,
            updated_at=now,
            media_url=exchange.text("media_url"),
            send_style=exchange.text("send_style"),
            status_callback=exchange.text("status_callback"),
        )
        self._account.messages.add(message)
        self._webhooks.announce(message)
        if message.status is Status.QUEUED:
            line.contacts.note_message(message.contact, now, is_outbound=True)
            self._queue(line, message, fault)
        return message

    def _queue(self, line: Line, message: Message, fault: str) -> None:
        """Give a message the line's next free moment."""
        loop = asyncio.get_running_loop()
        at = max(loop.time(), line.free_at)
        rate = self._account.settings.sent_per_second
        line.free_at = at + (1 / rate if rate else 0.0)
        line.queued += 1
        loop.call_at(at, self._go_out, line, message, fault)

    def _go_out(self, line: Line, message: Message, fault: str) -> None:
        line.queued -= 1
        if fault == ServiceFault.FAILED_LATER:
            self._fail(message, SEND_FAILED, "Message failed to send")
            return
        is_reachable = self._account.availability.of(message.contact) is not Reachability.UNAVAILABLE
        if not is_reachable and not self._account.settings.falls_back_to_sms:
            self._fail(message, NOT_ON_IMESSAGE, "Recipient is not registered with iMessage")
            return
        message.was_downgraded = not is_reachable
        message.service = "iMessage" if is_reachable else "SMS"
        message.sent_at = self._account.now()
        self._account.deliveries.add(
            target=line.name,
            to=message.contact,
            text=message.content,
            reference=message.status_callback,
            message_id=message.handle,
        )
        if fault == ServiceFault.UNRESOLVED:
            self._fail(message, STATUS_UNRESOLVED, "Failed to resolve message status")
            return
        self._move(message, Status.SENT)
        if is_reachable:
            after_s = self._account.settings.delivery_ms / 1000
            asyncio.get_running_loop().call_later(after_s, self._move, message, Status.DELIVERED)

    def _fail(self, message: Message, code: int, words: str) -> None:
        message.error_code, message.error_message = code, words
        self._move(message, Status.ERROR)

    def _move(self, message: Message, status: Status) -> None:
        message.status = status
        message.updated_at = self._account.now()
        self._webhooks.announce(message)


def recipient(exchange: AccountExchange) -> str:
    """Whom a send is for, for the log of calls."""
    return exchange.text("number")


def callback(exchange: AccountExchange) -> str:
    """The send's status callback: the only thing of the caller's own in it, and so its reference."""
    return exchange.text("status_callback")


def _blocked() -> Refusal:
    return Refusal(400, "Number is blacklisted", BLOCKED_NUMBER)
