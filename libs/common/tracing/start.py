"""Turns tracing on, where the settings ask for it."""

from importlib.util import find_spec

from libs.common.errors import SettingsError
from libs.common.settings import Settings
from libs.common.tracing import switch


def check_tracing(settings: Settings) -> None:
    """Refuses settings that ask for traces where there is nothing to make them with.

    Raises:
        SettingsError: OpenTelemetry is not installed.
    """
    if settings.otel_exporter_otlp_endpoint and find_spec("opentelemetry") is None:
        raise SettingsError(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, but OpenTelemetry is not installed: it should not be set, or the "
            "extra tuco-jobs[tracing] be installed"
        )


def start_tracing(settings: Settings, *, service: str) -> None:
    """Traces from now on if ``OTEL_EXPORTER_OTLP_ENDPOINT`` is set; to be called once, in the process that works.

    Args:
        settings: name the collector.
        service: the service's name.

    Raises:
        SettingsError: OpenTelemetry is not installed.
    """
    if not settings.otel_exporter_otlp_endpoint:
        return
    check_tracing(settings)
    from libs.common.tracing.spans import tracing_to

    switch.tracing = tracing_to(settings.otel_exporter_otlp_endpoint, service=service)
