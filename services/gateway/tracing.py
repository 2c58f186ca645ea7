"""Makes requests steps of traces, where this process traces."""

from flask import Flask, Response, g, request
from werkzeug.datastructures import Headers

from libs.common.tracing import switch


def trace_requests(app: Flask) -> None:
    """Traces what changes something or belongs to a caller's trace; does nothing where this process does not trace.

    To be called after whatever refuses requests, so that nobody who may not ask makes traces.
    """
    tracing = switch.tracing
    if tracing is None:
        return

    @app.before_request
    def begin() -> None:
        if (request.method == "GET" and "traceparent" not in request.headers) or request.url_rule is None:
            return
        route = request.url_rule.rule
        known = {"http.request.method": request.method, "http.route": route}
        g.step = tracing.begin(
            f"{request.method} {route}", switch.Kind.REQUEST, attributes=known, carried=_carried_by(request.headers)
        )

    @app.after_request
    def tell(response: Response) -> Response:
        if step := g.get("step"):
            step.tell({"http.response.status_code": response.status_code})
            if response.status_code >= 500:
                step.fail(f"answered {response.status_code}")
        return response

    @app.teardown_request
    def end(_error: BaseException | None) -> None:
        if step := g.pop("step", None):
            step.end()


def _carried_by(headers: Headers) -> dict[str, str]:
    """W3C's headers, whose names do not depend on upper and lower case."""
    return {name: headers[name] for name in ("traceparent", "tracestate") if name in headers}
