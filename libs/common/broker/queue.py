"""One queue, from outside: add jobs, look at them, decide about them.

The smallest use::

    queue = JobQueue(connect_redis(settings), "bulk-availability")
    queue.add([job_from(BULK_AVAILABILITY, payload, job_id=new_job_id())])

Every call is atomic per job, safe from any thread, and raises :class:`~libs.common.errors.StoreUnavailable` where
Redis is away.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Literal, TypeVar

import msgspec
from redis import Redis

from libs.common.broker.cursors import decode_cursor, encode_cursor
from libs.common.broker.keys import PREFIX, QueueKeys
from libs.common.broker.model import (
    Added,
    Attempt,
    Children,
    JobPage,
    JobView,
    Limit,
    NewJob,
    QueueEvent,
    QueueStats,
    UniqueMode,
)
from libs.common.broker.record import decode_header, record_of, split_record, unique_field
from libs.common.broker.transport import Argument, ScriptRunner
from libs.common.clock import Clock, SystemClock, from_ms, to_ms
from libs.common.errors import LeaseLost
from libs.common.jobs.states import JobState

T = TypeVar("T")

_BATCH = 500
_PROBE = 1_000
_LONGEST_PAGE = 100
_LOOKED_AT = 500
_AGE_SLICE_S = 10
"""How exactly the age of the oldest waiting job is known; never less than it is, and up to so much more."""
CancelAnswer = Literal["cancelled", "asked", "finished", "unknown"]


class JobQueue:
    """One queue.

    Args:
        redis: a client that answers bytes.
        name: the queue's name.
        prefix: what all keys of this installation start with.
        clock: for the jobs' creation time; leases and delays go by Redis's own clock.
    """

    def __init__(self, redis: Redis, name: str, *, prefix: str = PREFIX, clock: Clock | None = None) -> None:
        self.name = name
        self.keys = QueueKeys(name, prefix=prefix)
        self.scripts = ScriptRunner(redis, self.keys)
        self._clock = clock or SystemClock()

    def add(self, jobs: Sequence[NewJob], *, parent_fence: str | None = None) -> list[Added]:
        """Adds jobs, up to 500 in one atomic step; answers one by one what stands for each.

        Jobs without rules share a step, the more cheaply where those of one group come in a row; of jobs with a
        priority, a delay, a parent or a unique key, those that are alike.

        Args:
            jobs: the jobs; a known id, or a unique key held by an unfinished job, adds nothing.
            parent_fence: for children, the fencing number of the lease on their parent.

        Raises:
            PayloadTooLarge: a payload exceeds 64 KiB; nothing was added.
            QueueFull: Redis has no memory for more.
            LeaseLost: the parent is no longer held by who adds the children.
            StoreUnavailable: Redis is away.
        """
        now_ms = to_ms(self._clock.now())
        if len(jobs) == 1 and _is_plain(jobs[0]):
            (job,) = jobs
            record = record_of(job, created_ms=now_ms)
            new = self.scripts.run("add_one", job.group, job.job_id, record, 1 if job.limit_keys else 0)
            return [Added(job_id=job.job_id, created=bool(new))]
        records = [record_of(job, created_ms=now_ms) for job in jobs]
        calls: list[tuple[str, Sequence[Argument]]] = []
        places: list[list[int]] = []
        for shared, alike in groupby(range(len(jobs)), key=lambda i: _shared(jobs[i])):
            # Where a job may replace another, each is a step of its own: the one before must be in the queue.
            one_by_one = shared is not None and shared.mode != UniqueMode.KEEP
            for batch in _batches(list(alike), 1 if one_by_one else _BATCH):
                mine, theirs = [jobs[i] for i in batch], [records[i] for i in batch]
                if shared is None:
                    calls.append(("add", _plain(mine, theirs)))
                else:
                    calls.append(("add_ruled", shared.arguments(mine, theirs, parent_fence)))
                places.append(batch)
        added = [Added(job_id=job.job_id, created=True) for job in jobs]
        for batch, met in zip(places, self._run_in_groups(calls), strict=True):
            if met is None:
                raise LeaseLost
            for place, holder in zip(met[::2], met[1::2], strict=True):
                added[batch[place - 1]] = Added(job_id=holder.decode(), created=False)
        return added

    def get(self, job_id: str) -> JobView | None:
        """The job as the queue knows it now, or ``None``."""
        answer = self.scripts.run("inspect", job_id)
        return None if answer is None else _view(self.name, job_id, answer)

    def browse(
        self,
        state: JobState,
        *,
        cursor: str = "",
        limit: int = 50,
        job_type: str = "",
        group: str | None = None,
        text: str = "",
    ) -> JobPage:
        """A page of the jobs in a state; what it costs does not grow with the queue.

        At most 500 jobs are looked at for one page, so one that few jobs match may be short and still have a cursor.

        Args:
            state: which; ``paused`` and ``waiting`` are the jobs in line.
            cursor: of the page before; empty for the first.
            limit: the most to answer, up to 100.
            job_type: only jobs of this type.
            group: only jobs of this workspace.
            text: only jobs whose reason or attempts say this, in whatever case.

        Raises:
            InvalidInput: ``cursor`` is none of this queue's.
        """
        wanted = JobState.WAITING if state is JobState.PAUSED else state
        by_group = group is not None
        found = self.scripts.run(
            "browse",
            wanted,
            min(limit, _LONGEST_PAGE),
            _LOOKED_AT,
            job_type,
            int(by_group),
            group or "",
            text.lower(),
            *decode_cursor(cursor, place=wanted),
        )
        rest, *ids = found
        answers = self.scripts.run_many([("inspect", [job_id]) for job_id in ids]) if ids else []
        views = [
            _view(self.name, job_id.decode(), answer)
            for job_id, answer in zip(ids, answers, strict=True)
            if answer is not None
        ]
        return JobPage(jobs=tuple(views), cursor=encode_cursor(rest) if rest else None)

    def retry_many(self, job_ids: Sequence[str]) -> list[bool]:
        """Lets dead letters run again; one answer per job, each as :meth:`retry` would give it."""
        return [answer == 1 for answer in self._each("retry_dead", job_ids)]

    def remove_many(self, job_ids: Sequence[str]) -> list[bool]:
        """Forgets ended jobs; one answer per job, each as :meth:`remove` would give it."""
        return [bool(answer) for answer in self._each("remove", job_ids)]

    def promote_many(self, job_ids: Sequence[str]) -> list[bool]:
        """Lets delayed jobs run now; one answer per job, each as :meth:`promote` would give it."""
        return [bool(answer) for answer in self._each("promote_now", job_ids)]

    def cancel_many(self, job_ids: Sequence[str]) -> list[CancelAnswer]:
        """Cancels jobs; one answer per job, each as :meth:`cancel` would give it."""
        return [answer.decode() for answer in self._each("cancel", job_ids)]

    def known(self, job_ids: Sequence[str]) -> set[str]:
        """Which of these jobs the queue has, in any state; a constant time for each."""
        return self._those("known", job_ids)

    def ended(self, job_ids: Sequence[str]) -> set[str]:
        """Which of these jobs the queue has as completed or as dead letters; close to a constant time for each."""
        return self._those("ended", job_ids)

    def stats(self) -> QueueStats:
        """The queue in numbers; the time this takes does not grow with the queue."""
        now, waiting, prioritized, delayed, active, completed, failed, parents, oldest, meta = self.scripts.run("stats")
        facts = {
            name.decode(): int(value) for name, value in zip(meta[::2], meta[1::2], strict=True) if value.isdigit()
        }
        paused = bool(facts.get("paused"))
        held = waiting + prioritized if paused else 0
        counts = {
            JobState.WAITING: 0 if paused else waiting,
            JobState.PRIORITIZED: 0 if paused else prioritized,
            JobState.DELAYED: delayed,
            JobState.ACTIVE: active,
            JobState.COMPLETED: completed,
            JobState.FAILED: failed,
            JobState.PAUSED: held,
            JobState.WAITING_CHILDREN: parents,
        }
        return QueueStats(
            queue=self.name,
            counts={state.value: number for state, number in counts.items()},
            paused=paused,
            oldest_waiting_seconds=max(0.001, now / 1000 - int(oldest) * _AGE_SLICE_S) if oldest else 0.0,
            totals={name: facts.get(name, 0) for name in _TOTALS} | {"added": _added(facts)},
        )

    def cancel(self, job_id: str) -> CancelAnswer:
        """Removes a job that is not running; asks one that runs to stop."""
        answer: CancelAnswer = self.scripts.run("cancel", job_id).decode()
        return answer

    def retry(self, job_id: str) -> bool:
        """Lets a dead letter run again, its attempts from none; false where it is no dead letter or its unique key
        belongs to another unfinished job by now."""
        return bool(self.scripts.run("retry_dead", job_id) == 1)

    def promote(self, job_id: str) -> bool:
        """Lets a delayed job run now; false where it is not delayed."""
        return bool(self.scripts.run("promote_now", job_id))

    def remove(self, job_id: str) -> bool:
        """Forgets a completed job or a dead letter; false where it is neither."""
        return bool(self.scripts.run("remove", job_id))

    def pause(self) -> None:
        """Hands out no more jobs; running ones go on."""
        self.scripts.run("pause", 1)

    def resume(self) -> None:
        """Hands out jobs again."""
        self.scripts.run("pause", 0)

    def set_weight(self, group: str, weight: int) -> None:
        """Gives a group ``weight`` jobs per turn instead of one."""
        self.scripts.set_field("weights", group, weight)

    def set_limit(self, key: str, limit: Limit, *, override_for: timedelta | None = None) -> None:
        """Sets what a key allows to the jobs that name it in ``limit_keys``, without a deploy and at once.

        Args:
            key: the key, such as ``line:<id>``.
            limit: what it allows.
            override_for: only for so long, over what is set for good.
        """
        interval_ms = limit.per.total_seconds() * 1000 / limit.rate if limit.rate else 0
        override_ms = int(override_for.total_seconds() * 1000) if override_for else 0
        self.scripts.run("set_limit", key, f"{interval_ms:.6f}", limit.burst, limit.at_once, override_ms)

    def pause_key(self, key: str, until: datetime | None) -> None:
        """Lets no job under a key start before a moment, as a provider's ``Retry-After`` asks; ``None`` ends that."""
        self.scripts.run("pause_key", key, to_ms(until) if until else 0)

    def events(self, *, after: str = "$", wait: timedelta = timedelta(0), count: int = 100) -> list[QueueEvent]:
        """Transitions after a place in the stream, oldest first; the stream keeps about the last thousand.

        Args:
            after: the id of the last event that was seen; ``0`` for all that is kept, ``$`` for what comes from now on.
            wait: how long to wait for one where there is none.
            count: the most to answer.
        """
        entries = self.scripts.read_events(after, wait_ms=int(wait.total_seconds() * 1000), count=count)
        return [_event(event_id, fields) for event_id, fields in entries]

    def events_kept(self) -> tuple[str, str] | None:
        """The ids of the oldest and of the newest event that is kept; ``None`` where there is none yet."""
        kept = self.scripts.run("events_kept")
        return (kept[0].decode(), kept[1].decode()) if kept else None

    def _each(self, script: str, job_ids: Sequence[str]) -> Iterable[Any]:
        return self._run_in_groups([(script, [job_id]) for job_id in job_ids])

    def _those(self, script: str, job_ids: Sequence[str]) -> set[str]:
        """The jobs for which a script answers 1."""
        found: set[str] = set()
        for batch in _batches(job_ids, _PROBE):
            answer = self.scripts.run(script, *batch)
            found.update(job_id for job_id, is_so in zip(batch, answer, strict=True) if is_so)
        return found

    def _run_in_groups(self, calls: Sequence[tuple[str, Sequence[Argument]]]) -> Iterable[Any]:
        for batch in _batches(calls, 20):
            yield from self.scripts.run_many(batch)


