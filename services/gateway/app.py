"""The Flask app: routes, and what holds for every request (scope, limits, errors, headers, counting)."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from flask import Blueprint, Flask, Response
from werkzeug.middleware.proxy_fix import ProxyFix

from libs.common.clock import Clock
from libs.common.ids import new_job_id
from libs.common.logging import CONTEXT, get_logger
from libs.common.settings import Settings
from services.gateway.answers import answer_errors_as_problems
from services.gateway.audit import AuditLog, may_change, record_mutations
from services.gateway.auth import NOBODY, Caller, Tokens, guard
from services.gateway.bulk.selection import SelectedQueue
from services.gateway.current import current_facts, current_request
from services.gateway.decisions import Decisions
from services.gateway.guessing import GUESSES, GuessLimits
from services.gateway.headers import AddHeaders
from services.gateway.health import HealthCheck, Readiness
from services.gateway.initializer import Initialized
from services.gateway.job_view import JobFinder
from services.gateway.lean_flask import LeanFlask
from services.gateway.metrics import AllMetrics, GatewayMetrics
from services.gateway.queue_desk import QueueDesk
from services.gateway.rate_limits import RateLimits
from services.gateway.replay.running import ReplayStore
from services.gateway.routes.audit import audit_routes
from services.gateway.routes.bulk import bulk_routes
from services.gateway.routes.decisions import decisions_routes
from services.gateway.routes.events import events_routes
from services.gateway.routes.health import health_routes, probe_routes
from services.gateway.routes.history import History, history_routes
from services.gateway.routes.initialize import initialize_routes
from services.gateway.routes.jobs import jobs_routes
from services.gateway.routes.metrics import metrics_routes
from services.gateway.routes.queues import queues_routes
from services.gateway.routes.reference import reference_routes
from services.gateway.routes.replay import replay_routes
from services.gateway.routes.stats import stats_routes
from services.gateway.sampler import Sampler
from services.gateway.streams import Streams
from services.gateway.submission import Door
from services.gateway.tracing import trace_requests

log = get_logger(__name__)

PREFIX = "/api/bullmq"

_SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """What the routes call."""

    settings: Settings
    tokens: Tokens
    queues: Mapping[str, SelectedQueue]
    door: Door
    finder: JobFinder
    decisions: Decisions
    desk: QueueDesk
    initialize: Callable[[], Initialized]
    health: HealthCheck
    readiness: Readiness
    own_metrics: GatewayMetrics
    all_metrics: AllMetrics
    sampler: Sampler
    streams: Streams
    audit: AuditLog
    history: History
    replays: ReplayStore
    clock: Clock
    further_routes: Sequence[tuple[Blueprint, str]] = ()
    """Routes of single subjects, each with the prefix under which it is served."""
    session_caller: Callable[[], Caller] = lambda: NOBODY
    """Who makes a request without a token, by its session."""


def create_app(deps: Dependencies) -> Flask:
    """The app on its dependencies."""
    app = LeanFlask("services.gateway", static_folder=None)
    app.config.update(
        MAX_CONTENT_LENGTH=deps.settings.max_body_bytes, PROVIDE_AUTOMATIC_OPTIONS=False, PROPAGATE_EXCEPTIONS=False
    )
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    _watch_requests(app, deps.own_metrics)
    record_mutations(app, deps.audit, deps.clock)
    limits = RateLimits(per_second=deps.settings.requests_per_second)
    app.wsgi_app = AddHeaders(app.wsgi_app, _SECURITY_HEADERS)  # type: ignore[method-assign]  # as Flask documents it
    if deps.settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=deps.settings.trusted_proxies, x_proto=0)  # type: ignore[method-assign]  # as Werkzeug documents it
    app.extensions[GUESSES] = guesses = GuessLimits()
    guard(app, deps.tokens, otherwise=deps.session_caller, admit=limits.admit, guesses=guesses)
    trace_requests(app)
    answer_errors_as_problems(app)
    for routes in (
        jobs_routes(deps.door, deps.finder),
        events_routes(deps.streams, deps.finder),
        decisions_routes(deps.decisions),
        bulk_routes(deps.door, deps.queues, deps.clock),
        history_routes(deps.history, deps.clock),
        replay_routes(deps.door, deps.replays, deps.clock),
        queues_routes(deps.desk),
        stats_routes(deps.sampler),
        initialize_routes(deps.initialize),
        health_routes(deps.health),
        audit_routes(deps.audit),
        metrics_routes(deps.all_metrics, name="metrics"),
    ):
        app.register_blueprint(routes, url_prefix=PREFIX)
    for further, prefix in deps.further_routes:
        app.register_blueprint(further, url_prefix=prefix)
    app.register_blueprint(metrics_routes(deps.all_metrics, name="root_metrics"))
    app.register_blueprint(probe_routes(deps.readiness))
    app.register_blueprint(reference_routes())
    return app


def _watch_requests(app: Flask, metrics: GatewayMetrics) -> None:
    """Names, times, counts and logs every request."""

    @app.before_request
    def begin() -> None:
        noted = current_facts()
        noted.started = time.perf_counter()
        noted.request_id = request_id = new_job_id()
        CONTEXT.set(lambda: {"request_id": request_id})

    @app.after_request
    def end(response: Response) -> Response:
        asked, noted = current_request(), current_facts()
        seconds = time.perf_counter() - noted.started
        # The rule, not the path: the paths that one may ask for are endless.
        route, method = (asked.url_rule.rule, asked.method) if asked.url_rule else ("unknown", "any")
        metrics.count_request(method, route, response.status_code, seconds=seconds)
        # Probes and followers ask all the time, and an accepted job has a line of its own; what else changes something,
        # or goes wrong, is worth one.
        worth_a_line = response.status_code >= 400 or may_change(app, asked)
        level = logging.INFO if worth_a_line else logging.DEBUG
        if log.is_enabled_for(level):
            told = {"method": method, "route": route, "status": response.status_code, "ms": round(seconds * 1000)}
            log.log(level, "request.answered", **told)
        response.headers["X-Request-Id"] = noted.request_id
        return response
