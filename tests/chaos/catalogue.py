"""Every fault."""

from collections.abc import Mapping, Sequence

from tests.chaos.fault import Fault
from tests.chaos.faults import (
    clocks,
    disks,
    failover,
    network,
    power,
    processes,
    provider,
    requests,
    scraping,
    soak,
    stores,
    versions,
)

_ALL = (
    processes,
    stores,
    power,
    failover,
    network,
    clocks,
    requests,
    disks,
    provider,
    versions,
    scraping,
    soak,
)

FAULTS: Sequence[Fault] = tuple(fault for module in _ALL for fault in module.FAULTS)
"""Every fault that can be run; what a machine lacks for one is asked when its turn comes."""

NOT_RUN: Mapping[str, str] = {
    "4 out-of-memory kill": "needs a memory limit of the kernel (cgroup); to the system it is the SIGKILL of row 4",
}
"""What is run nowhere, and why."""
