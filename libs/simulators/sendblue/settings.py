"""How the simulated account behaves: what is fixed at the start, and what can be changed while it runs."""

import msgspec


class AccountSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How the account behaves. Every field can be changed at run time.

    Attributes:
        latency_ms: how long every call takes at least.
        jitter_ms: by how much a call may take longer, at random.
        calls_per_second: how many calls the proxy in front lets through; ``None`` for no limit.
        lists_per_10_seconds: how often the message list may be read in ten seconds; ``None`` for no limit.
        accepted_per_second: how many messages a line takes in any second; ``None`` for no limit.
        sent_per_second: how many messages a line sends in a second; those above wait in its queue. ``None``: at once.
        queue_length: how many messages may wait at a line; those above are refused.
        new_contacts_per_hour: new contacts of a line in any 60 minutes; ``None`` for no limit.
        new_contacts_per_day: new contacts of a line between 3 am and 3 am, New York; ``None`` for no limit.
        falls_back_to_sms: whether a message goes by SMS where iMessage does not reach; if not, it ends in an error.
        delivery_ms: how long after the send a message is delivered.
        list_lag_ms: how long after it was accepted a message appears in the list.
        deliver_webhooks: whether status callbacks and webhooks are called.
    """

    latency_ms: float = 0.0
    jitter_ms: float = 0.0
    calls_per_second: int | None = None
    lists_per_10_seconds: int | None = 100
    accepted_per_second: int | None = 10
    sent_per_second: float | None = 1.0
    queue_length: int = 1_500
    new_contacts_per_hour: int | None = 15
    new_contacts_per_day: int | None = 50
    falls_back_to_sms: bool = True
    delivery_ms: float = 50.0
    list_lag_ms: float = 0.0
    deliver_webhooks: bool = True


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a simulated account starts with.

    Attributes:
        lines: how many telephone numbers it has, named ``line-1`` and so on.
        host: the interface to listen on.
        port: the admin API's port, with the account's API at the next one; 0 takes free ports.
        seed: fixes who can be reached, the message handles, and what random faults hit.
        available_ratio: the share of numbers that can be reached by iMessage, 0 to 1.
        account: how the account behaves at the start.
        api_key_id: what callers give in ``sb-api-key-id``; derived from the seed when empty.
        api_secret_key: what callers give in ``sb-api-secret-key``; derived from the seed when empty.
    """

    lines: int = 1
    host: str = "127.0.0.1"
    port: int = 0
    seed: int = 0
    available_ratio: float = 0.7
    account: AccountSettings = msgspec.field(default_factory=AccountSettings)
    api_key_id: str = ""
    api_secret_key: str = ""
