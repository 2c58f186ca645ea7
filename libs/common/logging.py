"""The one logger set-up: structured events, JSON in containers and readable on a terminal.

Events are past-tense nouns with fields (``job.retried attempt=3 delay_ms=8000``). While a job runs, its ``job_id``,
``queue`` and ``workspace_id`` are in every line that its code logs, because they are bound to the context.
"""

import logging
import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TextIO

import structlog

from libs.common.settings import Settings
from libs.common.tracing import switch

CONTEXT: ContextVar[Callable[[], Mapping[str, str]] | None] = ContextVar("log_context", default=None)
"""Answers the fields of what this thread or task is doing; asked only when a line is logged."""

Logger = structlog.stdlib.BoundLogger

# Without the values of local variables: they hold tokens, passwords and what leads are called.
_TRACEBACKS = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))


def get_logger(name: str) -> Logger:
    """The logger of a module."""
    logger: Logger = structlog.stdlib.get_logger(name)
    return logger


def set_up_logging(settings: Settings, *, service: str, stream: TextIO | None = None) -> None:
    """Sends everything, the libraries' records too, through one formatter to one stream.

    Args:
        settings: gives format and level.
        service: the field ``service`` of every line.
        stream: where lines go; standard error by default.
    """
    out = stream or sys.stderr
    as_json = settings.log_format == "json" or (settings.log_format == "auto" and not out.isatty())

    def name_service(_logger: object, _method: str, event: MutableMapping[str, object]) -> MutableMapping[str, object]:
        event.setdefault("service", service)
        return event

    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        _merge_context,
        *([_name_trace] if settings.otel_exporter_otlp_endpoint else []),
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        name_service,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback)
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *([_TRACEBACKS] if as_json else []),
            renderer,
        ],
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    for chatty in ("pymongo", "aiohttp.access", "httpx", "httpcore", "asyncio", "apscheduler"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


@contextmanager
def job_context(*, job_id: str, queue: str, workspace_id: str = "") -> Iterator[None]:
    """Binds a job's names to every line logged inside."""
    fields = {"job_id": job_id, "queue": queue}
    if workspace_id:
        fields["workspace_id"] = workspace_id
    token = CONTEXT.set(lambda: fields)
    try:
        yield
    finally:
        CONTEXT.reset(token)


def _merge_context(_logger: object, _method: str, event: MutableMapping[str, object]) -> MutableMapping[str, object]:
    if fields := CONTEXT.get():
        for name, value in fields().items():
            event.setdefault(name, value)
    return event


def _name_trace(_logger: object, _method: str, event: MutableMapping[str, object]) -> MutableMapping[str, object]:
    if switch.tracing is not None and (trace_id := switch.tracing.trace_id()):
        event.setdefault("trace_id", trace_id)
    return event
