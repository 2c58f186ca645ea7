"""A job as Redis stores it: a line for the scripts, then the Dramatiq message for the workers.

The line's fields are described in ``scripts/shared/record.lua``. The message leaves out what the line and the queue
already say.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from libs.common.broker.model import NewJob
from libs.common.errors import InvalidInput, PayloadTooLarge
from libs.common.jobs.contract import MAX_PAYLOAD_BYTES


class Body(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What workers read: the fields of a Dramatiq message, as an array to be short."""

    actor: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    options: dict[str, Any]
    created_ms: int


class Header(msgspec.Struct, frozen=True, gc=False):
    """What the scripts read; the fields are described in ``scripts/shared/record.lua``."""

    group: str = ""
    priority: int = 0
    keep_count: int = 0
    keep_ms: int = 0
    unique: str = ""
    parent: str = ""
    limits: str = ""

    @property
    def parent_id(self) -> str | None:
        """The id of the parent, without its policy's letter."""
        return self.parent[1:] or None

    @property
    def needs_attention(self) -> bool:
        """Whether taking the job needs more than taking it."""
        return bool(self.parent or self.limits or self.unique.startswith("s"))


_FIELDS = 9
_JOB_ID = re.compile(r"[\w.:-]{1,100}", re.ASCII)
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Body).decode


def encode_record(header: Header, body: Body) -> bytes:
    """The record without its position, which the script puts in front.

    Raises:
        InvalidInput: a name holds a tab or a newline, which separate the fields.
        PayloadTooLarge: the message is larger than a queue carries.
    """
    line = (
        f"\t{header.group}\t{header.priority}\t{header.keep_count}\t{header.keep_ms}"
        f"\t{header.unique}\t{header.parent}\t{header.limits}\t{'1' if header.needs_attention else ''}"
    )
    if line.count("\t") != _FIELDS - 1 or "\n" in line:
        raise InvalidInput("options", "group, unique key, parent and limits must not hold tabs or newlines")
    encoded = _encode(body)
    if len(encoded) > MAX_PAYLOAD_BYTES:
        raise PayloadTooLarge(
            "data", f"the payload has {len(encoded)} bytes; a queue carries at most {MAX_PAYLOAD_BYTES} (64 KiB)"
        )
    return line.encode() + b"\n" + encoded


def split_record(record: bytes) -> tuple[bytes, Body]:
    """The header's line and the body of a stored record.

    Raises:
        ValueError: the record was not written by us, or is damaged (``msgspec.DecodeError`` is a ``ValueError``).
    """
    line, _, encoded = record.partition(b"\n")
    if line.count(b"\t") != _FIELDS - 1:
        raise ValueError("the record's first line is not a job's header")
    return line, _decode(encoded)


def decode_header(line: bytes) -> Header:
    """The header that a record's line holds."""
    _position, group, priority, keep_count, keep_ms, unique, parent, limits, _attention = line.decode().split("\t")
    return Header(group, int(priority), int(keep_count), int(keep_ms), unique, parent, limits)


def is_plain(line: bytes) -> bool:
    """Whether a header's line says that nothing is kept of the job and that its end means nothing for others."""
    return line.endswith(b"\t0\t\t\t\t")


def record_of(job: NewJob, *, created_ms: int) -> bytes:
    """The record of a new job, without its position.

    Raises:
        InvalidInput: its id holds a character that separates ids.
        PayloadTooLarge: the message is larger than a queue carries.
    """
    if not _JOB_ID.fullmatch(job.job_id):
        raise InvalidInput("jobId", "expected up to 100 letters, digits, dots, colons, hyphens or underscores")
    options: dict[str, Any] = {**job.message_options, "max_attempts": job.max_attempts}
    if job.options.backoff_ms is not None:
        options["backoff_ms"] = job.options.backoff_ms
    if job.options.delay_ms:
        options["delay_ms"] = job.options.delay_ms
    if job.in_ledger:
        options["in_ledger"] = True
    if job.data_in_ledger:
        options["data_in_ledger"] = True
    header = Header(
        group=job.group,
        priority=job.options.priority,
        keep_count=job.keep_count,
        keep_ms=job.keep_ms,
        unique=unique_field(job),
        parent=f"{job.on_failure[0]}{job.parent_id}" if job.parent_id else "",
        limits=",".join(job.limit_keys),
    )
    data: Mapping[str, Any] = {} if job.data_in_ledger else job.data
    return encode_record(header, Body(job.job_type, job.args, dict(data), options, created_ms))


def unique_field(job: NewJob) -> str:
    """A job's unique key as the header holds it: until when, in a letter, and the key."""
    return f"{job.unique_until[0]}{job.unique_key}" if job.unique_key else ""
