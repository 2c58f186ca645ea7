"""Requests that must be refused: what is sent, the status, and what the answer must name."""

import json
from dataclasses import dataclass, field
from typing import Any

LEAD_ID = "65f0c0ffee0000000000abcd"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class BadInput:
    """One row of the table.

    Args:
        title: what is wrong, for the test's name.
        body: what is sent: bytes as they are, anything else as JSON.
        status: the status that must come back.
        names: what the answer's detail must contain.
        at: the field that the answer's ``errors`` must name; none where the body is no JSON.
        headers: added to the request.
    """

    title: str
    body: Any
    status: int
    names: str
    at: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


def bulk(**data: Any) -> dict[str, Any]:
    return _job("bulk-availability-check", {"leadIds": [LEAD_ID], "userId": "u1", "workspaceId": "w1"} | data)


def sync(**data: Any) -> dict[str, Any]:
    return _job("integration-sync", {"integrationId": LEAD_ID, "workspaceId": "w1"} | data)


def message(**data: Any) -> dict[str, Any]:
    return _job("message-processing", {"messageId": LEAD_ID, "workspaceId": "w1"} | data)


def with_options(**options: Any) -> dict[str, Any]:
    return sync() | {"options": options}


def without(body: dict[str, Any], name: str) -> dict[str, Any]:
    data = {key: value for key, value in body["data"].items() if key != name}
    return body | {"data": data}


def _job(job_type: str, data: dict[str, Any]) -> dict[str, Any]:
    return {"jobType": job_type, "data": data}


def _invalid(title: str, body: Any, names: str, at: str) -> BadInput:
    return BadInput(title=title, body=body, status=422, names=names, at=at)


def _malformed(title: str, body: bytes, names: str) -> BadInput:
    return BadInput(title=title, body=body, status=400, names=names)