_TOTALS = ("started", "completed", "retried", "deferred", "failed", "stalled", "cancelled", "limited")


def _added(facts: Mapping[str, int]) -> int:
    """Plain jobs are counted as they are appended, jobs with rules apart."""
    return facts.get("appended", 0) + facts.get("added", 0)


def _is_plain(job: NewJob) -> bool:
    return not (job.unique_key or job.parent_id or job.options.priority or job.options.delay_ms)


class _Shared(msgspec.Struct, frozen=True, gc=False):
    """What jobs with rules that are added in one step have in common."""

    group: str
    priority: int
    delay_ms: int
    parent: str
    mode: UniqueMode
    unique_ms: int

    def arguments(self, jobs: Sequence[NewJob], records: Sequence[bytes], parent_fence: str | None) -> list[Argument]:
        """Of the script that adds them."""
        words: list[Argument] = [self.group, self.priority, self.delay_ms, self.parent]
        words += (parent_fence or "", self.mode, self.unique_ms)
        for job, record in zip(jobs, records, strict=True):
            words += (job.job_id, unique_field(job), record)
        return words


def _shared(job: NewJob) -> _Shared | None:
    """``None`` for a job without rules, which shares a step with those of other groups."""
    if _is_plain(job):
        return None
    mode = job.unique_mode if job.unique_key else UniqueMode.KEEP
    options = job.options
    return _Shared(job.group, options.priority, options.delay_ms, job.parent_id or "", mode, job.unique_ms)


