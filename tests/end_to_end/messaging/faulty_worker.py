"""``python -m tests.end_to_end.messaging.faulty_worker``: a worker that dies or stands still where it is told to.

``FAULT_ORDERS`` names a folder. A file ``POINT.kill.N`` there lets the worker that finds it at POINT kill itself
(SIGKILL), a file ``POINT.stop.N`` lets it stop (SIGSTOP); each file serves once. Beside the service's own points there
are ``leaving`` (the call is checked for the last time, and the next thing is the system call that writes it) and
``calling`` (it is written, and there is no answer yet).
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from libs.common.kernel_deadline import dead_by
from libs.common.logging import set_up_logging
from libs.common.settings import load_settings
from libs.common.stores.mongo import connect_mongo
from services.messaging.bootstrap import REQUIRED, SERVICE, build_message_processing, message_worker
from services.messaging.fault_points import FaultPoint

LEAVING = "leaving"
CALLING = "calling"
SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


class Orders:
    """The orders in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def at(self, point: FaultPoint) -> None:
        """Obeys one order for this point, if there is one that no other worker has taken."""
        self.obey(point)

    @contextmanager
    def leaving(self, moment: float) -> Iterator[None]:
        """Takes the place of :func:`libs.common.kernel_deadline.dead_by`, and obeys orders inside it."""
        with dead_by(moment):
            self.obey(LEAVING)
            yield
        self.obey(CALLING)

    def obey(self, point: str) -> None:
        """Obeys one order for this point."""
        for word, number in SIGNALS.items():
            for order in self._folder.glob(f"{point}.{word}.*"):
                try:
                    order.rename(order.with_name(f"taken.{order.name}.by.{os.getpid()}"))
                except FileNotFoundError:
                    continue
                os.kill(os.getpid(), number)


def main() -> int:
    settings = load_settings(os.environ, required=REQUIRED)
    set_up_logging(settings, service=SERVICE)
    database = connect_mongo(settings, service=SERVICE)
    orders = Orders(Path(os.environ["FAULT_ORDERS"]))
    with mock.patch("libs.common.providers.last_moment.dead_by", orders.leaving):
        return message_worker(settings, database, build_message_processing(settings, database, at=orders.at)).run()


if __name__ == "__main__":
    sys.exit(main())
