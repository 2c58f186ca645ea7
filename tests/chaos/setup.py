"""What an installation that a fault is let loose on consists of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from libs.cli.services import BULK_AVAILABILITY, GATEWAY, HEALTH_CHECK, SYNC, Service
from tests.chaos.stores import MakeStores, plain
from tests.chaos.unguarded.at_start import at_start

if TYPE_CHECKING:
    from tests.chaos.world import World

WORKSPACE = "chaos"
LEASE_S = 3.0

MESSAGING = "messaging"
DUE = "due"
SCHEDULER = "scheduler"
AVAILABILITY = BULK_AVAILABILITY.name
HEALTH = HEALTH_CHECK.name

SETTINGS: Mapping[str, str] = {
    "LEASE_MS": str(round(LEASE_S * 1_000)),
    "MESSAGE_LEASE_MS": "10000",
    "SEND_TIMEOUT_MS": "3000",
    "SEND_WITHIN_MS": "2000",
    "BLUEBUBBLES_SETTLE_MS": "5000",
    "RECONCILE_PATIENCE_MS": "300000",
    "RECONCILE_INTERVAL_MS": "1000",
    "WORKER_CONCURRENCY": "8",
    "AVAILABILITY_CHUNK_SIZE": "10",
    "AVAILABILITY_RATE_PER_LINE": "10",
    "LOG_FORMAT": "json",
    "LOG_LEVEL": "warning",
}
"""Times are short, so that a run is."""


def _nothing(_world: "World") -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What the installation of a fault has that others have not.

    Args:
        processes: how many processes a service has, by its name, where it is not the usual number.
        messaging_module: what is run in place of the messaging service's program.
        settings: further environment variables.
        removed: a safeguard that no process has (:mod:`tests.chaos.unguarded.safeguards`); empty for none.
        stores: what it stores its data in.
        lines_behind_a_wire: whether the lines are reached through a wire, a part of the world.
        lean: whether the services that neither send nor check are left out.
        prepare: changes the installation once it is healthy, before there is work.
    """

    processes: Mapping[str, int] = field(default_factory=dict)
    messaging_module: str = "services.messaging"
    settings: Mapping[str, str] = field(default_factory=dict)
    removed: str = ""
    stores: MakeStores = plain
    lines_behind_a_wire: bool = False
    lean: bool = False
    prepare: Callable[["World"], None] = _nothing

    def services(self) -> Sequence[Service]:
        """Every service, the gateway first."""
        return (
            GATEWAY,
            BULK_AVAILABILITY,
            Service(
                name=MESSAGING,
                module=self.messaging_module,
                arguments=("--queue", "message-processing"),
                address_setting="MESSAGING_URL",
            ),
            Service(name=DUE, module="services.messaging", arguments=("--queue", "scheduled-messages")),
            Service(name=SCHEDULER, module="services.scheduler"),
            *(() if self.lean else (HEALTH_CHECK, SYNC)),
        )

    def environ(self) -> dict[str, str]:
        """The environment variables that say so."""
        return {**SETTINGS, **self.settings, **at_start(removed=self.removed)}
