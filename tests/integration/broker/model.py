"""What a queue should be, in plain Python: the model that the real one is compared with."""

from dataclasses import dataclass, field

from libs.common.jobs.states import JobState


@dataclass
class ModelJob:
    job_id: str
    group: str
    priority: int
    keeps: bool
    unique_key: str | None = None
    parent_id: str | None = None
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
        return [job for job in self.in_state(JobState.WAITING, JobState.PRIORITIZED) if not job.suspect]

    def suspects(self) -> list[ModelJob]:
        """The jobs that must run alone, oldest first."""
        waiting = [job for job in self.in_state(JobState.WAITING) if job.suspect]
        return sorted(waiting, key=lambda job: job.order)

    def waiting_in(self, group: str) -> list[ModelJob]:
        """The group's jobs in the order in which they must be handed out."""
        ready = [job for job in self.ready() if job.group == group]
        return sorted(ready, key=lambda job: (job.priority == 0, job.priority, job.order))

    def wait(self, job: ModelJob, *, in_front: bool) -> None:
        self.clock += 1
        job.fence = b""
        if job.suspect:
            job.state, job.order = JobState.WAITING, self.clock
            return
        job.state = JobState.PRIORITIZED if job.priority else JobState.WAITING
        job.order = -self.clock if in_front and not job.priority else self.clock

    def end(self, job: ModelJob, *, failed: bool) -> None:
        """What the end of a job means for its unique key and its parent."""
        if job.unique_key and self.unique.get(job.unique_key) == job.job_id:
            del self.unique[job.unique_key]
        parent = self.jobs.get(job.parent_id or "")
        if parent:
            parent.has_children = True
            parent.pending = max(0, parent.pending - 1)
            parent.ended[failed] += 1
            if parent.pending == 0 and parent.state is JobState.WAITING_CHILDREN:
                self.wait(parent, in_front=True)

    def complete(self, job: ModelJob) -> None:
        self.end(job, failed=False)
        if job.keeps:
            job.state = JobState.COMPLETED
        else:
            del self.jobs[job.job_id]

    def bury(self, job: ModelJob) -> None:
        job.state = JobState.FAILED
        self.end(job, failed=True)

    def lose_lease(self, job: ModelJob) -> None:
        job.stalls += 1
        if job.stalls >= 3:
            self.bury(job)
        else:
            self.wait(job, in_front=True)

    def drop(self, job: ModelJob) -> None:
        del self.jobs[job.job_id]
        self.end(job, failed=True)
