"""Reading: whether a number has iMessage, messages one by one and in lists, and the lines' use of their limits.

Read on docs.sendblue.com: ``evaluate-service`` (lookup), ``status``, ``v2/messages`` (list; the filters, the page of at
most 100, 100 readings in ten seconds), ``v2/messages/{handle}``, ``v2/lines/usage``. That a line's state is ``limited``
when a window is full, and the answers to wrong filters and unknown handles, are [unconfirmed].
"""

import datetime as dt
from collections.abc import Callable, Mapping

from aiohttp import web

from libs.simulators.answers import encoded_answer
from libs.simulators.reachability import Reachability
from libs.simulators.sendblue.account import ACCOUNT_EMAIL, Account, Line
from libs.simulators.sendblue.clock import stamp
from libs.simulators.sendblue.contacts import LOOKBACK, Window, next_reset
from libs.simulators.sendblue.errors import internal, invalid, not_found, too_many
from libs.simulators.sendblue.exchange import AccountExchange
from libs.simulators.sendblue.messages import Message
from libs.simulators.sendblue.sending import E164

DEFAULT_LIMIT = 100
GREATEST_LIMIT = 100

_ORDERS: Mapping[str, Callable[[Message], dt.datetime]] = {
    "createdAt": lambda message: message.created_at,
    "updatedAt": lambda message: message.updated_at,
    "sentAt": lambda message: message.sent_at or message.created_at,
}

_TIMES: Mapping[str, Callable[[Message], dt.datetime | None]] = {
    "created_at": lambda message: message.created_at,
    "updated_at": lambda message: message.updated_at,
    "sent_at": lambda message: message.sent_at,
}

_FILTERS: Mapping[str, Callable[[Message], tuple[str, ...]]] = {
    "number": lambda message: (message.contact, message.line_number),
    "to_number": lambda message: (message.contact if message.is_outbound else message.line_number,),
    "from_number": lambda message: (message.line_number if message.is_outbound else message.contact,),
    "sendblue_number": lambda message: (message.line_number,),
    "is_outbound": lambda message: ("true" if message.is_outbound else "false",),
    "status": lambda message: (message.status,),
    "service": lambda message: (message.service,),
    "account_email": lambda message: (ACCOUNT_EMAIL,),  # noqa: ARG005 - one account, and so one answer
    "message_type": lambda message: ("message",),  # noqa: ARG005 - groups are not simulated
    "group_id": lambda message: ("",),  # noqa: ARG005 - groups are not simulated
}


async def evaluate_service(exchange: AccountExchange) -> web.Response:
    """``GET /api/evaluate-service``."""
    number = exchange.number("number")
    if not number:
        raise invalid("Missing required parameter: number")
    if E164.fullmatch(number) is None:
        raise invalid("Invalid number: must be in E.164 format")
    reachability = exchange.account.availability.of(number)
    if reachability is Reachability.UNDETERMINED:
        raise internal()
    service = "iMessage" if reachability is Reachability.AVAILABLE else "SMS"
    return encoded_answer({"number": number, "service": service})


async def message_status(exchange: AccountExchange) -> web.Response:
    """``GET /api/status``."""
    handle = exchange.params.get("handle", "")
    if not handle:
        raise invalid("Missing required parameter: handle")
    message = exchange.account.messages.find(handle)
    if message is None:
        raise not_found()
    return encoded_answer(message.as_json(ACCOUNT_EMAIL))


async def find_message(exchange: AccountExchange) -> web.Response:
    """``GET /api/v2/messages/{handle}``."""
    message = exchange.account.messages.find(exchange.argument)
    if message is None:
        raise not_found()
    return encoded_answer({"status": "OK", "data": message.as_json(ACCOUNT_EMAIL)})


