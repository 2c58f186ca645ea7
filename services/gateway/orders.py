"""What a request to enqueue asks for: from its JSON to a typed order, or a refusal that names the field. No I/O."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Annotated, Any

import msgspec

from libs.common.broker.enqueue import job_from
from libs.common.broker.model import JobOptions, NewJob
from libs.common.broker.record import record_of
from libs.common.errors import InvalidInput
from libs.common.ids import derived_job_id
from libs.common.jobs.contract import MAX_PAYLOAD_BYTES, Origin, Payload
from libs.common.jobs.integration_sync import INTEGRATION_SYNC, SyncMode
from libs.common.jobs.registry import AnyContract, contracts
from libs.common.ledger.accepting import entry_of
from libs.common.ledger.model import NewEntry
from libs.common.validation import convert_strictly

MAX_KEY_LENGTH = 255
MAX_BATCH = 1_000
"""The most jobs that one request may enqueue."""
_SURELY_CARRIED = MAX_PAYLOAD_BYTES // 2
"""A request so short makes a job that a queue carries, whatever is added to it."""
_DAY_MS = 24 * 60 * 60 * 1000
_WHERE_FROM = {Origin.SCHEDULE: "a schedule", Origin.DERIVED: "another job", Origin.ROUTE: "a route of their own"}


class RequestedOptions(JobOptions, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The options of a job, within the bounds that a request may choose from."""

    priority: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0
    delay_ms: Annotated[int, msgspec.Meta(ge=0, le=365 * _DAY_MS)] = 0
    max_attempts: Annotated[int, msgspec.Meta(ge=1, le=100)] | None = None
    backoff_ms: Annotated[int, msgspec.Meta(ge=1, le=_DAY_MS)] | None = None


_NOTHING_CHOSEN = RequestedOptions()


class JobRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """What a request to enqueue holds.

    Args:
        job_type: which kind of job.
        data: its payload; each job type has its own fields.
        options: ``priority``, ``delayMs``, ``maxAttempts`` and ``backoffMs``, where the job type's defaults do not fit.
    """

    job_type: str
    data: dict[str, Any]
    options: dict[str, Any] = {}


class BatchItem(JobRequest, frozen=True, kw_only=True, rename="camel", gc=False):
    """One job of many that are asked for at once: as alone, with its idempotency key beside it."""

    idempotency_key: str | None = None


class BatchRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs to enqueue, each as :class:`BatchItem` describes it; one that cannot be used leaves the others alone."""

    jobs: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1, max_length=MAX_BATCH)]


class Wish(msgspec.Struct, frozen=True, gc=False):
    """One job of a batch, not looked at yet.

    Args:
        asked: the item as it was sent.
        bound_to: the only workspace that the caller may ask for.
    """

    asked: Mapping[str, Any]
    bound_to: str | None = None

    @property
    def idempotency_key(self) -> str | None:
        """The key as it was sent."""
        key = self.asked.get("idempotencyKey")
        return key if isinstance(key, str) else None

    def order(self) -> "Order":
        """The order that it makes.

        Raises:
            InvalidInput: naming the field within the item.
        """
        return order_of(convert_strictly(self.asked, BatchItem, path=""), bound_to=self.bound_to)


class Order(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A job that somebody asks for.

    Args:
        contract: its type.
        payload: what to do.
        options: what was chosen for it.
        request_hash: the fingerprint of the request as it was sent.
        size: how long the request was as JSON, in bytes; where that is not known, the job itself is measured.
    """

    contract: AnyContract
    payload: Payload
    options: JobOptions
    request_hash: str
    size: int = MAX_PAYLOAD_BYTES

    @property
    def workspace_id(self) -> str:
        """Whose job it is; empty where it belongs to none."""
        return self.contract.group_of(self.payload)

    @property
    def unique_key(self) -> str | None:
        """What only one unfinished job may stand for."""
        return self.contract.unique_key_of(self.payload)

    @property
    def data(self) -> dict[str, Any]:
        """The payload as it goes over the wire."""
        return self.contract.dump(self.payload)

    def job(self, job_id: str) -> NewJob:
        """The job for the queue.

        Raises:
            PayloadTooLarge: it is larger than a queue carries.
        """
        job = job_from(self.contract, self.payload, job_id=job_id, options=self.options, in_ledger=True)
        if self.size > _SURELY_CARRIED:
            record_of(job, created_ms=0)
        return job

    def entry(self, job: NewJob, *, asked_at: datetime) -> NewEntry:
        """The entry of its :meth:`job` for the ledger."""
        return entry_of(job, self.contract, self.payload, created_at=asked_at, request_hash=self.request_hash)


