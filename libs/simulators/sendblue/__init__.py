"""A stand-in for Sendblue: one account with several lines, that speaks its REST API over real sockets.

Sendblue is hosted and closed, so its wire facts come from docs.sendblue.com and from the OpenAPI description behind its
own client (sendblue-api/sendblue-py, commit ea1ff34, April 2026). Documented there:

- ``send-message``, its fields and its answer with status ``QUEUED``; callbacks at every change; the queue of a line,
  one message a second, 1,500 long, 429 above it; ten messages a second taken per line;
- new contacts per line: 15 in any 60 minutes, 50 between 3 am and 3 am Eastern; new is who had no message for 30 days;
- ``v2/messages`` can be searched by number, direction and time, 100 a page, 100 readings in ten seconds; a single
  message by its handle there, or at ``status``;
- ``evaluate-service``, ``v2/lines/usage``, ``account/webhooks``; the header ``sb-signing-secret``.

Not confirmed, and chosen here: the HTTP status and the body of errors; their codes (third parties' clients); what is
answered above the limits of new contacts and of ten a second; what happens to a send to a number that opted out; how
often webhooks are tried; what ``state`` says in ``v2/lines/usage`` when a line is full. In a test::

    with running_sendblue(lines=2, seed=7) as simulator:
        url, headers, sender = simulator.server_url, simulator.headers, simulator.lines[0].phone
        simulator.set_fault(endpoint="send-message", fault="answer_lost", count=1)
        ...
        assert simulator.state.deliveries.repeated() == {}

As a process, which prints address, keys and numbers as one line of JSON::

    python -m libs.simulators.sendblue --lines 2 --seed 7
"""

import contextlib
from collections.abc import Iterator

from libs.simulators.reachability import Reachability
from libs.simulators.sendblue.account import Line
from libs.simulators.sendblue.faults import ServiceFault
from libs.simulators.sendblue.settings import AccountSettings, Settings
from libs.simulators.sendblue.simulator import SendblueSimulator
from libs.simulators.server import running

__all__ = [
    "AccountSettings",
    "Line",
    "Reachability",
    "SendblueSimulator",
    "ServiceFault",
    "Settings",
    "running_sendblue",
]


@contextlib.contextmanager
def running_sendblue(
    *,
    lines: int = 1,
    seed: int = 0,
    available_ratio: float = 0.7,
    account: AccountSettings | None = None,
) -> Iterator[SendblueSimulator]:
    """Run the simulator in a thread of this process for the length of a ``with`` block.

    Args:
        lines: how many telephone numbers the account has.
        seed: fixes who can be reached, and what random faults hit.
        available_ratio: the share of numbers that iMessage reaches, 0 to 1.
        account: how the account behaves; by default with the documented limits.
    """
    settings = Settings(lines=lines, seed=seed, available_ratio=available_ratio, account=account or AccountSettings())
    with running(SendblueSimulator(settings)) as simulator:
        yield simulator
