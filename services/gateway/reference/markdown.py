"""Writes the document as the page ``docs/reference/rest.md``."""

from typing import Any

_HEAD = """# REST

Written by `python -m services.gateway.reference` from the routes' own declarations. A running gateway serves the whole
document, with every type, at `/openapi.json`, and a page of it at `/docs`.

- Send a token as `Authorization: Bearer TOKEN` or as `x-service-token`. `SERVICE_TOKEN` reads and enqueues,
  `ADMIN_TOKEN` does everything, and a token of `WORKSPACE_TOKENS` (`workspaceId=token,...`) reads and enqueues for its
  workspace only.
- Errors are problem documents (RFC 9457) whose `errors` name the fields that are wrong.
- A list answers a `cursor`; hand it back for the next page. A page may be short and still have one.
- `429` and `503` say in `Retry-After` when to ask again. Every call may answer `500`; its `requestId` is in the log.
- Every call that changes something is in the audit log (`GET /api/bullmq/audit`), except for enqueueing, which
  is in the ledger.
- Streams are server-sent events. Send `Last-Event-ID` to go on where you were; an event `gap` says that something is
  lost, and that you should read anew what you show.
"""


def reference_markdown(document: dict[str, Any]) -> str:
    """The page of a document."""
    groups: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            said = operation.get("description", "Needs no token.")
            token = "ADMIN" if "Needs ADMIN" in said else "SERVICE" if operation["security"] else "-"
            answers = ", ".join(status for status in operation["responses"] if status != "500")
            row = f"| `{method.upper()} {path}` | {operation['summary']} | {token} | {answers} |"
            groups.setdefault(operation["tags"][0], []).append(row)
    parts = [_HEAD]
    for tag, rows in groups.items():
        parts.append(
            "\n".join([f"## {tag}\n", "| call | does | token | answers |", "| --- | --- | --- | --- |", *rows]) + "\n"
        )
    return "\n".join(parts)