async def list_messages(exchange: AccountExchange) -> web.Response:
    """``GET /api/v2/messages``."""
    account, params = exchange.account, exchange.params
    if not account.may_list():
        raise too_many()
    order = _ORDERS.get(params.get("order_by", "createdAt"))
    direction = params.get("order_direction", "desc")
    if order is None or direction not in {"asc", "desc"}:
        raise invalid("Invalid order_by or order_direction")
    limit = _integer(exchange, "limit", DEFAULT_LIMIT, least=1, greatest=GREATEST_LIMIT)
    offset = _integer(exchange, "offset", 0, least=0)
    found = _in_windows(_filtered(_visible(account), exchange), exchange)
    found.sort(key=order)
    if direction == "desc":
        found.reverse()
    page = found[offset : offset + limit]
    return encoded_answer(
        {
            "status": "OK",
            "data": [message.as_json(ACCOUNT_EMAIL) for message in page],
            "pagination": {
                "total": len(found),
                "limit": limit,
                "offset": offset,
                "hasMore": offset + len(page) < len(found),
            },
        }
    )


async def lines_usage(exchange: AccountExchange) -> web.Response:
    """``GET /api/v2/lines/usage``."""
    account = exchange.account
    return encoded_answer({"status": "OK", "enabled": True, "lines": [_usage(account, line) for line in account.lines]})


def number_asked_for(exchange: AccountExchange) -> str:
    """What a look-up is about, for the log of calls."""
    return exchange.number("number")


def handle_asked_for(exchange: AccountExchange) -> str:
    """Which message is read, for the log of calls."""
    return exchange.argument or exchange.params.get("handle", "")


def _visible(account: Account) -> list[Message]:
    since = account.now() - dt.timedelta(milliseconds=account.settings.list_lag_ms)
    return [message for message in account.messages.all() if message.created_at <= since]


def _filtered(messages: list[Message], exchange: AccountExchange) -> list[Message]:
    for name, values_of in _FILTERS.items():
        if name in exchange.params:
            wanted = exchange.number(name)
            messages = [message for message in messages if wanted in values_of(message)]
    return messages


def _in_windows(messages: list[Message], exchange: AccountExchange) -> list[Message]:
    for name, time_of in _TIMES.items():
        earliest, latest = _moment(exchange, f"{name}_gte"), _moment(exchange, f"{name}_lte")
        if earliest is not None:
            messages = [m for m in messages if (at := time_of(m)) is not None and at >= earliest]
        if latest is not None:
            messages = [m for m in messages if (at := time_of(m)) is not None and at <= latest]
    return messages


def _moment(exchange: AccountExchange, name: str) -> dt.datetime | None:
    text = exchange.params.get(name)
    if not text:
        return None
    try:
        # A plus sign of a time zone that was not encoded arrives as a space.
        moment = dt.datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError as error:
        raise invalid(f"Invalid date: {name}") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _integer(exchange: AccountExchange, name: str, default: int, *, least: int, greatest: int | None = None) -> int:
    text = exchange.params.get(name)
    if text is None:
        return default
    if not text.isdigit() or int(text) < least or (greatest is not None and int(text) > greatest):
        raise invalid(f"Invalid {name}")
    return int(text)


def _usage(account: Account, line: Line) -> dict[str, object]:
    now = account.now()
    hourly = line.contacts.hourly(account.settings.new_contacts_per_hour, now)
    daily = line.contacts.daily(account.settings.new_contacts_per_day, now)
    free_at = [window.next_slot_at for window in (hourly, daily) if window.is_full and window.next_slot_at]
    return {
        "phone": line.phone,
        "state": "limited" if free_at else "available",
        "sampledAt": stamp(now),
        "newContactLookbackDays": LOOKBACK.days,
        "hourly": _window(hourly),
        "daily": {**_window(daily), "resetsAt": stamp(next_reset(now))},
        "availableAt": stamp(max(free_at)) if free_at else None,
    }


def _window(window: Window) -> dict[str, object]:
    return {
        "used": window.used,
        "limit": window.limit,
        "remaining": None if window.limit is None else max(window.limit - window.used, 0),
        "nextSlotAt": stamp(window.next_slot_at) if window.next_slot_at else None,
    }
