"""A stand-in for BlueBubbles servers, one per line, that speaks their REST API over real sockets.

The wire facts are read in BlueBubblesApp/bluebubbles-server, ``packages/server/src/server/api/http/api/v1`` (commit
f2e2286, July 2026). In a test::

    with running_bluebubbles(lines=3, latency_ms=20, seed=7) as simulator:
        line = simulator.lines[0]  # line.server_url, line.password
        simulator.set_fault(line=1, endpoint="handle/availability/imessage", fault="imessage_error", count=3)
        ...
        assert simulator.state.calls.repeated("handle/availability/imessage") == {}

As a process, which prints its lines' addresses and passwords and its admin API's address as one line of JSON::

    python -m libs.simulators.bluebubbles --lines 6 --latency-ms 20 --seed 7
"""

import contextlib
from collections.abc import Iterator

from libs.simulators.bluebubbles.faults import ServerFault
from libs.simulators.bluebubbles.line import Line
from libs.simulators.bluebubbles.settings import LineSettings, Settings
from libs.simulators.bluebubbles.simulator import BlueBubblesSimulator
from libs.simulators.reachability import Reachability
from libs.simulators.server import running

__all__ = [
    "BlueBubblesSimulator",
    "Line",
    "LineSettings",
    "Reachability",
    "ServerFault",
    "Settings",
    "running_bluebubbles",
]


@contextlib.contextmanager
def running_bluebubbles(
    *,
    lines: int = 1,
    latency_ms: float = 0.0,
    jitter_ms: float = 0.0,
    seed: int = 0,
    available_ratio: float = 0.7,
    calls_per_second: int | None = None,
    delivery_ms: float = 50.0,
) -> Iterator[BlueBubblesSimulator]:
    """Run the simulator in a thread of this process for the length of a ``with`` block.

    Args:
        lines: how many lines.
        latency_ms: how long every call takes at least.
        jitter_ms: by how much a call may take longer.
        seed: fixes who can be reached, and what random faults hit.
        available_ratio: the share of addresses that can be reached, 0 to 1.
        calls_per_second: each line's rate limit; ``None`` for none.
        delivery_ms: how long after a send the message is delivered.
    """
    settings = Settings(
        lines=lines,
        seed=seed,
        available_ratio=available_ratio,
        line=LineSettings(
            latency_ms=latency_ms, jitter_ms=jitter_ms, calls_per_second=calls_per_second, delivery_ms=delivery_ms
        ),
    )
    with running(BlueBubblesSimulator(settings)) as simulator:
        yield simulator
