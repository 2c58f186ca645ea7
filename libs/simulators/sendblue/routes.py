"""The calls of the API that the simulator answers. Paths are below ``/api/``."""

from libs.simulators.routing import Route, Routes
from libs.simulators.sendblue.exchange import AccountExchange
from libs.simulators.sendblue.faults import SEND
from libs.simulators.sendblue.hooks import Webhooks
from libs.simulators.sendblue.reading import (
    evaluate_service,
    find_message,
    handle_asked_for,
    lines_usage,
    list_messages,
    message_status,
    number_asked_for,
)
from libs.simulators.sendblue.sending import Sending, callback, recipient


def build_routes(sending: Sending, webhooks: Webhooks) -> Routes[AccountExchange]:
    """The table of routes."""
    routes = Routes[AccountExchange]()
    routes.add(
        "POST",
        "send-message",
        Route(endpoint=SEND, handle=sending.send_message, key=recipient, reference=callback, keeps_time=True),
    )
    routes.add(
        "GET", "evaluate-service", Route(endpoint="evaluate-service", handle=evaluate_service, key=number_asked_for)
    )
    routes.add("GET", "status", Route(endpoint="status", handle=message_status, key=handle_asked_for))
    routes.add("GET", "v2/messages", Route(endpoint="messages", handle=list_messages, key=number_asked_for))
    routes.add("GET", "v2/messages/:", Route(endpoint="message", handle=find_message, key=handle_asked_for))
    routes.add("GET", "v2/lines/usage", Route(endpoint="lines/usage", handle=lines_usage))
    routes.add("POST", "account/webhooks", Route(endpoint="webhooks/create", handle=webhooks.create))
    routes.add("GET", "account/webhooks", Route(endpoint="webhooks/list", handle=webhooks.list))
    routes.add("DELETE", "account/webhooks", Route(endpoint="webhooks/delete", handle=webhooks.delete))
    return routes
