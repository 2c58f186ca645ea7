"""The table of services: what `dev` and `demo` start, and what each process needs to be told."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service of which one or more processes run.

    Args:
        name: how its processes are called.
        module: as after ``python -m``.
        arguments: what follows the module.
        port_setting: the setting that gives a process its HTTP port.
        address_setting: the setting by which the others find it; empty where they need not.
        is_door: whether it serves at the installation's own port, and asks the others how they are.
    """

    name: str
    module: str
    arguments: Sequence[str] = ()
    port_setting: str = "INTERNAL_PORT"
    address_setting: str = ""
    is_door: bool = False

    @property
    def exists(self) -> bool:
        """Whether the program is there."""
        return find_spec(self.module) is not None and find_spec(f"{self.module}.__main__") is not None


GATEWAY = Service(
    name="gateway",
    module="services.gateway",
    port_setting="PORT",
    address_setting="BULLMQ_SERVER_URL",
    is_door=True,
)
BULK_AVAILABILITY = Service(
    name="availability",
    module="services.availability",
    arguments=("--queue", "bulk-availability"),
    address_setting="AVAILABILITY_URL",
)

HEALTH_CHECK = Service(name="health-check", module="services.availability", arguments=("--queue", "health-check"))
SCHEDULER = Service(name="scheduler", module="services.scheduler")
MESSAGING = Service(
    name="messaging",
    module="services.messaging",
    arguments=("--queue", "message-processing"),
    address_setting="MESSAGING_URL",
)
SCHEDULED_MESSAGES = Service(
    name="scheduled-messages", module="services.messaging", arguments=("--queue", "scheduled-messages")
)

SYNC = Service(name="sync", module="services.sync", address_setting="SYNC_URL")

OPERATIONS = Service(name="operations", module="services.gateway", arguments=("--queue", "operations"))

ALL: Sequence[Service] = (
    GATEWAY,
    BULK_AVAILABILITY,
    HEALTH_CHECK,
    SCHEDULER,
    MESSAGING,
    SCHEDULED_MESSAGES,
    SYNC,
    OPERATIONS,
)
"""Every service, the gateway first."""
