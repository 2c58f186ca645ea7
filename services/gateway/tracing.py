"""Makes requests steps of traces, where this process traces."""

from flask import Flask, Response
from werkzeug.datastructures import Headers

from libs.common.tracing import switch
from services.gateway.current import current_facts, current_request


def trace_requests(app: Flask) -> None:
    """Traces what changes something or belongs to a caller's trace; does nothing where this process does not trace.

    To be called after whatever refuses requests, so that nobody who may not ask makes traces.
    """
    tracing = switch.tracing
    if tracing is None:
        return

    @app.before_request
    def begin() -> None:
        asked = current_request()
        if (asked.method == "GET" and "traceparent" not in asked.headers) or asked.url_rule is None:
            return
        route = asked.url_rule.rule
        known = {"http.request.method": asked.method, "http.route": route}
        current_facts().step = tracing.begin(
            f"{asked.method} {route}", switch.Kind.REQUEST, attributes=known, carried=_carried_by(asked.headers)
        )

    @app.after_request
    def tell(response: Response) -> Response:
        if step := current_facts().get("step"):
            step.tell({"http.response.status_code": response.status_code})
            if response.status_code >= 500:
                step.fail(f"answered {response.status_code}")
        return response

    @app.teardown_request
    def end(_error: BaseException | None) -> None:
        if step := current_facts().pop("step", None):
            step.end()


def _carried_by(headers: Headers) -> dict[str, str]:
    """W3C's headers, whose names do not depend on upper and lower case."""
    return {name: headers[name] for name in ("traceparent", "tracestate") if name in headers}