def _plain(jobs: Sequence[NewJob], records: Sequence[bytes]) -> list[Argument]:
    """The arguments of the script that adds jobs without rules: runs of one group after another."""
    words: list[Argument] = []
    for group, run in groupby(zip(jobs, records, strict=True), key=lambda pair: pair[0].group):
        members = list(run)
        words += (group, len(members))
        for job, record in members:
            words += (job.job_id, record)
    return words


def _batches(items: Sequence[T], size: int) -> Iterable[list[T]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])


def _view(queue: str, job_id: str, answer: Sequence[Any]) -> JobView:
    record, state_name, number, lease, runs, reason, progress, result, children, paused, log_lines = answer
    line, body = split_record(record)
    header = decode_header(line)
    state = JobState(state_name.decode())
    if paused and state in (JobState.WAITING, JobState.PRIORITIZED):
        state = JobState.PAUSED
    made, attempts = decode_runs(runs)
    return JobView(
        job_id=job_id,
        job_type=body.actor,
        queue=queue,
        state=state,
        group=header.group,
        data=body.kwargs,
        created_at=from_ms(body.created_ms),
        priority=header.priority,
        not_before=from_ms(float(number)) if state is JobState.DELAYED else None,
        reason=reason.decode() or None,
        attempts_made=made,
        attempts=attempts,
        worker=lease.decode().split(":", 2)[2] if lease else None,
        progress=msgspec.json.decode(progress) if progress else None,
        result=msgspec.json.decode(result) if result else None,
        finished_at=from_ms(float(number)) if state in (JobState.COMPLETED, JobState.FAILED) else None,
        parent_id=header.parent_id,
        children=decode_children(children),
        log_lines=tuple(log_lines.decode().splitlines()),
    )


