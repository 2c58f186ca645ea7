"""A ledger, a queue and an epoch in memory."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from libs.common.broker.cursors import decode_cursor, encode_cursor
from libs.common.broker.model import Added, Attempt, JobPage, JobView, NewJob, QueueEvent, QueueStats
from libs.common.broker.queue import CancelAnswer
from libs.common.errors import StoreUnavailable
from libs.common.jobs.states import JobState, LedgerStatus
from libs.common.ledger.model import Accepted, Ending, LedgerEntry, NewEntry, OpenJob, Reopening

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class FakeClock:
    """A clock that is moved by hand."""

    def __init__(self, now: datetime = NOW) -> None:
        self.time = now

    def now(self) -> datetime:
        return self.time

    def pass_by(self, by: timedelta) -> None:
        self.time += by


class MemoryLedger:
    """A ledger in a dictionary; ``away`` makes every call fail."""

    def __init__(self) -> None:
        self.entries: dict[str, LedgerEntry] = {}
        self.data: dict[str, dict[str, Any]] = {}
        self.data_read: list[str] = []
        self.entries_read: list[str] = []
        self.away = False

    def accept(self, entry: NewEntry) -> Accepted:
        self._check()
        holder = self.entries.get(entry.job_id) or next(
            (
                each
                for each in self.entries.values()
                if entry.unique_key and each.unique_key == entry.unique_key and each.is_open
            ),
            None,
        )
        if holder is not None:
            return Accepted(entry=holder, created=False)
        stored = LedgerEntry(
            job_id=entry.job_id,
            job_type=entry.job_type,
            queue=entry.queue,
            status=LedgerStatus.ACCEPTED,
            created_at=entry.created_at,
            options=entry.options,
            workspace_id=entry.workspace_id,
            unique_key=entry.unique_key,
            request_hash=entry.request_hash,
            trace=entry.trace,
        )
        self.entries[entry.job_id] = stored
        self.data[entry.job_id] = dict(entry.data)
        return Accepted(entry=stored, created=True)

    def accept_many(self, entries: Sequence[NewEntry]) -> list[Accepted]:
        return [self.accept(entry) for entry in entries]

    def finish(self, ending: Ending) -> bool:
        return self.finish_many([ending]) == 1

    def finish_many(self, endings: Sequence[Ending]) -> int:
        self._check()
        ended = 0
        for ending in endings:
            entry = self.entries.get(ending.job_id)
            if entry is not None and entry.is_open:
                self.entries[entry.job_id] = LedgerEntry(
                    **{name: getattr(entry, name) for name in _KEPT},
                    status=ending.status,
                    finished_at=ending.finished_at,
                    result=ending.result,
                    error=ending.error,
                )
                ended += 1
        return ended

    def reopen(self, job_id: str) -> Reopening:
        return self.reopen_many([job_id])[job_id]

    def reopen_many(self, job_ids: Sequence[str]) -> dict[str, Reopening]:
        self._check()
        return {job_id: self._reopen(job_id) for job_id in job_ids}

    def _reopen(self, job_id: str) -> Reopening:
        entry = self.entries.get(job_id)
        if entry is None:
            return Reopening.UNKNOWN
        if entry.status in (LedgerStatus.COMPLETED, LedgerStatus.CANCELLED):
            return Reopening.REFUSED
        if any(
            each.is_open and each.unique_key == entry.unique_key
            for each in self.entries.values()
            if each.unique_key and each.job_id != job_id
        ):
            return Reopening.HELD
        kept = {name: getattr(entry, name) for name in _KEPT}
        self.entries[job_id] = LedgerEntry(**kept, status=LedgerStatus.ACCEPTED)
        return Reopening.OPEN

    def reopen_with(self, job_id: str, data: Mapping[str, Any], *, unique_key: str | None) -> Reopening:
        self._check()
        entry = self.entries.get(job_id)
        if entry is not None and entry.is_open:
            return Reopening.REFUSED
        reopening = self._reopen(job_id)
        if reopening is Reopening.OPEN:
            self.entries[job_id] = msgspec.structs.replace(self.entries[job_id], unique_key=unique_key)
            self.data[job_id] = dict(data)
        return reopening

    def get(self, job_id: str) -> LedgerEntry | None:
        self._check()
        return self.entries.get(job_id)

    def data_of(self, job_id: str) -> dict[str, Any] | None:
        return self.data_of_many([job_id]).get(job_id)

    def data_of_many(self, job_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        self._check()
        self.data_read += job_ids
        return {job_id: self.data[job_id] for job_id in job_ids if job_id in self.data}

    def open_entries(self, job_ids: Sequence[str]) -> list[LedgerEntry]:
        self._check()
        self.entries_read += job_ids
        return [
            self.entries[job_id]
            for job_id in sorted(job_ids)
            if job_id in self.entries and self.entries[job_id].is_open
        ]

    def open_jobs(self, *, after_id: str, limit: int, older_than: datetime | None = None) -> list[OpenJob]:
        self._check()
        found = [
            OpenJob(job_id=job_id, queue=self.entries[job_id].queue)
            for job_id in sorted(self.entries)
            if job_id > after_id
            and self.entries[job_id].is_open
            and (older_than is None or self.entries[job_id].created_at < older_than)
        ]
        return found[:limit]

    def _check(self) -> None:
        if self.away:
            raise StoreUnavailable("mongodb", "switched off by the test")


_KEPT = ("job_id", "job_type", "queue", "created_at", "options", "workspace_id", "unique_key", "request_hash", "trace")


class MemoryQueue:
    """A queue in a dictionary; ``error`` is raised by every call while it is set."""

    def __init__(self, name: str = "integration-sync") -> None:
        self.name = name
        self.jobs: dict[str, NewJob] = {}
        self.views: dict[str, JobView] = {}
        self.error: Exception | None = None
        self.paused = False
        self.told: list[QueueEvent] = []
        self.held: set[str] = set()
        """Dead letters whose unique key belongs to another job."""

    def add(self, jobs: Sequence[NewJob]) -> list[Added]:
        self._check()
        answers = []
        for job in jobs:
            holder = next(
                (each for each in self.jobs.values() if each.unique_key and each.unique_key == job.unique_key), None
            )
            if job.job_id in self.jobs:
                answers.append(Added(job_id=job.job_id, created=False))
            elif holder is not None:
                answers.append(Added(job_id=holder.job_id, created=False))
            else:
                self.jobs[job.job_id] = job
                self.views[job.job_id] = self.view(job.job_id, JobState.WAITING)
                answers.append(Added(job_id=job.job_id, created=True))
        return answers

    def known(self, job_ids: Sequence[str]) -> set[str]:
        self._check()
        return set(job_ids) & set(self.views)

    def ended(self, job_ids: Sequence[str]) -> set[str]:
        self._check()
        return {i for i in self.known(job_ids) if self.views[i].state in (JobState.COMPLETED, JobState.FAILED)}

    def get(self, job_id: str) -> JobView | None:
        self._check()
        return self.views.get(job_id)

    def cancel(self, job_id: str) -> CancelAnswer:
        self._check()
        view = self.views.get(job_id)
        if view is None:
            return "unknown"
        if view.state is JobState.ACTIVE:
            return "asked"
        if view.state in (JobState.COMPLETED, JobState.FAILED):
            return "finished"
        self._forget(job_id)
        return "cancelled"

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
        self._check()
        decode_cursor(cursor, place=state)
        matching = [
            view
            for job_id, view in sorted(self.views.items())
            if view.state is state and job_type in ("", view.job_type) and group in (None, view.group)
        ]
        after = decode_cursor(cursor, place=state)[2] if cursor else ""
        matching = [view for view in matching if view.job_id > after]
        page = tuple(matching[:limit])
        rest = [state.encode(), b"0", page[-1].job_id.encode()] if len(matching) > limit else []
        return JobPage(jobs=page, cursor=encode_cursor(rest) if rest else None)

    def retry_many(self, job_ids: Sequence[str]) -> list[bool]:
        return [self.retry(job_id) for job_id in job_ids]

    def remove_many(self, job_ids: Sequence[str]) -> list[bool]:
        return [self.remove(job_id) for job_id in job_ids]

    def promote_many(self, job_ids: Sequence[str]) -> list[bool]:
        return [self.promote(job_id) for job_id in job_ids]

    def cancel_many(self, job_ids: Sequence[str]) -> list[CancelAnswer]:
        return [self.cancel(job_id) for job_id in job_ids]

    def retry(self, job_id: str) -> bool:
        self._check()
        if job_id not in self.views or self.views[job_id].state is not JobState.FAILED or job_id in self.held:
            return False
        self.show(job_id, JobState.WAITING)
        return True

    def promote(self, job_id: str) -> bool:
        self._check()
        if job_id not in self.views or self.views[job_id].state is not JobState.DELAYED:
            return False
        self.show(job_id, JobState.WAITING)
        return True

    def remove(self, job_id: str) -> bool:
        self._check()
        if job_id not in self.ended([job_id]):
            return False
        self._forget(job_id)
        return True

    def events(self, *, after: str = "$", wait: timedelta = timedelta(0), count: int = 100) -> list[QueueEvent]:
        self._check()
        return [event for event in self.told if _place(event.event_id) > _place(after)][:count]

    def events_kept(self) -> tuple[str, str] | None:
        self._check()
        return (self.told[0].event_id, self.told[-1].event_id) if self.told else None

    def tell(self, event: str, job_id: str, *, at: int) -> None:
        """Adds an event, of the id ``at-0``."""
        self.told.append(QueueEvent(event_id=f"{at}-0", event=event, job_ids=(job_id,)))

    def pause(self) -> None:
        self._check()
        self.paused = True

    def resume(self) -> None:
        self._check()
        self.paused = False

    def stats(self) -> QueueStats:
        self._check()
        counts = {state.value: 0 for state in JobState} | {"waiting": len(self.jobs)}
        return QueueStats(
            queue=self.name,
            counts=counts,
            paused=self.paused,
            oldest_waiting_seconds=0.5,
            totals={"added": len(self.jobs)},
        )

    def show(self, job_id: str, state: JobState, *, result: Any = None, error: str | None = None) -> None:
        """Puts a job into a state."""
        self.views[job_id] = self.view(job_id, state, result=result, error=error)

    def lose_everything(self) -> None:
        self.jobs.clear()
        self.views.clear()

    def _forget(self, job_id: str) -> None:
        self.jobs.pop(job_id, None)
        del self.views[job_id]

    def view(self, job_id: str, state: JobState, *, result: Any = None, error: str | None = None) -> JobView:
        job = self.jobs.get(job_id)
        attempt = Attempt(number=1, outcome="failed", error=error or "", worker="w", started_at=NOW, duration_ms=1)
        return JobView(
            job_id=job_id,
            job_type=job.job_type if job else "integration-sync",
            queue=self.name,
            state=state,
            group=job.group if job else "w1",
            data=job.data if job else {},
            created_at=NOW,
            result=result,
            attempts=(attempt,) if error else (),
            finished_at=NOW if state in (JobState.COMPLETED, JobState.FAILED) else None,
        )

    def _check(self) -> None:
        if self.error is not None:
            raise self.error


def _place(event_id: str) -> tuple[int, ...]:
    return tuple(map(int, event_id.split("-")))


class FakeEpoch:
    """An epoch that is changed by hand; ``error`` is raised while it is set."""

    def __init__(self) -> None:
        self.life = 1
        self.error: StoreUnavailable | None = None

    def current(self) -> str:
        if self.error is not None:
            raise self.error
        return f"life {self.life}"

    def check_room(self) -> None:
        if self.error is not None:
            raise self.error
