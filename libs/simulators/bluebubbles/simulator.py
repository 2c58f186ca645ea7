"""The simulator as a whole: its lines, its records, and the levers that tests pull."""

import functools
import hashlib
from collections.abc import Mapping

from libs.simulators.bluebubbles.addresses import normalized
from libs.simulators.bluebubbles.admin import admin_application
from libs.simulators.bluebubbles.faults import KNOWN_FAULTS
from libs.simulators.bluebubbles.front import BlueBubblesFront
from libs.simulators.bluebubbles.hooks import Announcer
from libs.simulators.bluebubbles.line import Line
from libs.simulators.bluebubbles.routes import build_routes
from libs.simulators.bluebubbles.settings import Settings
from libs.simulators.bluebubbles.state import State
from libs.simulators.calls import CallLog
from libs.simulators.faults import ANY, Fault, FaultPlan, NetworkFault
from libs.simulators.outages import Outages
from libs.simulators.reachability import Reachability
from libs.simulators.server import Endpoint, Simulator
from libs.simulators.webhooks import Courier


class BlueBubblesSimulator(Simulator):
    """Several BlueBubbles servers in one process, each line at its own port, and the admin API at another.

    The methods here may be called from any thread but the simulator's own.

    Attributes:
        state: calls, deliveries, faults: what happened so far.
        lines: the lines, in order.
        courier: the webhook calls made so far.

    Args:
        settings: what to start with.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.state = State(settings)
        self.outages = Outages()
        self.courier = Courier()
        self._announcer = Announcer(self.courier)
        self.lines = [_line(settings, number) for number in range(1, settings.lines + 1)]
        front = BlueBubblesFront(
            routes=build_routes(self.state, self._announcer),
            calls=self.state.calls,
            faults=self.state.faults,
            outages=self.outages,
        )
        for line in self.lines:
            port = settings.port + line.number if settings.port else 0
            line.serve(functools.partial(front.receive, line), host=settings.host, port=port)
        self._admin = Endpoint(admin_application(self), host=settings.host, port=settings.port)

    @property
    def calls(self) -> CallLog:
        """The log of calls."""
        return self.state.calls

    @property
    def faults(self) -> FaultPlan:
        """The faults in force."""
        return self.state.faults

    @property
    def admin_url(self) -> str:
        """The base of the admin API, which is no part of the provider's protocol."""
        return f"{self._admin.url}/__admin"

    async def start(self) -> None:
        """Open the admin API's address and every line's."""
        await self._admin.open()
        for line in self.lines:
            await line.endpoint.open()

    async def stop(self) -> None:
        """Close all addresses."""
        await self.outages.stop()
        await self.courier.close()
        for line in self.lines:
            await line.endpoint.close()
        await self._admin.close()

    def describe(self) -> Mapping[str, object]:
        """The lines' names, addresses and passwords, and the admin API's address."""
        return {
            "provider": "bluebubbles",
            "adminUrl": self.admin_url,
            "lines": [
                {"name": line.name, "serverUrl": line.server_url, "password": line.password} for line in self.lines
            ],
        }

    def line(self, name: int | str) -> Line:
        """A line by its name or its number.

        Raises:
            KeyError: there is no such line.
        """
        for line in self.lines:
            if name in {line.name, line.number}:
                return line
        raise KeyError(f"There is no line {name!r}; there are {', '.join(line.name for line in self.lines)}.")

    def set_fault(
        self,
        *,
        fault: str,
        line: int | str | None = None,
        endpoint: str = ANY,
        key: str = ANY,
        probability: float = 1.0,
        count: int | None = None,
        skip: int = 0,
        seconds: float = 0.0,
    ) -> None:
        """Let something go wrong from now on. See :class:`libs.simulators.faults.Fault` for the arguments.

        Args:
            fault: one of ``NetworkFault``, ``CrashFault`` or ``ServerFault``.
            line: the line's name or number; ``None`` for all.
            endpoint: the endpoint's name, such as ``message/text``; ``*`` for all.
            key: only calls about this address; ``*`` for all.
            probability: how likely a matching call meets it.
            count: how many calls meet it; ``None`` for no end.
            skip: how many matching calls pass first.
            seconds: how long it lasts, where it takes time.

        Raises:
            ValueError: the fault is unknown.
            KeyError: there is no such line.
        """
        target = ANY if line is None else self.line(line).name
        wish = Fault(
            fault=fault,
            target=target,
            endpoint=endpoint,
            key=key,
            probability=probability,
            count=count,
            skip=skip,
            seconds=seconds,
        )
        self.run(self.apply_fault(wish))

    def clear_faults(self, *, line: int | str | None = None) -> None:
        """End the faults of one line, or of all, and bring them back on the network."""
        self.run(self.end_faults(None if line is None else self.line(line).name))

    def take_down(self, line: int | str, *, seconds: float = 0.0) -> None:
        """Refuse connections to a line, for some seconds or until :meth:`bring_up`."""
        self.run(self.outages.take_down(self.line(line).endpoint, seconds=seconds))

    def bring_up(self, line: int | str) -> None:
        """Accept connections to a line again."""
        self.run(self.outages.bring_up(self.line(line).endpoint))

    def configure(self, line: int | str, **changes: object) -> None:
        """Change how a line behaves: any fields of :class:`LineSettings`."""
        self.line(line).change(changes)

    def set_availability(self, address: str, reachability: str | bool) -> None:
        """Make an exception to the rule of who can be reached.

        Args:
            address: a phone number or an email address.
            reachability: a :class:`Reachability`, or ``True`` and ``False`` for available and not.
        """
        if isinstance(reachability, bool):
            reachability = Reachability.AVAILABLE if reachability else Reachability.UNAVAILABLE
        self.state.availability.exceptions[normalized(address)] = Reachability(reachability)

    def open_chat(self, line: int | str, address: str) -> str:
        """Let there be a conversation already between a line and an address. Returns the chat's guid."""
        return self.line(line).mailbox.open_chat(normalized(address)).guid

    def receive(self, line: int | str, *, sender: str, text: str) -> str:
        """Let a message arrive at a line, for example ``STOP``; its webhooks are called. Returns the message's guid."""
        return self.run(self.take_in(line, sender=sender, text=text))

    async def take_in(self, line: int | str, *, sender: str, text: str) -> str:
        """Let a message arrive; in the simulator's loop."""
        receiver = self.line(line)
        chat = receiver.mailbox.open_chat(normalized(sender))
        message = receiver.mailbox.add(chat, text, is_from_me=False)
        self._announcer.arrived(receiver, message)
        return message.guid

    async def apply_fault(self, wish: Fault) -> None:
        """Put a fault in force; in the simulator's loop.

        Raises:
            ValueError: the fault is unknown.
        """
        if wish.fault not in KNOWN_FAULTS:
            raise ValueError(f"Unknown fault {wish.fault!r}; known are {', '.join(sorted(KNOWN_FAULTS))}.")
        if wish.fault != NetworkFault.DOWN:
            self.state.faults.add(wish)
            return
        for line in self.lines:
            if wish.target in {ANY, line.name}:
                await self.outages.take_down(line.endpoint, seconds=wish.seconds)

    async def end_faults(self, target: str | None) -> None:
        """End the faults of one line, or of all; in the simulator's loop."""
        self.state.faults.clear(target=target)
        for line in self.lines:
            if target in {None, line.name}:
                await self.outages.bring_up(line.endpoint)


def _line(settings: Settings, number: int) -> Line:
    name = f"line-{number}"
    derived = hashlib.blake2b(f"{settings.seed}:{name}".encode(), digest_size=9).hexdigest()
    given = settings.passwords[number - 1] if number <= len(settings.passwords) else derived
    return Line(number=number, password=given, settings=settings.line, seed=settings.seed)
