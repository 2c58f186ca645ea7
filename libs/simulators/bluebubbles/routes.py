"""The calls of the API that the simulator answers."""

from libs.simulators.bluebubbles.exchange import LineExchange
from libs.simulators.bluebubbles.health_routes import HealthRoutes, address_asked_for
from libs.simulators.bluebubbles.hooks import Announcer, create_webhook, delete_webhook, list_webhooks
from libs.simulators.bluebubbles.querying import (
    argument_of_path,
    chat_asked_for,
    find_chat,
    find_message,
    query_messages,
)
from libs.simulators.bluebubbles.sending import SendingRoutes, recipient_of_new_chat, recipient_of_text, temp_guid_of
from libs.simulators.bluebubbles.state import State
from libs.simulators.routing import Route, Routes


def build_routes(state: State, announcer: Announcer) -> Routes[LineExchange]:
    """The table of routes."""
    routes = Routes[LineExchange]()
    _add_health(routes, HealthRoutes(state.availability))
    _add_sending(routes, SendingRoutes(rule=state.availability, deliveries=state.deliveries, announcer=announcer))
    routes.add("POST", "message/query", Route(endpoint="message/query", handle=query_messages, key=chat_asked_for))
    routes.add("GET", "message/:", Route(endpoint="message", handle=find_message, key=argument_of_path))
    routes.add("GET", "chat/:", Route(endpoint="chat", handle=find_chat, key=argument_of_path))
    routes.add("POST", "webhook", Route(endpoint="webhook/create", handle=create_webhook))
    routes.add("GET", "webhook", Route(endpoint="webhook/list", handle=list_webhooks))
    routes.add("DELETE", "webhook/:", Route(endpoint="webhook/delete", handle=delete_webhook, key=argument_of_path))
    return routes


def _add_health(routes: Routes[LineExchange], health: HealthRoutes) -> None:
    routes.add("GET", "ping", Route(endpoint="ping", handle=health.ping))
    routes.add("GET", "server/info", Route(endpoint="server/info", handle=health.server_info))
    routes.add(
        "GET",
        "handle/availability/imessage",
        Route(
            endpoint="handle/availability/imessage",
            handle=health.availability,
            key=address_asked_for,
            is_gated=True,
        ),
    )


def _add_sending(routes: Routes[LineExchange], sending: SendingRoutes) -> None:
    routes.add(
        "POST",
        "message/text",
        Route(
            endpoint="message/text",
            handle=sending.send_text,
            key=recipient_of_text,
            reference=temp_guid_of,
            keeps_time=True,
        ),
    )
    routes.add(
        "POST",
        "chat/new",
        Route(
            endpoint="chat/new",
            handle=sending.new_chat,
            key=recipient_of_new_chat,
            reference=temp_guid_of,
            keeps_time=True,
        ),
    )
