"""The demonstration from start to end: an installation, 2,000 leads, a job, a crash in the middle, and the audit."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bson import ObjectId
from pymongo.database import Database

from libs.cli.demo.audit import Answer, Check, Evidence, audit, outcomes_of, repeats_of
from libs.cli.demo.crash import Assassin, Crash
from libs.cli.demo.installation import Stage, installation
from libs.cli.demo.people import Person, make_people
from libs.cli.demo.provider import ProviderCounts
from libs.cli.failures import CommandFailed
from libs.cli.following import Pace, watch
from libs.cli.jobs import JobAnswer, progress_of, read_job
from libs.cli.services import BULK_AVAILABILITY as SERVICE
from libs.cli.services import GATEWAY
from libs.cli.simulators import DEMO_WORKSPACE, Simulator, SimulatorSettings
from libs.cli.stack import Stack
from libs.cli.supervisor import Supervisor
from libs.common.broker.connection import connect_redis
from libs.common.broker.queue import JobQueue
from libs.common.jobs.bulk_availability import BULK_AVAILABILITY
from libs.common.jobs.states import JobState
from libs.common.stores.collections import LEADS
from libs.common.stores.mongo import Document
from libs.simulators.reachability import AvailabilityRule, Reachability

_PACE = Pace(first_s=0.1, longest_s=0.1)
_STRIKE_FROM, _STRIKE_UNTIL = 0.3, 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How large the demonstration is.

    Args:
        leads: how many leads.
        lines: how many simulated lines.
        latency_ms: how long the provider takes to answer.
        workers: how many processes work on the run; one of them is killed.
        chunk_size: leads per chunk.
        concurrency: chunks that a worker has in hand at once.
        rate_per_line: questions a second to one line.
        lease_ms: how long a dead worker's chunks stay its own.
        seed: fixes who the leads are, and whom iMessage reaches.
    """

    leads: int = 2_000
    lines: int = 4
    latency_ms: float = 20.0
    workers: int = 2
    chunk_size: int = 50
    concurrency: int = 2
    rate_per_line: float = 100.0
    lease_ms: int = 3_000
    seed: int = 7

    @property
    def patience_s(self) -> float:
        """Seconds that the run may take: three times what the lines' rates alone ask for, and time to recover."""
        return 30.0 + 3 * self.leads / (self.lines * self.rate_per_line)

    def settings(self) -> dict[str, str]:
        """What the services are told."""
        return {
            "LEASE_MS": str(self.lease_ms),
            "AVAILABILITY_CHUNK_SIZE": str(self.chunk_size),
            "AVAILABILITY_RATE_PER_LINE": str(self.rate_per_line),
            "WORKER_CONCURRENCY": str(self.concurrency),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the demonstration came to.

    Args:
        outcomes: leads by outcome.
        seconds: from the request to the job's end.
        calls: questions that the provider got.
        distinct: handles that it was asked about.
        repeats: questions about a handle asked before, of a lead in the killed worker's hands.
        other_repeats: questions about a handle asked before, of any other lead.
        crash: what was killed.
        recovered_s: seconds from the kill until other hands had its chunks.
        checks: everything that must hold.
    """

    outcomes: Counter[str]
    seconds: float
    calls: int
    distinct: int
    repeats: int
    other_repeats: int
    crash: Crash
    recovered_s: float
    checks: Sequence[Check]


def demonstrate(scale: Scale, supervisor: Supervisor, stage: Stage) -> Outcome:
    """Run it all, in an installation of its own.

    Raises:
        CommandFailed: it could not be run to its end; the message says at which point.
        EmbeddedServerError: a store could not be started.
    """
    opened = installation(
        (GATEWAY, SERVICE),
        supervisor,
        stage,
        simulators=SimulatorSettings(lines=scale.lines, latency_ms=scale.latency_ms, seed=scale.seed),
        processes={SERVICE.name: scale.workers},
        settings=scale.settings(),
    )
    with opened as stack:
        if stack.simulator is None:
            raise CommandFailed("The simulated provider does not run.")
        stack.initialize()
        run = _Run(scale, stack, stack.simulator, stage)
        try:
            return run.run()
        finally:
            run.close()


class _Run:
    def __init__(self, scale: Scale, stack: Stack, simulator: Simulator, stage: Stage) -> None:
        self._scale = scale
        self._stack = stack
        self._stage = stage
        self._database: Database[Document] = stack.database()
        self._redis = connect_redis(stack.settings)
        self._provider = ProviderCounts(simulator.admin_url)
        self._people = make_people(scale.leads, seed=scale.seed)
        self._ids: list[ObjectId] = []
        self._victim = stack.workers[SERVICE.name][-1]
        self._crash: Crash | None = None
        self._recovered_s = 0.0

    def run(self) -> Outcome:
        """Insert the leads, have them checked, kill a worker meanwhile, and judge."""
        self._insert()
        self._stage.say(f"asking for {len(self._people):,} leads through POST /api/bullmq/jobs")
        began = time.monotonic()
        with self._stack.gateway() as gateway:
            data = {"leadIds": list(map(str, self._ids)), "userId": "demo", "workspaceId": DEMO_WORKSPACE}
            job_id = str(gateway.enqueue(BULK_AVAILABILITY.job_type, data)["jobId"])
            for job in watch(self._fetching(lambda: read_job(gateway.job(job_id)), began), pace=_PACE):
                self._stage.progress(job)
        seconds = time.monotonic() - began
        if not job.succeeded:
            raise CommandFailed(f"The job ended as {job.state}: {job.error or job.reason}.")
        if self._crash is None:
            raise CommandFailed("No worker was killed: none was ever seen in the middle of a chunk.")
        self._await_restart()
        return self._judge(job, self._crash, seconds)

    def close(self) -> None:
        """Close the connections."""
        self._provider.close()
        self._redis.close()
        self._database.client.close()

    def _fetching(self, fetch: Callable[[], JobAnswer], began: float) -> Callable[[], JobAnswer]:
        def fetch_and_meddle() -> JobAnswer:
            job = fetch()
            if time.monotonic() - began > self._scale.patience_s:
                raise CommandFailed(
                    f"The job did not end within {self._scale.patience_s:g} seconds; it is {job.state}."
                )
            self._meddle(job)
            return job

        return fetch_and_meddle

    def _meddle(self, job: JobAnswer) -> None:
        """Kill the victim when the time has come, and watch until its chunks are in other hands."""
        progress = progress_of(job)
        if self._crash is None:
            share = progress.done / progress.total if progress.total else 0.0
            if _STRIKE_FROM <= share <= _STRIKE_UNTIL:
                self._crash = self._assassin().strike()
                if self._crash:
                    self._tell_of(self._crash)
        elif not self._recovered_s and self._assassin().taken_over(self._crash):
            self._recovered_s = time.monotonic() - self._crash.at
            self._stage.say(f"its chunks are in other hands, {self._recovered_s:.1f} s after the kill")

    def _assassin(self) -> Assassin:
        return Assassin(
            self._victim,
            self._redis,
            BULK_AVAILABILITY.queue,
            handles_of=lambda leads: list(self._handles(leads)),
            asked=self._provider.calls_per_handle,
        )

    def _tell_of(self, crash: Crash) -> None:
        handles = sum(1 for chunk in crash.chunks for _ in self._handles(chunk.lead_ids))
        self._stage.say(
            f"kill -9 of {crash.process} (process {crash.pid}) with {len(crash.chunks)} chunks in hand, {crash.leads} "
            f"leads: the provider had been asked about {crash.asked} of their {handles} handles"
        )

    def _handles(self, lead_ids: Sequence[str]) -> Iterator[str]:
        person_of = dict(zip(map(str, self._ids), self._people, strict=True))
        found = {handle for lead in lead_ids for handle in _handles_of(person_of[lead])}
        return iter(found)

    def _insert(self) -> None:
        now = datetime.now(UTC)
        documents = [person.document(DEMO_WORKSPACE, at=now) for person in self._people]
        self._ids = list(self._database[LEADS].insert_many(documents).inserted_ids)
        without_phone = sum(person.phone is None for person in self._people)
        without_any = sum(not person.phone and not person.email for person in self._people)
        self._stage.say(
            f"{len(documents):,} leads in workspace {DEMO_WORKSPACE}: {without_phone} without a usable phone, "
            f"{without_any} of them with no usable contact at all"
        )

    def _await_restart(self) -> None:
        if not self._victim.wait_restarted(timeout_s=10):
            raise CommandFailed(f"{self._victim.name} was not started again after the kill.")

    def _judge(self, job: JobAnswer, crash: Crash, seconds: float) -> Outcome:
        calls = self._provider.calls_per_handle()
        counts = JobQueue(self._redis, BULK_AVAILABILITY.queue).stats().counts
        finished = {JobState.COMPLETED, JobState.FAILED}
        evidence = Evidence(
            job_id=job.job_id,
            people=self._people,
            answers=self._answers(),
            stored=self._database[LEADS].count_documents({}),
            reported=job.result if isinstance(job.result, Mapping) else {},
            calls=calls,
            in_hand={handle for chunk in crash.chunks for handle in self._handles(chunk.lead_ids)},
            unfinished=sum(number for state, number in counts.items() if state not in finished),
            dead=counts.get(JobState.FAILED, 0),
        )
        repeats = repeats_of(calls)
        for_the_kill = sum(count for handle, count in repeats.items() if handle in evidence.in_hand)
        rule = AvailabilityRule(seed=self._scale.seed, ratio=SimulatorSettings().available_ratio)
        return Outcome(
            outcomes=outcomes_of(evidence.answers),
            seconds=seconds,
            calls=sum(calls.values()),
            distinct=len(calls),
            repeats=for_the_kill,
            other_repeats=sum(repeats.values()) - for_the_kill,
            crash=crash,
            recovered_s=self._recovered_s,
            checks=audit(evidence, lambda handle: rule.of(handle) is Reachability.AVAILABLE),
        )

    def _answers(self) -> list[Answer]:
        stored = self._database[LEADS].find({"workspaceId": DEMO_WORKSPACE}, {"availability": True})
        by_id = {document["_id"]: document.get("availability") or {} for document in stored}
        return [
            Answer(
                status=by_id.get(key, {}).get("status", ""),
                run_id=str(by_id.get(key, {}).get("runId", "")),
                handle=by_id.get(key, {}).get("handle"),
            )
            for key in self._ids
        ]


def _handles_of(person: Person) -> Iterator[str]:
    return (handle for handle in (person.phone, person.email) if handle)
