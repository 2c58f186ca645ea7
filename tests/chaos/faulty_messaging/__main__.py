"""``python -m tests.chaos.faulty_messaging``: dies at the points named in ``FAULT_ORDERS``, and of poisoned messages.

A file ``poison.ID`` in that folder lets every worker kill itself (SIGKILL) when it takes up the message ID.
"""

import os
import signal
import sys
from pathlib import Path

import dramatiq
from dramatiq.broker import MessageProxy
from dramatiq.middleware import Middleware

from libs.common.logging import set_up_logging
from libs.common.settings import load_settings
from libs.common.stores.mongo import connect_mongo
from services.messaging.bootstrap import REQUIRED, SERVICE, build_message_processing, message_worker
from tests.end_to_end.messaging.faulty_worker import Orders


class Poison(Middleware):
    """Lets the process die of a poisoned message, as one that exhausts the memory would.

    Args:
        folder: where poisoned messages are named.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def before_process_message(self, broker: dramatiq.Broker, message: MessageProxy) -> None:
        """See :class:`dramatiq.middleware.Middleware`."""
        said = repr((message.args, message.kwargs))
        for poison in self._folder.glob("poison.*"):
            if poison.suffix[1:] in said:
                (self._folder / f"died.{os.getpid()}").touch()
                os.kill(os.getpid(), signal.SIGKILL)


def main() -> int:
    """Works; answers the exit status."""
    settings = load_settings(os.environ, required=REQUIRED)
    set_up_logging(settings, service=SERVICE)
    folder = Path(os.environ["FAULT_ORDERS"])
    database = connect_mongo(settings, service=SERVICE)
    parts = build_message_processing(settings, database, at=Orders(folder).at)
    parts.broker.add_middleware(Poison(folder))
    return message_worker(settings, database, parts).run()


if __name__ == "__main__":
    sys.exit(main())
