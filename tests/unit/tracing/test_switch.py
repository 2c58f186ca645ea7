"""Tracing that is off costs a look at an attribute; on, it needs what it needs, and says so."""

import subprocess
import sys
from collections.abc import Callable
from timeit import repeat

import pytest

from libs.common.broker.enqueue import job_from
from libs.common.broker.record import record_of, split_record
from libs.common.errors import SettingsError
from libs.common.jobs.message_processing import MESSAGE_PROCESSING, MessageProcessing
from libs.common.settings import Settings, load_settings
from libs.common.tracing import start, switch
from libs.common.tracing.start import start_tracing

SERVICES = ("gateway", "scheduler", "messaging", "availability", "sync")
COLLECTOR = "http://127.0.0.1:4318"


def test_no_service_imports_what_makes_and_sends_traces_while_tracing_is_off() -> None:
    # pymongo and redis-py look for OpenTelemetry's interfaces themselves, wherever it is installed.
    program = "import sys, importlib\n" + "".join(
        f"importlib.import_module('services.{name}.bootstrap')\n" for name in SERVICES
    )
    program += (
        "makers = ('opentelemetry.sdk.trace', 'opentelemetry.exporter', 'libs.common.tracing.spans')\n"
        "print([name for name in sys.modules if name.startswith(makers)])"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.strip() == "[]"


def test_a_job_carries_nothing_while_tracing_is_off() -> None:
    payload = MessageProcessing(message_id="0" * 24, workspace_id="w")
    job = job_from(MESSAGE_PROCESSING, payload, job_id="j")
    assert dict(job.message_options) == {}
    _line, body = split_record(record_of(job, created_ms=0))
    assert "traceparent" not in body.options


def test_what_runs_in_another_thread_is_not_wrapped_while_tracing_is_off() -> None:
    assert switch.bound(len) is len


def test_a_look_at_the_switch_takes_less_than_a_microsecond() -> None:
    def best(function: Callable[[], object]) -> float:
        return min(repeat(function, number=10_000, repeat=5)) / 10_000

    assert best(switch.carried) < 1e-6


def test_tracing_stays_off_where_no_collector_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switch, "tracing", None)
    start_tracing(Settings(), service="test")
    assert switch.tracing is None


def test_a_process_without_opentelemetry_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switch, "tracing", None)
    monkeypatch.setattr(start, "find_spec", lambda _name: None)
    with pytest.raises(SettingsError, match=r"tuco-jobs\[tracing\]"):
        start_tracing(Settings(otel_exporter_otlp_endpoint=COLLECTOR), service="test")


def test_a_collectors_address_is_checked_at_start() -> None:
    with pytest.raises(SettingsError, match="OTEL_EXPORTER_OTLP_ENDPOINT is wrong"):
        load_settings({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317"})
    assert load_settings({"OTEL_EXPORTER_OTLP_ENDPOINT": COLLECTOR}).otel_exporter_otlp_endpoint == COLLECTOR
