"""The boards: what each shows, in the order in which somebody who was called looks for the cause."""

from typing import Final

from deploy.grafana.model import Board, Panel, Query, Variable

_RATE: Final = "$__rate_interval"


def _quantiles(metric: str, where: str = "", by: str = "") -> tuple[Query, ...]:
    """The median and the slow ends of a histogram."""
    labels = f"le, {by}" if by else "le"
    name = f"{{{{{by}}}}} " if by else ""
    return tuple(
        Query(
            f"histogram_quantile({share}, sum by ({labels}) (rate({metric}_bucket{where}[{_RATE}])))",
            f"{name}p{share * 100:g}",
        )
        for share in (0.5, 0.95, 0.99)
    )


def _rates(metric: str, *by: str, where: str = "") -> tuple[Query, ...]:
    """How many a second, told apart by labels."""
    rate = f"sum by ({', '.join(by)}) (rate({metric}{where}[{_RATE}]))"
    return (Query(rate, " ".join(f"{{{{{label}}}}}" for label in by)),)


_MESSAGES: Final = Panel(
    title="Messages by outcome",
    unit="ops",
    stacked=True,
    queries=_rates("tuco_messages_total", "outcome"),
)

OVERVIEW: Final = Board(
    name="overview",
    title="Overview",
    about="Is everything well, and if not, where to look?",
    panels=(
        Panel(
            title="Stores",
            kind="stat",
            width=4,
            queries=(Query("max(tuco_redis_up)", "Redis"), Query("max(tuco_mongodb_up)", "MongoDB")),
            about="1 where a gateway can ask it.",
        ),
        Panel(
            title="Processes that answer",
            kind="stat",
            width=4,
            queries=(Query("count(sum by (service, instance) (process_start_time_seconds))"),),
        ),
        Panel(
            title="Unfinished jobs",
            kind="stat",
            width=4,
            queries=(Query('sum(tuco:queue_jobs:max{state!~"completed|failed"})'),),
        ),
        Panel(
            title="Dead letters",
            kind="stat",
            width=4,
            queries=(Query('sum(tuco:queue_jobs:max{state="failed"})'),),
            about="Jobs that wait for a person; docs/runbooks/dead-letters.md.",
        ),
        Panel(
            title="Uncertain messages",
            kind="stat",
            width=4,
            queries=(Query('max(tuco_messages_open{status="uncertain"})'),),
            about="Messages of which nobody knows whether they went out; docs/runbooks/messages-uncertain.md.",
        ),
        Panel(
            title="Requests answered with an error of ours",
            kind="stat",
            unit="percentunit",
            width=4,
            queries=(Query("tuco:http_errors:ratio_rate5m"),),
        ),
        Panel(
            title="Jobs started late",
            unit="percentunit",
            queries=(Query("tuco:job_late_starts:ratio_rate5m", "{{queue}}"),),
            about="The share of jobs that started later than the queue's users may expect; 1 % is allowed.",
        ),
        Panel(
            title="Jobs that became dead letters",
            unit="percentunit",
            queries=(Query("tuco:job_failures:ratio_rate5m", "{{queue}}"),),
            about="Of all jobs that ended; 1 % is allowed.",
        ),
        Panel(
            title="Oldest waiting job",
            unit="s",
            queries=(Query("tuco:queue_oldest_waiting_seconds:max", "{{queue}}"),),
        ),
        Panel(
            title="Waiting jobs",
            queries=(Query('sum by (queue) (tuco:queue_jobs:max{state=~"waiting|prioritized"})', "{{queue}}"),),
        ),
        Panel(
            title="Jobs by outcome",
            unit="ops",
            stacked=True,
            queries=(Query("sum by (outcome) (tuco:jobs:rate5m)", "{{outcome}}"),),
        ),
        _MESSAGES,
        Panel(
            title="Open jobs of the ledger",
            queries=(Query("max(tuco_ledger_open_jobs)", "open"),),
            about="Accepted and not ended, in whatever state; counted up to 10,000.",
        ),
        Panel(
            title="Releases",
            queries=(Query("count by (service, version) (tuco_build_info)", "{{service}} {{version}}"),),
            about="How many processes of each service run which release.",
        ),
    ),
)