def order_of(asked: JobRequest, *, bound_to: str | None = None) -> Order:
    """The order that a request makes.

    Args:
        asked: the request.
        bound_to: the only workspace that the caller may ask for.

    Raises:
        InvalidInput: naming the field.
    """
    contract = _contract(asked.job_type)
    payload = contract.parse(asked.data, path="data")
    options = convert_strictly(asked.options, RequestedOptions, path="options") if asked.options else _NOTHING_CHOSEN
    if bound_to is not None and contract.group_of(payload) != bound_to:
        raise InvalidInput("data.workspaceId", f"this token is for workspace {bound_to!r} only")
    asked_for = msgspec.json.encode([contract.job_type, contract.dump(payload), options], order="deterministic")
    return Order(
        contract=contract,
        payload=payload,
        options=options,
        request_hash=hashlib.sha256(asked_for).hexdigest(),
        size=len(asked_for),
    )


def order_of_route(contract: AnyContract, payload: Payload, asked: msgspec.Struct) -> Order:
    """The order that a route of its own makes of a request, whose moments it has fixed in the payload.

    Args:
        contract: the job's type.
        payload: what to do.
        asked: the request; what was asked, not when, is what an idempotency key stands for.
    """
    asked_for = msgspec.json.encode(asked, order="deterministic")
    return Order(
        contract=contract, payload=payload, options=JobOptions(), request_hash=hashlib.sha256(asked_for).hexdigest()
    )


def sync_order(integration_id: str, workspace_id: str, mode: SyncMode) -> Order:
    """The order to sync an integration now.

    Args:
        integration_id: which one.
        workspace_id: whose it is.
        mode: how.
    """
    data = {"integrationId": integration_id, "workspaceId": workspace_id, "mode": mode.value}
    return order_of(JobRequest(job_type=INTEGRATION_SYNC.job_type, data=data))


def read_idempotency_key(header: str | None) -> str | None:
    """The key in an ``Idempotency-Key`` header, bare or in quotes.

    Raises:
        InvalidInput: it is empty, too long or not printable ASCII.
    """
    if header is None:
        return None
    key = header.strip()
    if len(key) >= 2 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not key or len(key) > MAX_KEY_LENGTH or not (key.isascii() and key.isprintable()):
        raise InvalidInput("Idempotency-Key", f"expected 1 to {MAX_KEY_LENGTH} printable ASCII characters")
    return key


def keyed_job_id(order: Order, key: str) -> str:
    """The id of the job that stands for an idempotency key: one per workspace, job type and key."""
    return derived_job_id("idempotency-key", order.workspace_id, order.contract.job_type, key)


def _contract(job_type: str) -> AnyContract:
    if (contract := _open_contracts().get(job_type)) is not None:
        return contract
    open_types = ", ".join(_open_contracts())
    if (contract := contracts().get(job_type)) is None:
        raise InvalidInput("jobType", f"unknown job type {job_type[:80]!r}; a request may ask for: {open_types}")
    source = _WHERE_FROM[contract.origin]
    raise InvalidInput("jobType", f"{job_type} jobs come from {source} only; a request may ask for: {open_types}")


@cache
def _open_contracts() -> Mapping[str, AnyContract]:
    """The job types that a request may ask for."""
    return {name: contract for name, contract in contracts().items() if contract.origin is Origin.REST}
