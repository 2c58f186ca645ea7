"""The simulator as a whole: the account, its records, and the levers that tests pull."""

from collections.abc import Mapping

from libs.simulators.calls import CallLog
from libs.simulators.faults import ANY, Fault, FaultPlan, NetworkFault
from libs.simulators.outages import Outages
from libs.simulators.reachability import Reachability
from libs.simulators.sendblue.account import Account, Line
from libs.simulators.sendblue.admin import admin_application
from libs.simulators.sendblue.exchange import ACCOUNT
from libs.simulators.sendblue.faults import KNOWN_FAULTS
from libs.simulators.sendblue.front import SendblueFront
from libs.simulators.sendblue.hooks import ATTEMPTS, Webhooks
from libs.simulators.sendblue.routes import build_routes
from libs.simulators.sendblue.sending import Sending
from libs.simulators.sendblue.settings import Settings
from libs.simulators.server import Endpoint, Simulator
from libs.simulators.webhooks import Courier


class SendblueSimulator(Simulator):
    """One Sendblue account with several lines at one address, and the admin API at another.

    The methods here may be called from any thread but the simulator's own.

    Attributes:
        state: the account with its calls, deliveries, messages and faults.
        courier: the webhook calls made so far.

    Args:
        settings: what to start with.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.state = Account(settings)
        self.outages = Outages()
        self.courier = Courier(attempts=ATTEMPTS)
        webhooks = Webhooks(self.state, self.courier)
        self._sending = Sending(self.state, webhooks)
        front = SendblueFront(
            self.state,
            routes=build_routes(self._sending, webhooks),
            calls=self.state.calls,
            faults=self.state.faults,
            outages=self.outages,
        )
        self.endpoint = front.serve_at(settings.host, settings.port + 1 if settings.port else 0)
        self._admin = Endpoint(admin_application(self), host=settings.host, port=settings.port)

    @property
    def server_url(self) -> str:
        """The base that a client is given; the API's paths start with ``/api`` behind it."""
        return self.endpoint.url

    @property
    def admin_url(self) -> str:
        """The base of the admin API, which is no part of the provider's protocol."""
        return f"{self._admin.url}/__admin"

    @property
    def headers(self) -> dict[str, str]:
        """The headers that every call needs."""
        return {"sb-api-key-id": self.state.api_key_id, "sb-api-secret-key": self.state.api_secret_key}

    @property
    def lines(self) -> list[Line]:
        """The account's lines, in order."""
        return self.state.lines

    @property
    def calls(self) -> CallLog:
        """The log of calls."""
        return self.state.calls

    @property
    def faults(self) -> FaultPlan:
        """The faults in force."""
        return self.state.faults

    async def start(self) -> None:
        """Open both addresses."""
        await self._admin.open()
        await self.endpoint.open()

    async def stop(self) -> None:
        """Close both addresses."""
        await self.outages.stop()
        await self.courier.close()
        await self.endpoint.close()
        await self._admin.close()

    def describe(self) -> Mapping[str, object]:
        """The account's address and keys, its lines' numbers, and the admin API's address."""
        return {
            "provider": "sendblue",
            "adminUrl": self.admin_url,
            "serverUrl": self.server_url,
            "apiKeyId": self.state.api_key_id,
            "apiSecretKey": self.state.api_secret_key,
            "lines": [{"name": line.name, "phone": line.phone} for line in self.lines],
        }

    def line(self, name: int | str) -> Line:
        """A line by its name, its place or its telephone number.

        Raises:
            KeyError: there is no such line.
        """
        for line in self.lines:
            if name in {line.name, line.number, line.phone}:
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
            fault: one of ``NetworkFault``, ``CrashFault`` or ``ServiceFault``.
            line: the line's name, place or number, or ``account`` for calls that are for no line; ``None`` for all.
            endpoint: the endpoint's name, such as ``send-message``; ``*`` for all.
            key: only calls about this number; ``*`` for all.
            probability: how likely a matching call meets it.
            count: how many calls meet it; ``None`` for no end.
            skip: how many matching calls pass first.
            seconds: how long it lasts, where it takes time.

        Raises:
            ValueError: the fault is unknown.
            KeyError: there is no such line.
        """
        target = ANY if line is None else ACCOUNT if line == ACCOUNT else self.line(line).name
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
        """End the faults of one line, or all of them, and bring the service back on the network."""
        self.run(self.end_faults(None if line is None else self.line(line).name))

    def take_down(self, *, seconds: float = 0.0) -> None:
        """Refuse connections, for some seconds or until :meth:`bring_up`."""
        self.run(self.outages.take_down(self.endpoint, seconds=seconds))

    def bring_up(self) -> None:
        """Accept connections again."""
        self.run(self.outages.bring_up(self.endpoint))

    def configure(self, **changes: object) -> None:
        """Change how the account behaves: any fields of :class:`AccountSettings`."""
        self.state.change(changes)

    def set_availability(self, number: str, reachability: str | bool) -> None:
        """Make an exception to the rule of who can be reached by iMessage.

        Args:
            number: a telephone number in E.164.
            reachability: a :class:`Reachability`, or ``True`` and ``False`` for available and not.
        """
        if isinstance(reachability, bool):
            reachability = Reachability.AVAILABLE if reachability else Reachability.UNAVAILABLE
        self.state.availability.exceptions[number] = Reachability(reachability)

    def receive(self, line: int | str, *, sender: str, text: str) -> str:
        """Let a message arrive at a line, for example ``STOP``; its webhooks are called. Returns its handle."""
        return self.run(self.take_in(line, sender=sender, text=text))

    async def take_in(self, line: int | str, *, sender: str, text: str) -> str:
        """Let a message arrive; in the simulator's loop."""
        return self._sending.receive(self.line(line), sender=sender, text=text).handle

    async def apply_fault(self, wish: Fault) -> None:
        """Put a fault in force; in the simulator's loop.

        Raises:
            ValueError: the fault is unknown.
        """
        if wish.fault not in KNOWN_FAULTS:
            raise ValueError(f"Unknown fault {wish.fault!r}; known are {', '.join(sorted(KNOWN_FAULTS))}.")
        if wish.fault == NetworkFault.DOWN:
            await self.outages.take_down(self.endpoint, seconds=wish.seconds)
        else:
            self.state.faults.add(wish)

    async def end_faults(self, target: str | None) -> None:
        """End the faults of one line, or all of them; in the simulator's loop."""
        self.state.faults.clear(target=target)
        await self.outages.bring_up(self.endpoint)