QUEUE: Final = Board(
    name="queue",
    title="Queue",
    about="How one queue fares: does work come faster than it goes, and what becomes of it?",
    variables=(Variable(name="queue", metric="tuco_queue_jobs", label="queue"),),
    panels=(
        Panel(
            title="Jobs by state",
            stacked=True,
            queries=(Query('tuco:queue_jobs:max{queue="$queue",state!="completed"}', "{{state}}"),),
        ),
        Panel(
            title="Oldest waiting job",
            unit="s",
            queries=(
                Query('tuco:queue_oldest_waiting_seconds:max{queue="$queue"}', "oldest"),
                Query('tuco:queue_oldest_waiting:limit_seconds{queue="$queue"}', "somebody is called"),
            ),
        ),
        Panel(
            title="In and out",
            unit="ops",
            queries=(Query('tuco:queue_events:rate5m{queue="$queue"}', "{{event}}"),),
            about="More added than completed for long: more processes, or a limit of lines or CRMs.",
        ),
        Panel(
            title="Runs by outcome",
            unit="ops",
            stacked=True,
            queries=(
                Query('sum by (job_type, outcome) (tuco:jobs:rate5m{queue="$queue"})', "{{job_type}} {{outcome}}"),
            ),
        ),
        Panel(
            title="Wait until the first start",
            unit="s",
            queries=_quantiles("tuco_job_wait_seconds", '{queue="$queue"}'),
        ),
        Panel(
            title="Waits",
            unit="s",
            kind="heatmap",
            queries=(
                Query(
                    f'sum by (le) (increase(tuco_job_wait_seconds_bucket{{queue="$queue"}}[{_RATE}]))',
                    "{{le}}",
                ),
            ),
        ),
        Panel(
            title="Run time",
            unit="s",
            queries=_quantiles("tuco_job_run_seconds", '{queue="$queue"}', by="job_type"),
        ),
        Panel(
            title="Attempts per ended job",
            queries=(
                Query(
                    f'sum by (job_type) (rate(tuco_job_attempts_total{{queue="$queue"}}[{_RATE}]))'
                    " / sum by (job_type) "
                    f'(rate(tuco_jobs_total{{queue="$queue",outcome=~"completed|failed"}}[{_RATE}]))',
                    "{{job_type}}",
                ),
            ),
            about="1 where everything succeeds at once.",
        ),
        Panel(
            title="Lost leases",
            unit="ops",
            queries=(
                Query('tuco:queue_events:rate5m{queue="$queue",event="stalled"}', "a worker died or fell silent"),
                Query(
                    f'sum(rate(tuco_late_acknowledgements_refused_total{{queue="$queue"}}[{_RATE}]))',
                    "an outcome came too late",
                ),
            ),
        ),
        Panel(
            title="Moved by a limit",
            unit="ops",
            queries=(Query(f'max(rate(tuco_rate_limit_moves_total{{queue="$queue"}}[{_RATE}]))', "moves"),),
            about="Jobs that a rate or a limit of jobs at once moved to a later time; they hold no worker meanwhile.",
        ),
        Panel(
            title="Started late",
            unit="percentunit",
            queries=(
                Query('tuco:job_late_starts:ratio_rate5m{queue="$queue"}', "5 minutes"),
                Query('tuco:job_late_starts:ratio_rate1h{queue="$queue"}', "an hour"),
                Query('tuco:job_late_starts:ratio_rate6h{queue="$queue"}', "six hours"),
            ),
        ),
    ),
)

LINE: Final = Board(
    name="line",
    title="Lines and messages",
    about="Do messages go out, how fast do providers answer, and what holds messages back?",
    panels=(
        Panel(
            title="Lines by health",
            stacked=True,
            queries=(Query("tuco:lines:latest", "{{health}}"),),
        ),
        Panel(
            title="Time since the last check of all lines",
            unit="s",
            queries=(Query("time() - max(tuco_lines_checked_timestamp_seconds > 0)", "since"),),
            about="Five minutes at most while schedules and workers are well.",
        ),
        Panel(
            title="Messages in hand",
            stacked=True,
            queries=(Query("max by (status) (tuco_messages_open)", "{{status}}"),),
            about="scheduled, queued and sending pass; uncertain waits for a person. Counted up to 10,000 each.",
        ),
        Panel(
            title="Calls to providers",
            unit="ops",
            stacked=True,
            queries=_rates("tuco_provider_calls_total", "provider", "outcome"),
        ),
        _MESSAGES,
        Panel(
            title="What holds messages back",
            unit="ops",
            stacked=True,
            queries=_rates("tuco_messages_total", "reason", where='{outcome="waits"}'),
            about="line_per_minute and line_per_day are limits at work; line_down and no_line are trouble.",
        ),
        Panel(
            title="A provider's answer to a send",
            unit="s",
            queries=_quantiles("tuco_message_send_seconds", by="provider"),
        ),
        Panel(
            title="Answers to sends",
            unit="ops",
            stacked=True,
            queries=_rates("tuco_message_send_seconds_count", "provider", "answer"),
        ),
        Panel(
            title="Lines that changed",
            queries=(
                Query(
                    f"sum by (before, after) (increase(tuco_line_transitions_total[{_RATE}]))", "{{before}} → {{after}}"
                ),
            ),
            about="down: nothing is sent through the line; docs/runbooks/line-down.md.",
        ),
        Panel(
            title="A line's answer to the health check",
            unit="s",
            queries=_quantiles("tuco_line_latency_seconds", by="provider"),
        ),
        Panel(
            title="Doubts, and how they were settled",
            unit="ops",
            stacked=True,
            queries=_rates("tuco_messages_reconciled_total", "decision"),
            about="Messages of which it was not known whether they went out.",
        ),
        Panel(
            title="How late due messages are queued",
            unit="s",
            queries=_quantiles("tuco_due_lateness_seconds"),
        ),
        Panel(
            title="How long after a stop a message still left",
            unit="s",
            queries=_quantiles("tuco_message_left_after_stop_seconds"),
        ),
        Panel(
            title="Messages whose job was made anew",
            unit="ops",
            queries=_rates("tuco_messages_requeued_total", "status"),
        ),
    ),
)

