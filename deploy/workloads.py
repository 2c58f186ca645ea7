"""The table of workloads: one row per container that runs. Kubernetes, Compose, KEDA and Prometheus are made from it.

A new queue gets its row in :data:`WORKERS`; `python -m deploy.generate` writes the rest, and a test fails until both
are done. How long a worker may take to stop is not in the table: it follows from the contracts of its jobs.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from libs.common.jobs.registry import contracts

NAMESPACE: Final = "tuco-jobs"
"""Where all of it runs; what calls from another namespace has it in its address."""

HTTP_PORT: Final = 3001
"""The gateway's port; the replaced job server had it."""

INTERNAL_PORT: Final = 3010
"""Every other container's port for health, metrics and direct runs."""

STORE_SECRETS: Final = ("REDIS_URL", "MONGODB_URI")
TOKEN_SECRETS: Final = ("SERVICE_TOKEN", "ADMIN_TOKEN")

_TO_FINISH: Final = timedelta(seconds=5)
"""What a job that ends at its limit still needs to be settled."""

_TO_TIDY_UP: Final = timedelta(seconds=20)
"""What a worker needs after its shutdown time-out: interrupting what still runs, handing it back, closing threads."""

LEAVE_BALANCERS: Final = timedelta(seconds=5)
"""How long a container that serves requests goes on after it was told to end, until nobody sends it new ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What a container asks for, in Kubernetes's units; memory is also its limit, and there is no limit of CPU.

    A CPU limit stops a process that could run on an idle node; a memory limit stops one that leaks.
    """

    cpu: str
    memory: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """How many processes there are, and what makes them more.

    Args:
        least: processes that are always there.
        most: processes at most; one for each more that the stores and the lines can serve.
        jobs_per_process: unfinished jobs that are worth a process.
        age_per_process: each time the oldest waiting job is so much older, one more process.
        without_metrics: processes while no source of metrics answers.
    """

    least: int
    most: int
    jobs_per_process: int
    age_per_process: timedelta
    without_metrics: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """What users of a queue may expect.

    Args:
        starts_within: how soon a job starts once it could; a bucket of `tuco_job_wait_seconds`.
        too_old: how long the oldest waiting job may wait before a person is called.
    """

    starts_within: timedelta
    too_old: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A container of which one or more copies run.

    Args:
        name: the deployment's, and its address inside the cluster.
        service: the folder of `services/`, and the image.
        arguments: what follows the image's entry point.
        port: where it answers.
        replicas: copies at first.
        resources: what a copy gets.
        secrets: the settings that come from the secret store, and no others.
        optional_secrets: such that may be missing there.
        shutdown_timeout: SHUTDOWN_TIMEOUT_MS: what may still run after SIGTERM.
        serves_requests: whether others call it, so that it has to leave load balancers before it ends.
        calls_providers: whether it reaches addresses outside the cluster.
    """

    name: str
    service: str
    port: int
    replicas: int
    resources: Resources
    secrets: tuple[str, ...]
    shutdown_timeout: timedelta
    arguments: tuple[str, ...] = ()
    optional_secrets: tuple[str, ...] = ()
    serves_requests: bool = False
    calls_providers: bool = False

    @property
    def each_process(self) -> str:
        """The name whose addresses are those of its processes, each by itself."""
        return f"{self.name}-each"

    @property
    def before_stop(self) -> timedelta:
        """How long SIGTERM is held back."""
        return LEAVE_BALANCERS if self.serves_requests else timedelta(0)

    @property
    def grace(self) -> timedelta:
        """When a container is killed that was told to end: later than everything it does by itself."""
        return self.before_stop + self.shutdown_timeout + _TO_TIDY_UP


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A queue's row.

    Args:
        queue: the queue, as in the contracts.
        service: who serves it.
        resources: what a process gets.
        scaling: how many processes.
        objective: what its users may expect.
        direct_setting: the setting by which the gateway finds it for runs that are answered at once.
        calls_providers: whether it reaches addresses outside the cluster.
    """

    queue: str
    service: str
    resources: Resources
    scaling: Scaling
    objective: Objective
    direct_setting: str = ""
    calls_providers: bool = False

    @property
    def longest_job(self) -> timedelta:
        """The longest that any job of the queue may run."""
        return max(contract.time_limit for contract in contracts().values() if contract.queue == self.queue)

    @property
    def workload(self) -> Workload:
        """The container: whatever job it has in hand when it is told to end may finish."""
        return Workload(
            name=self.queue,
            service=self.service,
            arguments=("--queue", self.queue),
            port=INTERNAL_PORT,
            replicas=self.scaling.least,
            resources=self.resources,
            secrets=(*STORE_SECRETS, "CREDENTIALS_KEY", *(["SERVICE_TOKEN"] if self.direct_setting else [])),
            shutdown_timeout=self.longest_job + _TO_FINISH,
            serves_requests=bool(self.direct_setting),
            calls_providers=self.calls_providers,
        )


