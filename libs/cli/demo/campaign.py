"""The second act: a campaign of scheduled messages, with a line, a worker and Redis failing in the middle."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
from bson import ObjectId
from pymongo.database import Database

from libs.cli.demo.audit import Check
from libs.cli.demo.campaign_audit import CampaignEvidence, Sending, audit_campaign
from libs.cli.demo.installation import Stage, installation
from libs.cli.failures import CommandFailed
from libs.cli.services import GATEWAY, MESSAGING, SCHEDULED_MESSAGES, SCHEDULER
from libs.cli.simulators import DEMO_WORKSPACE, SimulatorSettings
from libs.cli.stack import Stack
from libs.cli.supervisor import Supervisor
from libs.common.jobs.scheduled_messages import SCHEDULED_MESSAGES as TICK
from libs.common.stores.collections import LINES, MESSAGES
from libs.common.stores.mongo import Document
from libs.common.stores.schedules import Schedule, ScheduleStore

_POLL_S = 0.25
_UNFINISHED = ("scheduled", "queued", "sending")


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignScale:
    """How large the campaign is.

    Args:
        messages: how many messages are due at once.
        lines: over how many lines.
        per_minute: how many a line may send in a minute.
        workers: how many processes send; one of them is killed.
        line_down_s: for how long a line is away.
        patience_s: after how many seconds it must be over.
    """

    messages: int = 500
    lines: int = 6
    per_minute: int = 80
    workers: int = 2
    line_down_s: float = 15.0
    patience_s: float = 300.0

    def settings(self) -> dict[str, str]:
        """What the services are told."""
        return {
            "LEASE_MS": "3000",
            "WORKER_CONCURRENCY": "8",
            "SEND_TIMEOUT_MS": "5000",
            "BLUEBUBBLES_SETTLE_MS": "6000",
            "REQUEUE_AFTER_MS": "5000",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignOutcome:
    """What the campaign came to.

    Args:
        evidence: everything that is known of it.
        seconds: from the first tick to the last message.
        checks: everything that must hold.
    """

    evidence: CampaignEvidence
    seconds: float
    checks: Sequence[Check]


def demonstrate_campaign(scale: CampaignScale, supervisor: Supervisor, stage: Stage) -> CampaignOutcome:
    """Run it all, in an installation of its own.

    Raises:
        CommandFailed: it could not be run to its end; the message says at which point.
        EmbeddedServerError: a store could not be started.
    """
    opened = installation(
        (GATEWAY, SCHEDULER, MESSAGING, SCHEDULED_MESSAGES),
        supervisor,
        stage,
        simulators=SimulatorSettings(lines=scale.lines, latency_ms=50.0, available_ratio=1.0),
        processes={MESSAGING.name: scale.workers},
        settings=scale.settings(),
    )
    with opened as stack:
        if stack.simulator is None:
            raise CommandFailed("The simulated provider does not run.")
        with httpx.Client(base_url=stack.simulator.admin_url, timeout=10.0, trust_env=False) as provider:
            database = stack.database()
            try:
                return _Campaign(scale, stack, provider, database, stage).run()
            finally:
                database.client.close()


class _Campaign:
    def __init__(
        self, scale: CampaignScale, stack: Stack, provider: httpx.Client, database: Database[Document], stage: Stage
    ) -> None:
        self._scale = scale
        self._stack = stack
        self._provider = provider
        self._database = database
        self._stage = stage
        simulated = stack.simulator.lines if stack.simulator else ()
        self._lines = [line.name for line in simulated]

    def run(self) -> CampaignOutcome:
        """Write the messages, let the tick come, break things, and judge."""
        limits = {"perMinute": self._scale.per_minute, "perDay": 1_000, "newConversationsPerDay": 1_000}
        self._database[LINES].update_many({"workspaceId": DEMO_WORKSPACE}, {"$set": {"limits": limits}})
        self._insert()
        began = time.monotonic()
        self._let_the_tick_come()
        blows = [
            (0.15, self._take_a_line_down),
            (0.35, self._kill_a_worker),
            (0.55, self._kill_redis),
        ]
        self._watch(blows, began)
        evidence = self._evidence()
        return CampaignOutcome(evidence=evidence, seconds=time.monotonic() - began, checks=audit_campaign(evidence))

    def _insert(self) -> None:
        now = datetime.now(UTC)
        documents = [
            {
                "_id": ObjectId(),
                "workspaceId": DEMO_WORKSPACE,
                "campaignId": "spring",
                "to": f"+1646{2_000_000 + number}",
                "text": f"Hello! This is message {number} of the demonstration.",
                "status": "scheduled",
                "scheduledAt": now,
                "createdAt": now,
                "updatedAt": now,
            }
            for number in range(self._scale.messages)
        ]
        self._database[MESSAGES].insert_many(documents)
        self._stage.say(
            f"{len(documents):,} messages are due, each to another person, over {self._scale.lines} lines that may "
            f"send {self._scale.per_minute} a minute"
        )

    def _let_the_tick_come(self) -> None:
        """The scheduler finds that it has missed a tick, and makes it good at once; else it would be up to a minute."""
        missed = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=1)
        ScheduleStore(self._database).put(
            Schedule(name=TICK.job_type, job_type=TICK.job_type, cron="* * * * *", last_tick_at=missed)
        )
        self._stack.initialize()

    def _watch(self, blows: list[tuple[float, Callable[[], None]]], began: float) -> None:
        while True:
            gone = self._scale.messages - self._unfinished()
            while blows and gone >= blows[0][0] * self._scale.messages:
                blows.pop(0)[1]()
            if gone == self._scale.messages:
                return
            if time.monotonic() - began > self._scale.patience_s:
                raise CommandFailed(f"The campaign was not over within {self._scale.patience_s:g} s; {gone} were done.")
            time.sleep(_POLL_S)

    def _unfinished(self) -> int:
        return self._database[MESSAGES].count_documents({"status": {"$in": list(_UNFINISHED)}})

    def _take_a_line_down(self) -> None:
        name = self._lines[2]
        self._provider.post(f"/lines/{name}/down", json={"seconds": self._scale.line_down_s}).raise_for_status()
        self._stage.say(f"{name} refuses connections for {self._scale.line_down_s:g} s; new conversations go elsewhere")

    def _kill_a_worker(self) -> None:
        victim = self._stack.workers[MESSAGING.name][-1]
        pid = victim.pid
        self._stage.say(f"kill -9 of {victim.name} (process {pid})")
        victim.kill()

    def _kill_redis(self) -> None:
        redis = self._stack.redis
        if redis is not None:
            redis.kill()
            self._stage.say("kill -9 of Redis")
            redis.start()
            self._stage.say("Redis runs again; nobody is told, and everybody goes on")

    def _evidence(self) -> CampaignEvidence:
        found = self._provider.get("/deliveries", params={"limit": 10 * self._scale.messages}).raise_for_status().json()
        statuses = Counter(str(message["status"]) for message in self._database[MESSAGES].find({}, {"status": 1}))
        return CampaignEvidence(
            due=self._scale.messages,
            statuses=statuses,
            sendings=[Sending(d["at"], d["target"], d["reference"]) for d in found["deliveries"]],
            per_minute=self._scale.per_minute,
            lines=self._lines,
        )
