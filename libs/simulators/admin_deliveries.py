"""The part of the admin API that shows what a provider sent out and which webhooks it called.

========  =========================  ==========================================================================
GET       ``/__admin/deliveries``    what went out, filtered by ``target=``, ``to=``, ``text=``, ``reference=``;
                                     the last ``limit=`` (default 1,000) of it, and the number of all that match
GET       ``/__admin/repeated``      every (to, text) that went out more than once, with its count
DELETE    ``/__admin/deliveries``    forget them
GET       ``/__admin/webhooks``      the webhook calls made, of all events or of one ``event=``
========  =========================  ==========================================================================
"""

from aiohttp import web

from libs.simulators.answers import encoded_answer
from libs.simulators.deliveries import DeliveryLog
from libs.simulators.webhooks import Courier

SHOWN_DELIVERIES = 1_000


def add_delivery_routes(app: web.Application, deliveries: DeliveryLog, courier: Courier) -> None:
    """Add these routes to a simulator's admin application."""
    routes = _DeliveryRoutes(deliveries, courier)
    app.router.add_get("/__admin/deliveries", routes.deliveries)
    app.router.add_delete("/__admin/deliveries", routes.forget)
    app.router.add_get("/__admin/repeated", routes.repeated)
    app.router.add_get("/__admin/webhooks", routes.webhooks)


class _DeliveryRoutes:
    def __init__(self, deliveries: DeliveryLog, courier: Courier) -> None:
        self._deliveries = deliveries
        self._courier = courier

    async def deliveries(self, request: web.Request) -> web.Response:
        query = request.query
        found = self._deliveries.select(
            target=query.get("target"), to=query.get("to"), text=query.get("text"), reference=query.get("reference")
        )
        shown = found[-int(query.get("limit", SHOWN_DELIVERIES)) :]
        return encoded_answer({"total": len(found), "deliveries": shown})

    async def forget(self, request: web.Request) -> web.Response:
        del request
        self._deliveries.clear()
        return encoded_answer({})

    async def repeated(self, request: web.Request) -> web.Response:
        del request
        repeated = self._deliveries.repeated()
        return encoded_answer(
            {"repeated": [{"to": to, "text": text, "count": count} for (to, text), count in repeated.items()]}
        )

    async def webhooks(self, request: web.Request) -> web.Response:
        return encoded_answer({"webhooks": self._courier.posts(event=request.query.get("event"))})