WORKERS: Final = (
    Worker(
        queue="scheduled-messages",
        service="messaging",
        resources=Resources(cpu="100m", memory="256Mi"),
        # One tick a minute: a second process is only there for when the first one's node is gone.
        scaling=Scaling(least=2, most=4, jobs_per_process=5, age_per_process=timedelta(seconds=60), without_metrics=2),
        objective=Objective(starts_within=timedelta(seconds=5), too_old=timedelta(seconds=90)),
    ),
    Worker(
        queue="message-processing",
        service="messaging",
        resources=Resources(cpu="250m", memory="384Mi"),
        scaling=Scaling(
            least=2, most=20, jobs_per_process=200, age_per_process=timedelta(seconds=10), without_metrics=4
        ),
        objective=Objective(starts_within=timedelta(seconds=5), too_old=timedelta(seconds=60)),
        direct_setting="MESSAGING_URL",
        calls_providers=True,
    ),
    Worker(
        queue="health-check",
        service="availability",
        resources=Resources(cpu="100m", memory="256Mi"),
        scaling=Scaling(least=2, most=4, jobs_per_process=5, age_per_process=timedelta(seconds=60), without_metrics=2),
        objective=Objective(starts_within=timedelta(seconds=15), too_old=timedelta(seconds=150)),
        calls_providers=True,
    ),
    Worker(
        queue="bulk-availability",
        service="availability",
        resources=Resources(cpu="500m", memory="512Mi"),
        # The lines' rates bound what it does; processes beyond that wait.
        scaling=Scaling(
            least=2, most=20, jobs_per_process=50, age_per_process=timedelta(seconds=60), without_metrics=4
        ),
        objective=Objective(starts_within=timedelta(seconds=60), too_old=timedelta(minutes=10)),
        direct_setting="AVAILABILITY_URL",
        calls_providers=True,
    ),
    Worker(
        queue="integration-sync",
        service="sync",
        resources=Resources(cpu="250m", memory="512Mi"),
        scaling=Scaling(least=2, most=10, jobs_per_process=8, age_per_process=timedelta(minutes=2), without_metrics=3),
        objective=Objective(starts_within=timedelta(seconds=60), too_old=timedelta(minutes=15)),
        direct_setting="SYNC_URL",
        calls_providers=True,
    ),
    Worker(
        queue="operations",
        service="gateway",
        resources=Resources(cpu="100m", memory="256Mi"),
        scaling=Scaling(
            least=2, most=6, jobs_per_process=200, age_per_process=timedelta(seconds=60), without_metrics=2
        ),
        objective=Objective(starts_within=timedelta(seconds=5), too_old=timedelta(minutes=5)),
        calls_providers=True,
    ),
)

GATEWAY: Final = Workload(
    name="gateway",
    service="gateway",
    port=HTTP_PORT,
    replicas=2,
    resources=Resources(cpu="250m", memory="384Mi"),
    secrets=(*STORE_SECRETS, *TOKEN_SECRETS, "CREDENTIALS_KEY"),
    optional_secrets=("WORKSPACE_TOKENS",),
    # Longer than any request that ends by itself; streams are cut and begin again elsewhere.
    shutdown_timeout=timedelta(seconds=25),
    serves_requests=True,
)

SCHEDULER: Final = Workload(
    name="scheduler",
    service="scheduler",
    port=INTERNAL_PORT,
    # Each tick is emitted once however many there are; the second is there for when the first one's node is gone.
    replicas=2,
    resources=Resources(cpu="50m", memory="192Mi"),
    secrets=STORE_SECRETS,
    shutdown_timeout=timedelta(seconds=25),
)

WORKLOADS: Final = (GATEWAY, SCHEDULER, *(worker.workload for worker in WORKERS))
"""Everything that runs, the gateway first."""

SECRETS: Final = tuple(sorted({secret for workload in WORKLOADS for secret in workload.secrets}))
"""Every setting that has to be in the secret store."""


def shared_settings() -> dict[str, str]:
    """The settings that all containers have in common and that are no secrets."""
    direct = {
        worker.direct_setting: f"http://{worker.queue}:{INTERNAL_PORT}" for worker in WORKERS if worker.direct_setting
    }
    others = ",".join(
        f"{each.name}=dns+http://{each.each_process}:{each.port}" for each in WORKLOADS if each is not GATEWAY
    )
    return {
        "ENVIRONMENT": "production",
        "LOG_FORMAT": "json",
        "LOG_LEVEL": "info",
        "BULLMQ_SERVER_URL": f"http://{GATEWAY.name}:{GATEWAY.port}",
        "REQUESTS_PER_SECOND": "2000",
        **direct,
        "SERVICE_URLS": others,
    }


def cluster_settings() -> dict[str, str]:
    """The shared settings in a cluster, where the base puts an Ingress before the gateway."""
    return {**shared_settings(), "TRUSTED_PROXIES": "1"}
