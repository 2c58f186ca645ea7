"""Google's error answers for Sheets, Drive and the token endpoint.

The envelope and the status words are Google's error model (google.rpc.Status, AIP-193). The 429 body is the one that
googlesheets4's test suite recorded from the live service, with `ErrorInfo` and `Help` details; the texts for 400
(`Unable to parse range`, `exceeds grid limits`), 401, 403 and 404 appear in many users' reports. Reports of the 429
show no `Retry-After`, so a 429 has one here only when a fault asks for it. At the token endpoint: `invalid_grant` texts
as in Google's OAuth guides (expired or revoked token, JWT signature, lifetime).
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from libs.simulators.crm.headers import retry_after

JSON: Final = "application/json; charset=UTF-8"

Body = Mapping[str, Any]


class GoogleError(Exception):
    """An error answer, raised by a handler and sent as it is."""

    def __init__(self, status: int, body: Body, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body
        self.headers = dict(headers or {})

    def encoded(self) -> bytes:
        """Return the body as JSON."""
        return msgspec.json.encode(self.body)


def _api(
    status: int,
    word: str,
    message: str,
    details: list[dict[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> GoogleError:
    error: dict[str, Any] = {"code": status, "message": message, "status": word}
    if details:
        error["details"] = details
    return GoogleError(status, {"error": error}, headers)


def unauthenticated() -> GoogleError:
    """401: no access token, or one that is unknown or expired."""
    return _api(
        401,
        "UNAUTHENTICATED",
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
        "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
    )


def forbidden() -> GoogleError:
    """403: the spreadsheet is not shared with the account."""
    return _api(403, "PERMISSION_DENIED", "The caller does not have permission")


def not_found() -> GoogleError:
    """404: no such spreadsheet."""
    return _api(404, "NOT_FOUND", "Requested entity was not found.")


def bad_range(text: str) -> GoogleError:
    """400: a range that cannot be read, or names no sheet."""
    return _api(400, "INVALID_ARGUMENT", f"Unable to parse range: {text}")


def outside_grid(text: str, rows: int, columns: int) -> GoogleError:
    """400: a range that begins beyond the sheet's last row or column."""
    return _api(
        400, "INVALID_ARGUMENT", f"Range ({text}) exceeds grid limits. Max rows: {rows}, max columns: {columns}"
    )


def invalid_argument(message: str) -> GoogleError:
    """400: a parameter that does not fit."""
    return _api(400, "INVALID_ARGUMENT", message)


def exhausted(*, per_user: bool, limit: int, wait: float | None = None) -> GoogleError:
    """429: over the reads of a minute, per user and project or per project; `wait` is the seconds to say."""
    whose = " per user" if per_user else ""
    return _api(
        429,
        "RESOURCE_EXHAUSTED",
        f"Quota exceeded for quota metric 'Read requests' and limit 'Read requests per minute{whose}' of service "
        "'sheets.googleapis.com' for consumer 'project_number:603366585132'.",
        [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "RATE_LIMIT_EXCEEDED",
                "domain": "googleapis.com",
                "metadata": {
                    "quota_location": "global",
                    "quota_metric": "sheets.googleapis.com/read_requests",
                    "quota_limit": f"ReadRequestsPerMinutePer{'User' if per_user else 'Project'}",
                    "quota_limit_value": str(limit),
                    "consumer": "projects/603366585132",
                    "service": "sheets.googleapis.com",
                },
            },
            {
                "@type": "type.googleapis.com/google.rpc.Help",
                "links": [
                    {
                        "description": "Request a higher quota limit.",
                        "url": "https://cloud.google.com/docs/quota#requesting_higher_quota",
                    }
                ],
            },
        ],
        retry_after(wait),
    )


def internal() -> GoogleError:
    """500: something broke inside."""
    return _api(500, "INTERNAL", "Internal error encountered.")


def unavailable(wait: float | None = None) -> GoogleError:
    """503: try again later; `wait` is the seconds to say."""
    return _api(503, "UNAVAILABLE", "The service is currently unavailable.", headers=retry_after(wait))


def oauth(error: str, description: str, status: int = 400) -> GoogleError:
    """Return an error answer of the token endpoint."""
    return GoogleError(status, {"error": error, "error_description": description})
