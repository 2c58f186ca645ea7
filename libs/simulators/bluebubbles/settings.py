"""How the simulated servers behave: what is fixed at the start, and what can be changed while they run."""

import msgspec


class LineSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How one line's server behaves. Every field can be changed at run time.

    Attributes:
        latency_ms: how long every call takes at least.
        jitter_ms: by how much a call may take longer, at random.
        calls_per_second: how many calls the proxy in front lets through; ``None`` for no limit.
        private_api: whether the Private API is switched on in the server's settings.
        helper_connected: whether the Private API's helper is connected to the server.
        imessage_account: the account that iMessage is signed in with; ``None`` when it is not: nothing can be sent, and
            nobody seems to be reachable.
        os_version: the Mac's system. From 13 on, the texts of sent messages are not in its database's text column.
        send_ms: how long iMessage takes to send, while the ``tempGuid`` is in flight.
        delivery_ms: how long after the send a message's ``dateDelivered`` is set, and its webhook fires.
        deliver_webhooks: whether registered webhooks are called.
    """

    latency_ms: float = 0.0
    jitter_ms: float = 0.0
    calls_per_second: int | None = None
    private_api: bool = True
    helper_connected: bool = True
    imessage_account: str | None = "line@example.com"
    os_version: str = "14.5.0"
    send_ms: float = 0.0
    delivery_ms: float = 50.0
    deliver_webhooks: bool = True

    @property
    def is_ventura(self) -> bool:
        """Whether the Mac runs macOS 13 or later."""
        return int(self.os_version.partition(".")[0]) >= 13


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a set of simulated lines starts with.

    Attributes:
        lines: how many lines there are, named ``line-1`` and so on.
        host: the interface to listen on.
        port: the admin API's port, with line ``n`` at ``port + n``; 0 takes free ports.
        seed: fixes which addresses are reachable, the guids, and what random faults hit.
        available_ratio: the share of addresses that can be reached by iMessage, 0 to 1.
        line: how each line behaves at the start.
        passwords: each line's password; those not given are derived from the line's name and the seed.
    """

    lines: int = 1
    host: str = "127.0.0.1"
    port: int = 0
    seed: int = 0
    available_ratio: float = 0.7
    line: LineSettings = msgspec.field(default_factory=LineSettings)
    passwords: tuple[str, ...] = ()
