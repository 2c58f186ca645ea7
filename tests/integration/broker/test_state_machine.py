"""Drives the real queue on a real Redis and a model side by side through any sequence of transitions.

Time does not pass here: a lease ends, or a delayed job falls due, when the machine moves its moment into the past.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from libs.common.broker.held_job import Fetched
from libs.common.broker.model import ChildFailure, JobOptions, Limit, NewJob, UniqueMode
from libs.common.broker.queue import JobQueue
from libs.common.broker.settlement import completion_details
from libs.common.errors import LeaseLost
from libs.common.jobs.states import JobState
from tests.examples import examples
from tests.integration.broker.model import ModelJob, ModelQueue

HOUR_MS = 3_600_000
GROUPS = st.sampled_from(["", "acme", "acme2", "zeta"])
PRIORITIES = st.sampled_from([0, 0, 0, 1, 7])
UNIQUE_KEYS = st.sampled_from([None, None, "one", "two"])


def texts(answers: Iterable[bytes | str]) -> list[str]:
    return [answer.decode() if isinstance(answer, bytes) else answer for answer in answers]


class QueueMachine(RuleBasedStateMachine):
    client: "redis.Redis"

    def __init__(self) -> None:
        super().__init__()
        self.client.flushdb()
        self.queue = JobQueue(self.client, "machine")
        self.queue.set_limit("solo", Limit(at_once=1))
        self.model = ModelQueue()
        self.stale: list[tuple[str, bytes]] = []
        self.made = 0

    # Few rules of many kinds each: hypothesis chooses among rules evenly, and most of what matters happens to a job
    # that is held.

    @precondition(lambda self: self._held())
    @rule(
        data=st.data(),
        what=st.sampled_from(
            [
                "complete",
                "complete",
                "retry",
                "defer",
                "dead_letter",
                "hand_back",
                "add_children",
                "wait_for_children",
                "renew",
                "a_running_job_ends_cancelled",
                "a_worker_falls_silent",
                "a_worker_falls_silent",
            ]
        ),
    )
    def something_becomes_of_a_held_job(self, data: st.DataObject, what: str) -> None:
        getattr(self, what)(data)

    @precondition(lambda self: self.stale)
    @rule(data=st.data())
    def someone_is_late(self, data: st.DataObject) -> None:
        self.a_late_acknowledgement_is_refused(data)
        if self._stale_of_known():
            self.a_lost_parent_cannot_add_children(data)

    @precondition(lambda self: self.model.jobs)
    @rule(data=st.data(), what=st.sampled_from(["cancel", "remove", "add_a_known_id_again"]))
    def something_is_asked_of_any_job(self, data: st.DataObject, what: str) -> None:
        getattr(self, what)(data)

    @precondition(lambda self: self.model.in_state(JobState.DELAYED))
    @rule(data=st.data(), what=st.sampled_from(["promote", "a_delayed_job_falls_due"]))
    def a_delayed_job_starts(self, data: st.DataObject, what: str) -> None:
        getattr(self, what)(data)

    @precondition(lambda self: self.model.in_state(JobState.FAILED))
    @rule(data=st.data())
    def a_dead_letter_runs_again(self, data: st.DataObject) -> None:
        self.retry_a_dead_letter(data)

    @rule(count=st.integers(1, 6))
    def work_is_taken(self, count: int) -> None:
        self.fetch(count)

    # Adding

    @rule(
        count=st.integers(1, 4),
        group=GROUPS,
        priority=PRIORITIES,
        unique_key=UNIQUE_KEYS,
        mode=st.sampled_from(UniqueMode),
        limited=st.sampled_from([False, False, True]),
        delayed=st.booleans(),
        keeps=st.booleans(),
    )
    def add(
        self,
        count: int,
        group: str,
        priority: int,
        unique_key: str | None,
        mode: UniqueMode,
        limited: bool,
        delayed: bool,
        keeps: bool,
    ) -> None:
        jobs = [self._new(group, priority, unique_key, delayed, keeps, mode, limited) for _ in range(count)]
        self._added(jobs, self.queue.add(jobs))

    def add_a_known_id_again(self, data: st.DataObject) -> None:
        known = self._any(data, list(self.model.jobs.values()))
        job = NewJob(job_id=known.job_id, job_type="work", data={})
        assert [(a.job_id, a.created) for a in self.queue.add([job])] == [(known.job_id, False)]

    def add_children(self, data: st.DataObject) -> None:
        parent, count = self._any(data, self._held()), data.draw(st.integers(1, 3))
        policy = data.draw(st.sampled_from(ChildFailure))
        jobs = [self._child(parent.job_id, parent.group, policy) for _ in range(count)]
        added = self.queue.add(jobs, parent_fence=parent.fence.decode())
        self._added(jobs, added)
        parent.pending += count
        parent.has_children = True

    def a_lost_parent_cannot_add_children(self, data: st.DataObject) -> None:
        job_id, fence = self._any(data, self._stale_of_known())
        child = self._child(job_id, "", ChildFailure.IGNORE)
        try:
            self.queue.add([child], parent_fence=fence.decode())
        except LeaseLost:
            return
        raise AssertionError("children were added under a lease that is lost")

    # Taking

    @rule(count=st.integers(1, 6))
    def fetch(self, count: int) -> None:
        fetched = Fetched("machine", self._run("fetch", count, "worker", HOUR_MS, 0))
        if self.model.paused:
            assert not fetched.jobs
            return
        if self.model.suspects():
            self._suspect_came_alone(fetched)
            return
        taken: dict[str, list[str]] = {}
        for job in fetched.jobs:
            taken.setdefault(job.header.group, []).append(job.job_id)
        gone = 0
        for group in {job.group for job in self.model.ready()}:
            expected = self.model.waiting_in(group)
            for job_id in taken.pop(group, []):
                while expected[0].job_id != job_id and self._left_the_line(expected[0]):
                    expected.pop(0)
                    gone += 1
                assert expected.pop(0).job_id == job_id, f"group {group!r} was not served in its order"
            # An orphan, or a job under a limit, may have been met behind the last job taken.
            while expected and self._left_the_line(expected[0]):
                expected.pop(0)
                gone += 1
        assert not taken, f"jobs came that were not waiting: {taken}"
        for job in fetched.jobs:
            model = self.model.jobs[job.job_id]
            model.state, model.fence = JobState.ACTIVE, job.fence
            assert job.attempt == model.attempts + 1
            children = job.children
            assert (children is not None) == model.has_children
            if children:
                assert (children.pending, children.completed, children.failed) == (model.pending, *model.ended)
        left = len(self.model.ready())
        assert len(fetched.jobs) + gone >= min(count, left), "work was left lying"

    def _suspect_came_alone(self, fetched: Fetched) -> None:
        ids = {job.job_id for job in self.model.suspects()}
        if not fetched.jobs:
            gone = [job for job in self.model.suspects() if self._left_the_line(job)]
            assert gone
            return
        (job,) = fetched.jobs
        assert fetched.alone
        assert job.job_id in ids
        model = self.model.jobs[job.job_id]
        model.state, model.fence = JobState.ACTIVE, job.fence

    def _left_the_line(self, job: ModelJob) -> bool:
        """Whether the fetch dropped this job as an orphan or parked it under its limit, as it may."""
        view = self.queue.get(job.job_id)
        if view is None:
            assert self._is_orphan(job), f"{job.job_id} is lost"
            self._forget(job)
            return True
        if view.reason != "at once: solo":
            return False
        assert job.limited
        assert not self._is_orphan(job)
        job.state, job.parked = JobState.WAITING, True
        # Groups take turns, so which of two groups' jobs was parked first is for the queue to say.
        members = texts(self.client.zrangebylex(self.queue.keys["parked"].decode(), "-", "+"))
        (job.order,) = [int(n) for n, parked_id in (m.split("\t")[1:] for m in members) if parked_id == job.job_id]
        return True

    # Ending

    def complete(self, data: st.DataObject) -> None:
        jobs = data.draw(st.lists(st.sampled_from(self._held()), min_size=1, unique_by=lambda job: job.job_id))
        words: list[bytes | str] = []
        for job in jobs:
            words += (job.job_id, job.fence, self._details(job))
        assert self._run("complete_ruled", *words) == []
        for job in jobs:
            self._let_go(job)
            self.model.complete(job)

    def retry(self, data: st.DataObject) -> None:
        job, delay_ms = self._any(data, self._held()), data.draw(st.sampled_from([0, HOUR_MS]))
        assert self._run(
            "retry", job.job_id, job.fence, delay_ms, b'{"n":1,"o":"failed","e":"","w":"","s":1,"d":1}', "x"
        )
        self._let_go(job)
        job.attempts += 1
        if delay_ms:
            self.model.leave_limit(job)
            job.state, job.fence = JobState.DELAYED, b""
        else:
            self.model.wait(job, in_front=False)

    def defer(self, data: st.DataObject) -> None:
        job, until_ms = self._any(data, self._held()), data.draw(st.sampled_from([1, 4_000_000_000_000]))
        came_further = data.draw(st.booleans())
        assert self._run("defer", job.job_id, job.fence, until_ms, "quiet hours", int(came_further))
        self._let_go(job)
        if came_further:
            job.stalls = 0
        if until_ms > 1:
            self.model.leave_limit(job)
            job.state, job.fence = JobState.DELAYED, b""
        else:
            self.model.wait(job, in_front=False)

    def dead_letter(self, data: st.DataObject) -> None:
        job = self._any(data, self._held())
        assert self._run("dead_letter", job.job_id, job.fence, b'{"n":1,"o":"failed","e":"","w":"","s":1,"d":1}', "bad")
        self._let_go(job)
        job.attempts += 1
        self.model.bury(job)

    def hand_back(self, data: st.DataObject) -> None:
        job = self._any(data, self._held())
        assert self._run("hand_back", job.job_id, job.fence) == 1
        self._let_go(job)
        self.model.wait(job, in_front=True)

    def wait_for_children(self, data: st.DataObject) -> None:
        job = self._any(data, self._held())
        assert self._run("wait_for_children", job.job_id, job.fence) == 1
        self._let_go(job)
        job.has_children = True
        self.model.leave_limit(job)
        if job.doomed:
            self.model.bury(job)
        elif job.pending:
            job.state, job.fence = JobState.WAITING_CHILDREN, b""
        else:
            self.model.wait(job, in_front=True)

    def renew(self, _data: st.DataObject) -> None:
        held = self._held()
        lost, _cancelled = self._run("renew", HOUR_MS, *[word for job in held for word in (job.job_id, job.fence)])
        assert lost == []

    # What must be refused

    def a_late_acknowledgement_is_refused(self, data: st.DataObject) -> None:
        job_id, fence = self._any(data, self.stale)
        script = data.draw(
            st.sampled_from(["complete", "complete_ruled", "retry", "defer", "dead_letter", "hand_back", "renew"])
        )
        line = b'{"n":1,"o":"failed","e":"","w":"","s":1,"d":1}'
        match script:
            case "complete":
                assert self._run("complete", job_id, fence) == [job_id.encode()]
            case "complete_ruled":
                assert self._run("complete_ruled", job_id, fence, b"") == [job_id.encode()]
            case "retry":
                assert self._run("retry", job_id, fence, 0, line, "x") == 0
            case "defer":
                assert self._run("defer", job_id, fence, 1, "x") == 0
            case "dead_letter":
                assert self._run("dead_letter", job_id, fence, line, "x") == 0
            case "hand_back":
                assert self._run("hand_back", job_id, fence) == 0
            case "renew":
                assert self._run("renew", HOUR_MS, job_id, fence) == [[job_id.encode()], []]

    # Time and silence

    def a_worker_falls_silent(self, data: st.DataObject) -> None:
        job = self._any(data, self._held())
        self.client.zadd(self.queue.keys["active"].decode(), {job.job_id: 1}, xx=True)
        self._run("fetch", 0, "other", HOUR_MS, 1)
        self._let_go(job)
        self.model.lose_lease(job)

    def a_delayed_job_falls_due(self, data: st.DataObject) -> None:
        job = self._any(data, self.model.in_state(JobState.DELAYED))
        self.client.zadd(self.queue.keys["delayed"].decode(), {job.job_id: 1}, xx=True)
        self._run("fetch", 0, "other", HOUR_MS, 1)
        self.model.wait(job, in_front=False)

    # People

    def cancel(self, data: st.DataObject) -> None:
        job = self._any(data, list(self.model.jobs.values()))
        expected = {JobState.ACTIVE: "asked", JobState.COMPLETED: "finished", JobState.FAILED: "finished"}
        assert self.queue.cancel(job.job_id) == expected.get(job.state, "cancelled")
        if job.state not in expected:
            self.model.drop(job)

    def a_running_job_ends_cancelled(self, data: st.DataObject) -> None:
        job = self._any(data, self._held())
        assert self._run("end_cancelled", job.job_id, job.fence) == 1
        self._let_go(job)
        self.model.drop(job)

    def retry_a_dead_letter(self, data: st.DataObject) -> None:
        job = self._any(data, self.model.in_state(JobState.FAILED))
        taken = bool(job.unique_key and job.unique_key in self.model.unique)
        assert self.queue.retry(job.job_id) == (not taken)
        if taken:
            return
        if job.unique_key:
            self.model.unique[job.unique_key] = job.job_id
        parent = self.model.jobs.get(job.parent_id or "")
        if parent and job.on_failure is not ChildFailure.WAIT:
            parent.pending += 1
            parent.ended[1] = max(0, parent.ended[1] - 1)
        job.attempts = job.stalls = 0
        self.model.wait(job, in_front=False)

    def promote(self, data: st.DataObject) -> None:
        job = self._any(data, self.model.in_state(JobState.DELAYED))
        assert self.queue.promote(job.job_id)
        self.model.wait(job, in_front=False)

    def remove(self, data: st.DataObject) -> None:
        job = self._any(data, list(self.model.jobs.values()))
        finished = job.state in (JobState.COMPLETED, JobState.FAILED)
        assert self.queue.remove(job.job_id) == finished
        if finished and job.state is JobState.FAILED and job.on_failure is ChildFailure.WAIT:
            self.model.drop(job)
        elif finished:
            del self.model.jobs[job.job_id]

    @rule()
    def pause_or_resume(self) -> None:
        if self.model.paused:
            self.queue.resume()
        else:
            self.queue.pause()
        self.model.paused = not self.model.paused

    # What must always hold

    @invariant()
    def every_job_is_in_the_state_of_the_model_and_in_no_other(self) -> None:
        counts: dict[str, int] = dict.fromkeys(JobState, 0)
        ready = (JobState.WAITING, JobState.PRIORITIZED)
        for job in self.model.jobs.values():
            state = JobState.PAUSED if self.model.paused and job.state in ready else job.state
            counts[state] += 1
            view = self.queue.get(job.job_id)
            assert view is not None, f"{job.job_id} is lost; it should be {state}"
            assert view.state is state
        stats = self.queue.stats()
        assert stats.counts == counts
        assert (stats.oldest_waiting_seconds > 0) == bool(self.model.ready() or self.model.suspects())

    @invariant()
    def nothing_is_kept_of_what_is_gone(self) -> None:
        known = set(self.model.jobs)
        for name in ("jobs", "runs", "results", "reasons", "progress", "leases", "children", "cancels", "granted"):
            kept = set(texts(self.client.hkeys(self.queue.keys[name].decode())))
            assert kept <= known, f"{name} still speaks of {kept - known}"
        held = {job.job_id for job in self._held()}
        assert set(texts(self.client.hkeys(self.queue.keys["leases"].decode()))) == held

    @invariant()
    def a_unique_key_belongs_to_the_unfinished_job_that_holds_it(self) -> None:
        stored = self.client.hgetall(self.queue.keys["unique"].decode())
        assert dict(zip(texts(stored.keys()), texts(stored.values()), strict=True)) == self.model.unique

    @invariant()
    def no_more_jobs_run_under_a_limit_than_it_allows(self) -> None:
        active = [job for job in self._held() if job.limited]
        assert len(active) <= 1
        parked = [job for job in self.model.jobs.values() if job.parked]
        unfinished = [job for job in self.model.jobs.values() if job.state not in (JobState.COMPLETED, JobState.FAILED)]
        others = [job for job in unfinished if job.limited and not job.parked]
        assert others or not parked, "nobody's end will let the parked jobs go on"

    @invariant()
    def each_group_with_work_has_one_place_in_the_ring(self) -> None:
        ring = texts(self.client.lrange(self.queue.keys["ring"].decode(), 0, -1))
        assert len(ring) == len(set(ring))
        assert {job.group for job in self.model.ready()} <= set(ring)

    # Help

    def _run(self, name: str, *arguments: bytes | str | int) -> Any:
        return self.queue.scripts.run(name, *arguments)

    def _any(self, data: st.DataObject, items: list[Any]) -> Any:
        return data.draw(st.sampled_from(items))

    def _held(self) -> list[ModelJob]:
        return self.model.in_state(JobState.ACTIVE)

    def _stale_of_known(self) -> list[tuple[str, bytes]]:
        return [(job_id, fence) for job_id, fence in self.stale if job_id in self.model.jobs]

    def _is_orphan(self, job: ModelJob) -> bool:
        return job.parent_id is not None and job.parent_id not in self.model.jobs

    def _forget(self, job: ModelJob) -> None:
        del self.model.jobs[job.job_id]

    def _let_go(self, job: ModelJob) -> None:
        self.stale.append((job.job_id, job.fence))

    def _child(self, parent_id: str, group: str, policy: ChildFailure) -> NewJob:
        child = self._new(group, 0, None, False, False)
        return msgspec.structs.replace(child, parent_id=parent_id, on_failure=policy)

    def _new(
        self,
        group: str,
        priority: int,
        unique_key: str | None,
        delayed: bool,
        keeps: bool,
        mode: UniqueMode = UniqueMode.KEEP,
        limited: bool = False,
    ) -> NewJob:
        self.made += 1
        return NewJob(
            job_id=f"job-{self.made}",
            job_type="work",
            data={"n": self.made},
            group=group,
            options=JobOptions(priority=priority, delay_ms=HOUR_MS if delayed else 0),
            unique_key=unique_key,
            unique_mode=mode,
            limit_keys=("solo",) if limited else (),
            keep_ms=HOUR_MS if keeps else 0,
        )

    def _added(self, jobs: list[NewJob], answers: list[Any]) -> None:
        for job, added in zip(jobs, answers, strict=True):
            model = ModelJob(
                job.job_id,
                job.group,
                job.options.priority,
                bool(job.keep_ms),
                job.unique_key,
                job.parent_id,
                job.on_failure,
                limited=bool(job.limit_keys),
            )
            holder = self.model.jobs.get(self.model.unique.get(job.unique_key or "", ""))
            runs = holder and holder.state in (JobState.ACTIVE, JobState.WAITING_CHILDREN)
            if holder and job.unique_mode is not UniqueMode.KEEP and not runs:
                self._drop_the_next(job.unique_key)
                del self.model.unique[holder.unique_key or ""]
                self.model.drop(holder)
                holder = None
            if holder and job.unique_mode is UniqueMode.LATEST:
                self._drop_the_next(job.unique_key)
                model.is_next = True
                holder = None
            assert added.created == (holder is None)
            assert added.job_id == (holder.job_id if holder else job.job_id)
            if holder:
                continue
            self.model.jobs[job.job_id] = model
            if model.is_next:
                continue
            if job.unique_key:
                self.model.unique[job.unique_key] = job.job_id
            if job.options.delay_ms:
                model.state = JobState.DELAYED
            else:
                self.model.wait(model, in_front=False)

    def _drop_the_next(self, unique_key: str | None) -> None:
        for other in list(self.model.jobs.values()):
            if other.is_next and other.unique_key == unique_key:
                self.model.drop(other)

    def _details(self, job: ModelJob) -> bytes:
        return completion_details(
            unique=f"e{job.unique_key}" if job.unique_key else "",
            parent=f"{job.on_failure.value[0]}{job.parent_id}" if job.parent_id else "",
            limits="solo" if job.limited else "",
            keep_count=1000,
            keep_ms=HOUR_MS if job.keeps else 0,
        )


def test_no_sequence_of_transitions_loses_a_job_or_puts_it_in_two_states(redis_client: "redis.Redis") -> None:
    QueueMachine.client = redis_client
    run_state_machine_as_test(
        QueueMachine,
        settings=settings(
            max_examples=examples(70), stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
