"""`GET /events` and `GET /jobs/{id}/events`: server-sent events."""

from collections.abc import Callable, Iterator

from flask import Response, request

from services.gateway.auth import Scope
from services.gateway.declaring import Routes, Stream
from services.gateway.job_view import JobFinder
from services.gateway.routes.jobs import found_job
from services.gateway.streams import MEDIA_TYPE, Streams

_RESUME = {"Last-Event-ID": "The id of the last event that was seen; the stream goes on behind it."}


def events_routes(streams: Streams, finder: JobFinder) -> Routes:
    """The routes of streams."""
    routes = Routes("events")

    @routes.declare(
        "GET",
        "/events",
        scope=Scope.SERVICE,
        summary="What happens in the queues, live",
        headers=_RESUME,
        answers={200: Stream(MEDIA_TYPE, "Server-sent events; the data of each is a Transition.")},
    )
    def events() -> Response:
        return _stream(streams.of_queues)

    @routes.declare(
        "GET",
        "/jobs/<job_id>/events",
        scope=Scope.SERVICE,
        summary="A job each time that something about it has changed, until it has ended",
        headers=_RESUME,
        answers={200: Stream(MEDIA_TYPE, "Server-sent events; the data of each is a JobAnswer.")},
        problems=[404],
        for_workspaces=True,
    )
    def job_events(job_id: str) -> Response:
        found_job(finder, job_id)
        return _stream(lambda seen: streams.of_job(lambda: finder.find(job_id), seen))

    return routes


def _stream(start: Callable[[str], Iterator[bytes]]) -> Response:
    # A stream that is not read would never be closed either.
    events = () if request.method == "HEAD" else start(request.headers.get("Last-Event-ID", ""))
    # Proxies such as nginx would otherwise collect events before they pass them on.
    return Response(events, content_type=MEDIA_TYPE, headers={"X-Accel-Buffering": "no"})
