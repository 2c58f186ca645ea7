"""HubSpot's error answers.

The envelope (`status`, `message`, `correlationId`, `category`, optional `errors`, `context`, `errorType`, `policyName`)
is HubSpot's error model in its OpenAPI document and its error-handling page. Texts seen in captures by others:
- 401 unknown token and 401 expired token (`EXPIRED_AUTHENTICATION` with the age in the text),
- 400 `BAD_REFRESH_TOKEN` in both its older and its RFC 6749 form (HubSpot answers with the two in one body),
- 429 `You have reached your secondly limit.` with `policyName` `SECONDLY` (search), `TEN_SECONDLY_ROLLING`, `DAILY`;
  HubSpot's own Node client tells the first two apart by exactly these words.
Not confirmed anywhere: the text at the 10,000-results edge (HubSpot's guide promises only a 400), the text for a page
size over the limit, and whether a 429 carries `Retry-After` (HubSpot documents the header for 477 only).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

import msgspec

from libs.simulators.crm.headers import retry_after

JSON: Final = "application/json;charset=utf-8"

_AUTH_HELP: Final = (
    "This API supports OAuth 2.0 authentication and you can find more details at "
    "https://developers.hubspot.com/docs/methods/auth/oauth-overview"
)


class HubSpotError(Exception):
    """An error answer, raised by a handler and sent as it is.

    Args:
        status: the HTTP status.
        message: HubSpot's text.
        category: HubSpot's word for the kind of error.
        extra: further members of the body.
        headers: further headers of the answer.

    """

    def __init__(
        self,
        status: int,
        message: str,
        category: str | None,
        *,
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        self.body: dict[str, Any] = {"status": "error", "message": message, "correlationId": str(uuid4())}
        self.body.update(extra or {})
        if category is not None:
            self.body["category"] = category

    def encoded(self) -> bytes:
        """Return the body as JSON."""
        return msgspec.json.encode(self.body)


def unknown_token() -> HubSpotError:
    """401: no token, or one that HubSpot never issued."""
    return HubSpotError(401, f"Authentication credentials not found. {_AUTH_HELP}", "INVALID_AUTHENTICATION")


def expired_token(seconds_ago: int, expired_at: str) -> HubSpotError:
    """401: an OAuth access token past its time."""
    return HubSpotError(
        401,
        f"The OAuth token used to make this call expired {seconds_ago} second(s) ago.",
        "EXPIRED_AUTHENTICATION",
        extra={"context": {"expire time": [expired_at]}},
    )


def missing_scopes(scopes: Sequence[str] = ("crm.objects.contacts.read",)) -> HubSpotError:
    """403: the token is good but may not do this."""
    return HubSpotError(
        403,
        "This app hasn't been granted all required scopes to make this call. Read more about required scopes here: "
        "https://developers.hubspot.com/scopes.",
        "MISSING_SCOPES",
        extra={
            "errors": [
                {
                    "message": "One or more of the following scopes are required.",
                    "context": {"requiredGranularScopes": list(scopes)},
                }
            ],
            "links": {"scopes": "https://developers.hubspot.com/scopes"},
        },
    )


def rate_limited(policy: str, wait: float | None = None) -> HubSpotError:
    """429: over a limit; `policy` is `SECONDLY`, `TEN_SECONDLY_ROLLING` or `DAILY`, `wait` the seconds to say."""
    return HubSpotError(
        429,
        f"You have reached your {policy.lower()} limit.",
        "RATE_LIMITS",
        extra={"errorType": "RATE_LIMIT", "policyName": policy},
        headers=retry_after(wait),
    )


def invalid(message: str, **context: str) -> HubSpotError:
    """400: the request does not fit."""
    detail: dict[str, Any] = {"message": message}
    if context:
        detail["context"] = {name: [value] for name, value in context.items()}
    return HubSpotError(400, message, "VALIDATION_ERROR", extra={"errors": [detail]})


def not_found(message: str = "resource not found") -> HubSpotError:
    """404: no such contact or path."""
    return HubSpotError(404, message, "OBJECT_NOT_FOUND")


def internal(status: int = 500, wait: float | None = None) -> HubSpotError:
    """A fault on HubSpot's side; `wait` is the seconds to say."""
    category = "INTERNAL_ERROR" if status == 500 else None
    return HubSpotError(status, "internal error", category, headers=retry_after(wait))


def bad_refresh_token() -> HubSpotError:
    """400: the refresh token was revoked, or the app was uninstalled."""
    text = "refresh token is invalid, expired or revoked"
    error = HubSpotError(400, text, None)
    error.body.update(status="BAD_REFRESH_TOKEN", error="invalid_grant", error_description=text)
    return error


def bad_client(field: str) -> HubSpotError:
    """400: the client id (`BAD_CLIENT_ID`) or secret (`BAD_CLIENT_SECRET`) is wrong."""
    text = f"missing or invalid {field.lower().removeprefix('bad_').replace('_', ' ')}"
    error = HubSpotError(400, text, None)
    error.body.update(status=field, error="invalid_client", error_description=text)
    return error
