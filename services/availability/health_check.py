"""The health check: every active line, side by side, each with a deadline; what has changed is told."""

import asyncio
from collections import Counter
from itertools import product
from typing import Any, Final

from prometheus_client import Counter as Metric
from prometheus_client import Gauge, Histogram

from libs.common.broker.actors import JobBroker, JobContext, job_actor
from libs.common.jobs.contract import TickPayload
from libs.common.jobs.health_check import HEALTH_CHECK
from libs.common.logging import get_logger
from libs.common.offload import Offload
from libs.common.stores.line_health import LineHealthStore, LineLook, WatchedLine
from libs.common.stores.lines import HealthStatus
from services.availability.health_probe import Probe
from services.availability.health_rules import next_health

log = get_logger(__name__)

AT_ONCE: Final = 200

_UNKNOWN: Final = "unknown"

LINES = Gauge("tuco_lines", "Active lines by health, as of the last check by this process", ["health"])
CHECKED_TIMESTAMP_SECONDS = Gauge(
    "tuco_lines_checked_timestamp_seconds",
    "When this process last checked all lines, in Unix time; 0 for never. Of several processes the latest knows best",
)
TRANSITIONS = Metric("tuco_line_transitions_total", "Lines whose health has changed", ["before", "after"])
LATENCY_SECONDS = Histogram(
    "tuco_line_latency_seconds",
    "How long lines took to answer the health check",
    ["provider"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


class HealthCheck:
    """Checks all lines.

    Args:
        store: which lines there are, and how they are.
        probe: looks at one.
        offload: where blocking calls run.
    """

    def __init__(self, store: LineHealthStore, probe: Probe, offload: Offload) -> None:
        self._store = store
        self._probe = probe
        self._offload = offload

    async def run_once(self) -> dict[str, int]:
        """Looks at every active line and stores what it is like; answers how many are how.

        Raises:
            StoreUnavailable: MongoDB is away.
        """
        watched = await self._offload.run(self._store.watched)
        gate = asyncio.Semaphore(AT_ONCE)

        async def look(line: WatchedLine) -> LineLook:
            async with gate:
                return await self._look(line)

        looks = await asyncio.gather(*map(look, watched))
        await self._offload.run(self._store.record, looks)
        for one in looks:
            if one.is_transition:
                _tell(one)
        counts = Counter(one.health.status for one in looks)
        for status in HealthStatus:
            LINES.labels(status.value).set(counts[status])
        CHECKED_TIMESTAMP_SECONDS.set_to_current_time()
        return {status.value: counts[status] for status in HealthStatus}

    async def check(self, _payload: TickPayload, _job: JobContext) -> dict[str, Any]:
        """The job ``health-check``."""
        counts = await self.run_once()
        log.info("lines.checked", **counts)
        return counts

    async def _look(self, watched: WatchedLine) -> LineLook:
        look = await self._probe.look(watched.line)
        if look.latency_ms is not None:
            LATENCY_SECONDS.labels(watched.line.provider).observe(look.latency_ms / 1000)
        return LineLook(
            line_id=watched.line.line_id,
            workspace_id=watched.line.workspace_id,
            health=next_health(watched.health, look),
            before=watched.health.status if watched.health else None,
            version=look.version,
        )


def _tell(look: LineLook) -> None:
    before = look.before.value if look.before else _UNKNOWN
    TRANSITIONS.labels(before, look.health.status.value).inc()
    log.warning(
        "line.health_changed",
        line_id=look.line_id,
        workspace_id=look.workspace_id,
        before=before,
        after=look.health.status.value,
        reason=look.health.reason,
    )


def declare(check: HealthCheck, broker: JobBroker) -> None:
    """Makes the broker run ``health-check`` here, and shows that nothing has changed yet."""
    for before, after in product((_UNKNOWN, *(status.value for status in HealthStatus)), HealthStatus):
        if before != after.value:
            TRANSITIONS.labels(before, after.value)
    job_actor(HEALTH_CHECK, broker=broker)(check.check)
