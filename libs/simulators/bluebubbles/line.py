"""One line: a Mac with a BlueBubbles server on it, at its own address and with its own password."""

import random

import msgspec

from libs.simulators.bluebubbles.mailbox import Mailbox
from libs.simulators.bluebubbles.settings import LineSettings
from libs.simulators.limits import SlidingWindow
from libs.simulators.server import Endpoint, Handler


class Webhook(msgspec.Struct, frozen=True):
    """A registered webhook, as the server shows it."""

    url: str
    events: list[str]
    id: int
    created: str


class Line:
    """A line's address, password, behaviour and messages.

    Attributes:
        mailbox: its chats and messages.
        in_flight: the references of the sends under way.
        webhooks: those registered, in order.
        last_webhook_id: the id that was given last.

    Args:
        number: its place, from 1; it is named ``line-<number>``.
        password: what callers must give.
        settings: how it behaves.
        seed: fixes its jitter.
    """

    def __init__(self, *, number: int, password: str, settings: LineSettings, seed: int) -> None:
        self.number = number
        self.name = f"line-{number}"
        self.password = password
        self.settings = msgspec.structs.replace(settings)
        self._random = random.Random(f"{seed}:{self.name}")  # noqa: S311 - repeatable on purpose, guards nothing
        self.mailbox = Mailbox(seed=f"{seed}:{self.name}")
        self.in_flight: set[str] = set()
        self.webhooks: list[Webhook] = []
        self.last_webhook_id = 0
        self._window: SlidingWindow | None = None
        self._endpoint: Endpoint | None = None

    def serve(self, handler: Handler, *, host: str, port: int) -> None:
        """Say who answers this line's calls, and where."""
        self._endpoint = Endpoint(handler, host=host, port=port)

    @property
    def endpoint(self) -> Endpoint:
        """The line's own listening address.

        Raises:
            RuntimeError: before :meth:`serve`.
        """
        if self._endpoint is None:
            raise RuntimeError(f"{self.name} has no address yet.")
        return self._endpoint

    @property
    def server_url(self) -> str:
        """The base that a client is given; the protocol's paths start with ``/api/v1`` behind it."""
        return f"{self.endpoint.url}/{self.name}"

    @property
    def is_up(self) -> bool:
        """Whether the line accepts connections."""
        return self.endpoint.is_open

    def change(self, changes: dict[str, object]) -> None:
        """Change some settings.

        Args:
            changes: field names of :class:`LineSettings` with their new values.

        Raises:
            msgspec.ValidationError: a name is unknown or a value is of a wrong type.
        """
        self.settings = msgspec.convert({**msgspec.structs.asdict(self.settings), **changes}, LineSettings)
        self._window = None

    def delay_s(self) -> float:
        """How long this call is to take, in seconds."""
        settings = self.settings
        jitter = self._random.random() * settings.jitter_ms if settings.jitter_ms else 0.0
        return (settings.latency_ms + jitter) / 1000

    def throttled_s(self) -> float:
        """Count a call against the rate limit; above it, how many seconds the caller should wait, else 0.0."""
        limit = self.settings.calls_per_second
        if limit is None:
            return 0.0
        if self._window is None:
            self._window = SlidingWindow(limit, 1.0)
        return self._window.wait_s()
