"""The recording rules of what users may expect: one ratio of errors per objective, queue and window.

The method is that of the Site Reliability Workbook, chapter 5, "Alerting on SLOs": an error ratio is recorded over
several windows, and an alert compares it over a long and a short one with a multiple of what the objective allows.
"""

from typing import Any, Final

from deploy.workloads import Worker

WINDOWS: Final = ("5m", "30m", "1h", "6h", "3d")
"""Over how long ratios are recorded: the long and short windows of the burn-rate alerts."""


def objective_rules(workers: tuple[Worker, ...]) -> dict[str, Any]:
    """The rule file of all queues' objectives."""
    return {
        "groups": [
            {"name": "tuco-limits", "interval": "60s", "rules": [_too_old(worker) for worker in workers]},
            *({"name": f"tuco-objectives-{window}", "rules": _ratios(workers, window)} for window in WINDOWS),
        ]
    }


def _too_old(worker: Worker) -> dict[str, Any]:
    """A queue's limit as a series, so that one alert serves all queues."""
    return {
        "record": "tuco:queue_oldest_waiting:limit_seconds",
        "expr": f"vector({int(worker.objective.too_old.total_seconds())})",
        "labels": {"queue": worker.queue},
    }


def _ratios(workers: tuple[Worker, ...], window: str) -> list[dict[str, Any]]:
    ended = f'sum by (queue) (rate(tuco_jobs_total{{outcome=~"completed|failed"}}[{window}]))'
    return [
        *(_late_starts(worker, window) for worker in workers),
        {
            "record": f"tuco:job_failures:ratio_rate{window}",
            # Where none has failed yet there is no series of failures, and the ratio is 0, not unknown.
            "expr": (
                f'(sum by (queue) (rate(tuco_jobs_total{{outcome="failed"}}[{window}])) or 0 * {ended}) / {ended}'
            ),
        },
    ]


def _late_starts(worker: Worker, window: str) -> dict[str, Any]:
    bound = worker.objective.starts_within.total_seconds()
    queue = f'queue="{worker.queue}"'
    return {
        "record": f"tuco:job_late_starts:ratio_rate{window}",
        "expr": (
            f'1 - sum(rate(tuco_job_wait_seconds_bucket{{{queue},le="{bound}"}}[{window}]))'
            f" / sum(rate(tuco_job_wait_seconds_count{{{queue}}}[{window}]))"
        ),
        "labels": {"queue": worker.queue},
    }
