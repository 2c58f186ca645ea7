"""The one settings object: read from the environment once, typed, and refused at start when something is wrong.

The smallest use::

    settings = load_settings(os.environ, required=("REDIS_URL", "MONGODB_URI"))
"""

import re
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal, get_args

import msgspec

from libs.common.errors import SettingsError
from libs.common.redis_url import read_redis_url


class Secret:
    """A text that shows itself only when asked: never in logs, tracebacks or ``repr``."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return "Secret(***)"


Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
PositiveFloat = Annotated[float, msgspec.Meta(gt=0)]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting; the environment variable is the field's name in capitals."""

    environment: Literal["production", "dev"] = "production"
    """`dev` loosens what only a developer's machine may do, such as running without tokens."""
    log_format: Literal["auto", "json", "console"] = "auto"
    """`auto`: readable on a terminal, JSON elsewhere."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least grave that is logged: `debug`, `info`, `warning` or `error`."""
    tuco_version: str = ""
    """The release that runs, as `tuco_build_info` shows it; an image brings its own."""
    otel_exporter_otlp_endpoint: str = ""
    """Where traces go: an OpenTelemetry collector's address for OTLP over HTTP, as `http://collector:4318`."""

    redis_url: Secret = Secret("")
    """One server, a cluster or what sentinels watch: :mod:`libs.common.redis_url`; may hold a password."""
    mongodb_uri: Secret = Secret("")
    """`mongodb://` or `mongodb+srv://` of a replica set; may hold a password."""
    mongodb_database: str = "tuco"
    """The database where the URI names none."""

    service_token: Secret = Secret("")
    """Lets the app read and enqueue; two tokens, separated by a comma, while one is rotated out."""
    admin_token: Secret = Secret("")
    """Lets an engineer do everything; two tokens, separated by a comma, while one is rotated out."""
    workspace_tokens: Secret = Secret("")
    """Tokens that read and enqueue for one workspace only: `workspaceId=token` pairs, separated by commas."""
    requests_per_second: Positive = 2_000
    """How many requests per second the gateway takes from one token, and twice as many at once after a quiet second."""
    trusted_proxies: Annotated[int, msgspec.Meta(ge=0, le=10)] = 0
    """How many proxies stand before the gateway and say in `X-Forwarded-For` who calls; 0 takes nobody's word."""
    credentials_key: Secret = Secret("")
    """Encrypts provider and CRM secrets: Fernet keys, newest first, separated by commas."""
    bullmq_server_url: str = "http://localhost:3001"
    """Where the CLI and the app find the gateway."""

    port: Port = 3001
    """The gateway's port."""
    gateway_host: str = ""
    """The address on which the gateway listens; by default every one, and with `dev` only 127.0.0.1."""
    gateway_threads: Positive = 32
    """Requests that the gateway serves in threads at once, streams among them; jobs one by one need none."""
    max_body_bytes: Positive = 16 * 1024 * 1024
    """The largest request body that the gateway reads."""
    direct_timeout_ms: Positive = 8_000
    """How long a job that is run at once may take before it is left to its queue; at most 4/5 of RECONCILE_AFTER_MS."""
    scrape_timeout_ms: Positive = 2_000
    """How long the gateway waits for others when it is asked for health or metrics."""

    internal_host: str = "127.0.0.1"
    """The address on which a worker's own HTTP port (health, metrics, direct runs) listens; 0.0.0.0 in a container."""
    internal_port: Port = 0
    """The worker's own HTTP port; 0 picks a free one."""
    availability_url: str = "http://localhost:3011"
    """Where the gateway finds the availability service for checks that are answered at once."""
    messaging_url: str = "http://localhost:3012"
    """Where the gateway finds the messaging service while Redis is away."""
    sync_url: str = "http://localhost:3013"
    """Where the gateway finds the sync service, which asks CRMs whether they let us in."""
    service_urls: str = ""
    """What the gateway asks for health and metrics: `name=url` pairs, separated by commas."""

    worker_concurrency: Positive = 16
    """Jobs that a worker runs at once."""
    worker_threads: Positive = 8
    """Threads for jobs that are plain functions."""
    lease_ms: Annotated[int, msgspec.Meta(ge=1000)] = 15_000
    """How long a worker may be silent before its jobs run elsewhere."""
    shutdown_timeout_ms: Positive = 25_000
    """How long running jobs may take to finish after SIGTERM before they are handed back."""
    reconcile_interval_ms: Positive = 5_000
    """How often accepted jobs that Redis does not know are looked for."""
    reconcile_after_ms: Positive = 10_000
    """How old an accepted job must be before the reconciler looks after it."""

    availability_chunk_size: Positive = 200
    """Leads per chunk job of a bulk run."""
    availability_in_flight_per_line: Positive = 64
    """Availability questions on their way to one line at once, per worker."""
    availability_rate_per_line: PositiveFloat = 50.0
    """Availability questions per second to one line, all workers together; a line may set its own."""
    message_lease_ms: Positive = 120_000
    """How long an attempt to send a message may take before another may look after it; longer than a send may take."""
    send_timeout_ms: Positive = 60_000
    """How long a provider may take to answer a send."""
    send_within_ms: Positive = 5_000
    """How soon after its mark a message must leave; it is held back later, or its worker is ended while writing it."""
    bluebubbles_settle_ms: Positive = 240_000
    """How long after a send BlueBubbles may still act on it: longer than its own time-outs together."""
    sendblue_settle_ms: Positive = 120_000
    """How long after a send Sendblue may still act on it."""
    reconcile_patience_ms: Positive = 3_600_000
    """How long a provider that does not answer is asked what became of a message before a person decides."""
    workspace_messages_per_day: Annotated[int, msgspec.Meta(ge=0)] = 0
    """The most messages of a workspace per day, where it sets no limit of its own; 0 for no limit."""
    recipient_gap_ms: Annotated[int, msgspec.Meta(ge=0)] = 0
    """The pause between two messages to one recipient, where a workspace sets none of its own."""
    requeue_after_ms: Positive = 60_000
    """How long a message may be without a job before a tick makes it one: longer than queueing takes."""
    due_batch: Positive = 2_000
    """Messages that are claimed and enqueued at once when they are due."""
    public_url: str = ""
    """Where providers reach the gateway with their reports, such as https://jobs.example.com; empty for nowhere."""

    provider_timeout_ms: Positive = 10_000
    """How long a provider may take to answer."""
    default_region: Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$")] = "US"
    """The region (ISO 3166-1 alpha-2) in which national phone numbers are read."""


