"""Every fault that is run, and those that are not, with the reason."""

from collections.abc import Mapping, Sequence

from tests.chaos.fault import Fault
from tests.chaos.faults import processes, provider, requests, soak, stores

FAULTS: Sequence[Fault] = (*processes.FAULTS, *stores.FAULTS, *provider.FAULTS, *requests.FAULTS, *soak.FAULTS)

NOT_RUN: Mapping[str, str] = {
    "4 out-of-memory kill": "needs a memory limit of the kernel (cgroup); to the system it is the SIGKILL of fault 4",
    "6 power loss of Redis": "needs a loop-mounted image; what the last second loses is part of fault 7",
    "8 Sentinel fail-over": "needs sentinels; tests/end_to_end/redis_kinds runs it and counts",
    "9, 10 workers cut off from a store": "need a network per worker; the freezes of faults 13 and 19 come next to it",
    "11 three-node MongoDB": "the embedded MongoDB is a set of one node; fault 11 kills that one",
    "12 clocks that jump": "needs a clock per process (libfaketime)",
    "16 full disk": "needs a file system of its own under each store",
    "20 old and new version together": "there is no earlier version yet",
    "21 Prometheus away": "nothing here calls Prometheus; it calls us",
}
"""What is not run, and why, for the end of the table."""
