"""The page of metrics is what the metrics say of themselves."""

from tests.unit.deploy.metrics_reference import PAGE, described, page


def test_the_page_is_as_it_is_written_from_the_metrics() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.unit.deploy.metrics_reference"


def test_what_the_operators_of_this_system_ask_for_is_there() -> None:
    there = {metric.name for metrics in described().values() for metric in metrics}
    assert there >= {
        "tuco_jobs_total",
        "tuco_job_wait_seconds",
        "tuco_job_run_seconds",
        "tuco_job_attempts_total",
        "tuco_queue_jobs",
        "tuco_queue_oldest_waiting_seconds",
        "tuco_queue_events_total",
        "tuco_late_acknowledgements_refused_total",
        "tuco_rate_limit_moves_total",
        "tuco_provider_calls_total",
        "tuco_lines",
        "tuco_lines_checked_timestamp_seconds",
        "tuco_messages_open",
        "tuco_schedule_lateness_seconds",
        "tuco_reconciler_jobs_total",
        "tuco_ledger_open_jobs",
        "tuco_sync_rows_total",
        "tuco_sync_runs_total",
        "tuco_build_info",
    }


def test_every_metric_says_what_it_tells() -> None:
    assert [metric.name for metrics in described().values() for metric in metrics if len(metric.about) < 10] == []