def load_settings(environ: Mapping[str, str], *, required: Collection[str] = ()) -> Settings:
    """The settings in ``environ``; an empty variable counts as not set.

    Args:
        environ: environment variables.
        required: variables that must be there for this process.

    Raises:
        SettingsError: naming every variable that is missing or wrong, and what it should be.
    """
    fields = {field.name.upper(): field for field in msgspec.structs.fields(Settings)}
    given = {name: environ[name] for name in fields if environ.get(name)}
    problems = [f"{name} is not set" for name in required if name not in given]
    values: dict[str, Any] = {}
    for name, text in given.items():
        try:
            values[fields[name].name] = _read(text, fields[name].type)
        except msgspec.ValidationError as error:
            problems.append(f"{name} is wrong: {_in_words(error, fields[name].type)}, got {text!r}")
    problems += _address_problems(given)
    if problems:
        raise SettingsError("; ".join(problems))
    return Settings(**values)


def tokens_of(secret: Secret) -> tuple[str, ...]:
    """The tokens that a setting holds: one, or two while one is rotated out."""
    return tuple(part for part in (token.strip() for token in secret.reveal().split(",")) if part)


def _read(text: str, into: object) -> object:
    return Secret(text) if into is Secret else msgspec.convert(text, into, strict=False)


_SCHEMES = {
    "MONGODB_URI": ("mongodb://", "mongodb+srv://"),
    "BULLMQ_SERVER_URL": ("http://", "https://"),
    "AVAILABILITY_URL": ("http://", "https://"),
    "MESSAGING_URL": ("http://", "https://"),
    "SYNC_URL": ("http://", "https://"),
    "OTEL_EXPORTER_OTLP_ENDPOINT": ("http://", "https://"),
}


def _address_problems(given: Mapping[str, str]) -> list[str]:
    problems = [
        f"{name} is wrong: it should start with {' or '.join(schemes)}"
        for name, schemes in _SCHEMES.items()
        if name in given and not given[name].startswith(schemes)
    ]
    if "REDIS_URL" in given:
        try:
            read_redis_url(given["REDIS_URL"])
        except SettingsError as error:
            problems.append(str(error))
    return problems


def _in_words(error: msgspec.ValidationError, expected: object) -> str:
    if choices := [choice for choice in get_args(expected) if isinstance(choice, str)]:
        return f"it should be {' or '.join(choices)}"
    names = {"int": "a whole number", "float": "a number", "str": "a text"}
    text = re.sub(r"`(int|float|str)`", lambda match: names[match[1]], str(error).split(", got")[0])
    return text.replace("Expected", "it should be")
