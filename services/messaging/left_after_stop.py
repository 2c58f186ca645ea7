"""Measures how long after a stop the last message left: one whose call had begun when the stop was placed."""

from libs.common.clock import Clock
from libs.common.errors import StoreUnavailable
from libs.common.logging import get_logger
from libs.common.messages.model import Message
from libs.common.messages.stops import Stop
from libs.common.offload import Offload
from libs.common.stores.stops import Concerned, StopStore
from services.messaging.metrics import LEFT_AFTER_STOP_SECONDS

log = get_logger(__name__)


class LeftAfterStop:
    """Measures.

    Args:
        stops: the stops.
        offload: where blocking calls run.
        clock: tells which stops have ended.
    """

    def __init__(self, stops: StopStore, offload: Offload, clock: Clock) -> None:
        self._stops = stops
        self._offload = offload
        self._clock = clock

    async def measure(self, message: Message, concerned: Concerned) -> None:
        """Notes a message that has just left, if a stop is in force for it. A store that is away does not matter."""
        try:
            for stop in await self._offload.run(self._noted, concerned):
                after = stop.last_left_after
                if after is not None:
                    LEFT_AFTER_STOP_SECONDS.observe(after.total_seconds())
                    log.warning(
                        "message.left_after_stop",
                        message_id=message.message_id,
                        scope=stop.scope.value,
                        after_s=after.total_seconds(),
                    )
        except StoreUnavailable as error:
            log.warning("stop.not_measured", message_id=message.message_id, error=error.reason)

    def _noted(self, concerned: Concerned) -> list[Stop]:
        now = self._clock.now()
        stops = [stop for stop in self._stops.concerning(concerned) if stop.until is None or stop.until > now]
        return [noted for stop in stops if (noted := self._stops.note_left(stop)) is not None]