_SYNC: Final = '{queue="integration-sync"}'

SYNC: Final = Board(
    name="sync",
    title="Integration syncs",
    about="Do syncs run, how long do they take, and what becomes of them?",
    panels=(
        Panel(
            title="Syncs by state",
            stacked=True,
            queries=(Query('tuco:queue_jobs:max{queue="integration-sync",state!="completed"}', "{{state}}"),),
        ),
        Panel(
            title="Oldest waiting sync",
            unit="s",
            queries=(Query(f"tuco:queue_oldest_waiting_seconds:max{_SYNC}", "oldest"),),
        ),
        Panel(
            title="Attempts by outcome",
            unit="ops",
            stacked=True,
            queries=(Query(f"sum by (outcome) (tuco:jobs:rate5m{_SYNC})", "{{outcome}}"),),
            about="deferred: a run rests at its checkpoint, for a CRM's rate limit or to let another run work.",
        ),
        Panel(
            title="Rows by outcome",
            unit="ops",
            stacked=True,
            queries=_rates("tuco_sync_rows_total", "outcome"),
            about="failed: rows that could not become a lead; the run says why.",
        ),
        Panel(
            title="Ended runs",
            queries=(Query(f"sum by (status) (increase(tuco_sync_runs_total[{_RATE}]))", "{{status}}"),),
        ),
        Panel(
            title="Calls to CRMs",
            unit="ops",
            stacked=True,
            queries=_rates(
                "tuco_provider_calls_total",
                "provider",
                "outcome",
                where='{provider=~"hubspot|salesforce|google-sheets"}',
            ),
        ),
        Panel(
            title="Length of an attempt",
            unit="s",
            queries=_quantiles("tuco_job_run_seconds", _SYNC),
        ),
    ),
)

_PROCESS: Final = '{service="$service"}'

SERVICE: Final = Board(
    name="service",
    title="Service",
    about="How the processes of one service are: alive, large, busy?",
    variables=(Variable(name="service", metric="process_start_time_seconds", label="service"),),
    panels=(
        Panel(
            title="Time since start",
            unit="s",
            queries=(Query(f"time() - process_start_time_seconds{_PROCESS}", "{{instance}}"),),
            about="What keeps falling to 0 is killed again and again: look for OOMKilled.",
        ),
        Panel(
            title="CPU",
            unit="short",
            queries=(Query(f"rate(process_cpu_seconds_total{_PROCESS}[{_RATE}])", "{{instance}}"),),
            about="Cores. Python runs one thread at a time: a worker at 1 is full, and needs company.",
        ),
        Panel(
            title="Memory",
            unit="bytes",
            queries=(Query(f"process_resident_memory_bytes{_PROCESS}", "{{instance}}"),),
        ),
        Panel(
            title="Open files and connections",
            queries=(Query(f"process_open_fds{_PROCESS}", "{{instance}}"),),
        ),
        Panel(
            title="Requests by route",
            unit="ops",
            queries=_rates("tuco_http_requests_total", "route", "status", where=_PROCESS),
            about="The gateway only.",
        ),
        Panel(
            title="Answer time by route",
            unit="s",
            queries=(
                Query(
                    "histogram_quantile(0.95, sum by (le, route) "
                    f"(rate(tuco_http_request_seconds_bucket{_PROCESS}[{_RATE}])))",
                    "{{route}} p95",
                ),
            ),
            about="The gateway only.",
        ),
        Panel(
            title="Open jobs, and what the reconciler did with them",
            unit="ops",
            queries=_rates("tuco_reconciler_jobs_total", "outcome", where=_PROCESS),
            about="The gateway only. enqueued: accepted, unfinished, and Redis did not know it.",
        ),
        Panel(
            title="Ticks of schedules",
            unit="ops",
            queries=_rates("tuco_schedule_ticks_total", "schedule", "outcome", where=_PROCESS),
            about="The scheduler only.",
        ),
    ),
)

BOARDS: Final = (OVERVIEW, QUEUE, LINE, SYNC, SERVICE)
"""All of them."""
