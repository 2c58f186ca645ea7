"""What a queue should be, in plain Python: the model that the real one is compared with."""

from dataclasses import dataclass, field

from libs.common.broker.model import ChildFailure
from libs.common.jobs.states import JobState


@dataclass
class ModelJob:
    job_id: str
    group: str
    priority: int
    keeps: bool
    unique_key: str | None = None
    parent_id: str | None = None
    on_failure: ChildFailure = ChildFailure.IGNORE
    limited: bool = False
    parked: bool = False
    is_next: bool = False
    doomed: bool = False
    state: JobState = JobState.WAITING
    fence: bytes = b""
    attempts: int = 0
    stalls: int = 0
    order: int = 0
    pending: int = 0
    ended: list[int] = field(default_factory=lambda: [0, 0])
    has_children: bool = False

    @property
    def suspect(self) -> bool:
        return self.stalls == 2

    @property
    def in_line(self) -> bool:
        return not (self.suspect or self.parked or self.is_next)


@dataclass
class ModelQueue:
    """All jobs by id; a job that is forgotten leaves the dictionary."""

    jobs: dict[str, ModelJob] = field(default_factory=dict)
    unique: dict[str, str] = field(default_factory=dict)
    paused: bool = False
    clock: int = 0

    def in_state(self, *states: JobState) -> list[ModelJob]:
        return [job for job in self.jobs.values() if job.state in states]

    def ready(self) -> list[ModelJob]:
        """The jobs that stand in line with their group."""
        return [job for job in self.in_state(JobState.WAITING, JobState.PRIORITIZED) if job.in_line]

    def suspects(self) -> list[ModelJob]:
        """The jobs that must run alone, oldest first."""
        waiting = [job for job in self.in_state(JobState.WAITING) if job.suspect and not job.is_next]
        return sorted(waiting, key=lambda job: job.order)

    def waiting_in(self, group: str) -> list[ModelJob]:
        """The group's jobs in the order in which they must be handed out."""
        ready = [job for job in self.ready() if job.group == group]
        return sorted(ready, key=lambda job: (job.priority == 0, job.priority, job.order))

    def wait(self, job: ModelJob, *, in_front: bool) -> None:
        self.leave_limit(job)
        self.clock += 1
        job.fence = b""
        job.parked = job.is_next = False
        if job.suspect:
            job.state, job.order = JobState.WAITING, self.clock
            return
        job.state = JobState.PRIORITIZED if job.priority else JobState.WAITING
        job.order = -self.clock if in_front and not job.priority else self.clock

    def leave_limit(self, job: ModelJob) -> None:
        """The job runs no more; the first that is parked under its limit stands in line again."""
        if job.limited and job.state is JobState.ACTIVE:
            job.state = JobState.WAITING
            self.unpark()

    def unpark(self) -> None:
        """Where no job runs under the limit, the first that is parked stands in line again."""
        if not [job for job in self.in_state(JobState.ACTIVE) if job.limited]:
            parked = sorted((other for other in self.jobs.values() if other.parked), key=lambda other: other.order)
            if parked:
                self.wait(parked[0], in_front=True)

    def end(self, job: ModelJob, *, failed: bool, gone: bool = False) -> None:
        """What the end of a job means for its limit, its unique key and its parent."""
        self.leave_limit(job)
        if job.unique_key and self.unique.get(job.unique_key) == job.job_id:
            del self.unique[job.unique_key]
            for following in [other for other in self.jobs.values() if other.is_next]:
                if following.unique_key == job.unique_key:
                    self.unique[job.unique_key] = following.job_id
                    self.wait(following, in_front=False)
        parent = self.jobs.get(job.parent_id or "")
        if parent and not (job.on_failure is ChildFailure.WAIT and failed and not gone):
            parent.has_children = True
            parent.pending = max(0, parent.pending - 1)
            parent.ended[failed] += 1
            parent.doomed |= failed and job.on_failure is ChildFailure.FAIL
            if parent.doomed:
                if parent.state is JobState.WAITING_CHILDREN:
                    self.bury(parent)
            elif parent.pending == 0 and parent.state is JobState.WAITING_CHILDREN:
                self.wait(parent, in_front=True)

    def complete(self, job: ModelJob) -> None:
        self.end(job, failed=False)
        if job.keeps:
            job.state = JobState.COMPLETED
        else:
            del self.jobs[job.job_id]

    def bury(self, job: ModelJob) -> None:
        self.leave_limit(job)
        job.state = JobState.FAILED
        self.end(job, failed=True)

    def lose_lease(self, job: ModelJob) -> None:
        self.leave_limit(job)
        job.stalls += 1
        if job.stalls >= 3:
            self.bury(job)
        else:
            self.wait(job, in_front=True)

    def drop(self, job: ModelJob) -> None:
        """Cancelled, replaced or removed."""
        del self.jobs[job.job_id]
        ran = job.state is JobState.ACTIVE
        self.end(job, failed=True, gone=True)
        if job.limited and not ran:
            self.unpark()