BAD_INPUTS = [
    _malformed("no body", b"", "body"),
    _malformed("cut off", b'{"jobType": "integration-sync", "data"', "body"),
    _malformed("a trailing comma", b'{"jobType": "integration-sync",}', "trailing comma"),
    _malformed("two values", b"{} {}", "body"),
    _malformed("not UTF-8", b'{"jobType": "\xff\xfe"}', "UTF-8"),
    _malformed("UTF-16", '{"jobType": "x"}'.encode("utf-16"), "body"),
    _malformed("half a surrogate", b'{"jobType": "\\ud800"}', "body"),
    _malformed("NaN", b'{"jobType": "integration-sync", "data": {"x": NaN}}', "body"),
    _malformed("Infinity", b'{"jobType": "integration-sync", "data": {"x": Infinity}}', "body"),
    _malformed("a number beyond all bounds", b'{"options": {"delayMs": 1e999}}', "out of range"),
    _malformed("a number of 5,000 digits", b'{"options": {"delayMs": ' + b"9" * 5_000 + b"}}", "out of range"),
    _malformed("nested 100,000 deep", b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
    _malformed("single quotes", b"{'jobType': 'x'}", "body"),
    _malformed("a form", b"jobType=integration-sync", "body"),
    _invalid("an array", [sync()], "body: expected an object, got an array", "body"),
    _invalid("null", None, "body: expected an object, got null", "body"),
    _invalid("a text", "sync", "body: expected an object", "body"),
    _invalid("an empty object", {}, "jobType: is required", "jobType"),
    _invalid("no job type", {"data": {}}, "jobType: is required", "jobType"),
    _invalid("no data", {"jobType": "integration-sync"}, "data: is required", "data"),
    _invalid("an unknown field of the body", sync() | {"prio": 1}, "prio: unknown field", "prio"),
    _invalid("a number as job type", sync() | {"jobType": 5}, "jobType: expected `str`", "jobType"),
    _invalid("an unknown job type", sync() | {"jobType": "mine-bitcoin"}, "integration-sync", "jobType"),
    _invalid("an empty job type", sync() | {"jobType": ""}, "unknown job type", "jobType"),
    _invalid("a tick by hand", _job("health-check", {"schedule": "s", "tick": "t"}), "a schedule only", "jobType"),
    _invalid(
        "the minute's tick by hand", _job("scheduled-messages", {"schedule": "s", "tick": "t"}), "schedule", "jobType"
    ),
    _invalid("a chunk by hand", _job("availability-chunk", {}), "another job only", "jobType"),
    _invalid("data as an array", sync() | {"data": []}, "data: expected `object`", "data"),
    _invalid("data as null", sync() | {"data": None}, "data: expected `object`", "data"),
    _invalid("an unknown field of the data", bulk(lead_ids=[]), "data.lead_ids: unknown field", "data.lead_ids"),
    _invalid("no leads", bulk(leadIds=[]), "data.leadIds: expected `array` of length >= 1", "data.leadIds"),
    _invalid("leads missing", without(bulk(), "leadIds"), "data.leadIds: is required", "data.leadIds"),
    _invalid("leads as a text", bulk(leadIds=LEAD_ID), "data.leadIds: expected `array`", "data.leadIds"),
    _invalid("leads as null", bulk(leadIds=None), "data.leadIds: expected `array`", "data.leadIds"),
    _invalid("a lead as a number", bulk(leadIds=[LEAD_ID, 7]), "data.leadIds[1]: expected `str`", "data.leadIds[1]"),
    _invalid("a lead as null", bulk(leadIds=[None]), "data.leadIds[0]", "data.leadIds[0]"),
    _invalid("a lead id cut off", bulk(leadIds=[LEAD_ID[:-1]]), "24 hex digits", "data.leadIds[0]"),
    _invalid("a lead id too long", bulk(leadIds=[LEAD_ID + "0"]), "24 hex digits", "data.leadIds[0]"),
    _invalid("a lead id with a newline", bulk(leadIds=[LEAD_ID + "\n"]), "24 hex digits", "data.leadIds[0]"),
    _invalid("a lead id that is not hex", bulk(leadIds=["z" * 24]), "24 hex digits", "data.leadIds[0]"),
    _invalid("an operator as lead id", bulk(leadIds=[{"$ne": 1}]), "data.leadIds[0]", "data.leadIds[0]"),
    _invalid("leads of another workspace", bulk(workspaceId="w2"), "none of these leads", "data.leadIds"),
    _invalid("leads that nobody knows", bulk(leadIds=["f" * 24]), "none of these leads", "data.leadIds"),
    _invalid("no workspace", without(bulk(), "workspaceId"), "data.workspaceId: is required", "data.workspaceId"),
    _invalid("an empty workspace", bulk(workspaceId=""), "length >= 1", "data.workspaceId"),
    _invalid("a workspace as a number", bulk(workspaceId=1), "data.workspaceId: expected `str`", "data.workspaceId"),
    _invalid("an operator as workspace", bulk(workspaceId={"$gt": ""}), "data.workspaceId", "data.workspaceId"),
    _invalid("a workspace without end", bulk(workspaceId="w" * 201), "length <= 200", "data.workspaceId"),
    _invalid("a tab in the workspace", sync(workspaceId="w\t1"), "control characters", "data.workspaceId"),
    _invalid("a NUL in the workspace", sync(workspaceId="w\x00"), "control characters", "data.workspaceId"),
    _invalid("no user", without(bulk(), "userId"), "data.userId: is required", "data.userId"),
    _invalid("no integration", without(sync(), "integrationId"), "is required", "data.integrationId"),
    _invalid("an integration that is no id", sync(integrationId="crm"), "24 hex digits", "data.integrationId"),
    _invalid("an unknown mode", sync(mode="fast"), "data.mode", "data.mode"),
    _invalid("a message that is no id", message(messageId="1"), "24 hex digits", "data.messageId"),
    _invalid("text in the payload", message(text="hi"), "data.text: unknown field", "data.text"),
    _invalid("options as an array", sync() | {"options": []}, "options: expected `object`", "options"),
    _invalid("an unknown option", with_options(retries=3), "options.retries: unknown field", "options.retries"),
    _invalid("an option in snake case", with_options(delay_ms=3), "unknown field", "options.delay_ms"),
    _invalid("a negative delay", with_options(delayMs=-1), "options.delayMs: expected `int` >= 0", "options.delayMs"),
    _invalid("a delay of years", with_options(delayMs=10**12), "options.delayMs", "options.delayMs"),
    _invalid("a delay as a text", with_options(delayMs="5"), "options.delayMs", "options.delayMs"),
    _invalid("a delay as a boolean", with_options(delayMs=True), "options.delayMs", "options.delayMs"),
    _invalid("a delay with a fraction", with_options(delayMs=1.5), "options.delayMs", "options.delayMs"),
    _invalid("a delay of 60 digits", with_options(delayMs=10**60), "options.delayMs", "options.delayMs"),
    _invalid("a negative priority", with_options(priority=-1), "options.priority", "options.priority"),
    _invalid("a priority without end", with_options(priority=10**9), "options.priority", "options.priority"),
    _invalid("no attempts", with_options(maxAttempts=0), "options.maxAttempts", "options.maxAttempts"),
    _invalid("endless attempts", with_options(maxAttempts=101), "options.maxAttempts", "options.maxAttempts"),
    _invalid("a backoff of nothing", with_options(backoffMs=0), "options.backoffMs", "options.backoffMs"),
    BadInput("no content type", sync(), 415, "Content-Type", headers={"Content-Type": ""}),
    BadInput(
        "a form's content type", sync(), 415, "JSON", headers={"Content-Type": "application/x-www-form-urlencoded"}
    ),
    BadInput("a text's content type", sync(), 415, "JSON", headers={"Content-Type": "text/plain"}),
    BadInput("another charset", sync(), 415, "UTF-8", headers={"Content-Type": f"{JSON}; charset=latin-1"}),
    BadInput("compressed", sync(), 415, "Content-Encoding", headers={"Content-Encoding": "gzip"}),
    BadInput("larger than allowed", b" " * 1_000_001, 413, "body: expected at most 1000000 bytes"),
    BadInput("an empty key", sync(), 422, "printable", "Idempotency-Key", headers={"Idempotency-Key": '""'}),
    BadInput("a key without end", sync(), 422, "255", "Idempotency-Key", headers={"Idempotency-Key": "k" * 256}),
    BadInput("a key that is not ASCII", sync(), 422, "ASCII", "Idempotency-Key", headers={"Idempotency-Key": "k\xe9"}),
]
