"""``python -m tests.integration.messaging.frozen_sender URL SECONDS [unguarded]``: stands still on the brink of a call.

It stops itself (SIGSTOP) after the last check and before the system call that writes, which may happen within SECONDS.
``unguarded`` takes the kernel's deadline away.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from unittest import mock

from libs.common.kernel_deadline import dead_by, uptime
from libs.common.providers.last_moment import last_moment
from services.messaging.bootstrap import SendingTransport


def main(url: str, seconds: str, *words: str) -> int:
    @contextmanager
    def stopped(moment: float) -> Iterator[None]:
        with nullcontext() if "unguarded" in words else dead_by(moment):
            os.kill(os.getpid(), signal.SIGSTOP)
            yield

    async def call() -> None:
        transport = SendingTransport(timeout=timedelta(seconds=30))
        with last_moment(lambda: True, dead_by=uptime() + float(seconds)):
            await transport.post(url, json=b"{}")

    with mock.patch("libs.common.providers.last_moment.dead_by", stopped):
        asyncio.run(call())
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