def decode_children(text: bytes) -> Children | None:
    """A parent's children as stored (``pending:completed:failed:doomed``); ``None`` where it has none."""
    if not text:
        return None
    pending, completed, failed, _doomed = map(int, text.split(b":"))
    return Children(pending=pending, completed=completed, failed=failed)


def _event(event_id: bytes, fields: Mapping[bytes, bytes]) -> QueueEvent:
    words = {name.decode(): value.decode() for name, value in fields.items()}
    job_ids = words.pop("ids", "")
    return QueueEvent(
        event_id=event_id.decode(),
        event=words.pop("event", ""),
        job_ids=tuple(job_ids.split(",")) if job_ids else (),
        details=words,
    )


class _AttemptLine(msgspec.Struct, frozen=True):
    n: int
    o: str
    e: str
    w: str
    s: int
    d: int


def encode_attempt(attempt: Attempt) -> bytes:
    """An attempt as the line that the scripts keep."""
    return msgspec.json.encode(
        _AttemptLine(
            attempt.number,
            attempt.outcome,
            attempt.error[:500],
            attempt.worker,
            to_ms(attempt.started_at),
            attempt.duration_ms,
        )
    )


def decode_runs(runs: bytes) -> tuple[int, tuple[Attempt, ...]]:
    """How many attempts were made, and the last of them."""
    if not runs:
        return 0, ()
    first, *lines = runs.split(b"\n")
    stored = [msgspec.json.decode(line, type=_AttemptLine) for line in lines]
    attempts = [
        Attempt(number=a.n, outcome=a.o, error=a.e, worker=a.w, started_at=from_ms(a.s), duration_ms=a.d)
        for a in stored
    ]
    return int(first.split(b":")[0]), tuple(attempts)
