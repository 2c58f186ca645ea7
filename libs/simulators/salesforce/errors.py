"""Salesforce's error answers: a JSON list of `{message, errorCode}`, or the OAuth form at the token endpoint.

Codes and their statuses are on Salesforce's page "Status Codes and Error Responses" (REST API guide): 401 for a session
that expired, 403 with `REQUEST_LIMIT_EXCEEDED`, 404, 503. Texts seen in captures by others: `Session expired or
invalid`, `TotalRequests Limit exceeded.`, `invalid query locator`, the `No such column` text with its row and column,
`expired access/refresh token`. The text of `SERVER_UNAVAILABLE` is not confirmed.
"""

from typing import Any, Final

import msgspec

JSON: Final = "application/json;charset=UTF-8"


class SalesforceError(Exception):
    """An error answer, raised by a handler and sent as it is."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def encoded(self) -> bytes:
        """Return the body as JSON."""
        return msgspec.json.encode([{"message": self.message, "errorCode": self.code}])


class OAuthError(SalesforceError):
    """An error answer of the token endpoint."""

    def encoded(self) -> bytes:
        """Return the body as JSON."""
        body: dict[str, Any] = {"error": self.code, "error_description": self.message}
        return msgspec.json.encode(body)


def invalid_session() -> SalesforceError:
    """401: the access token is unknown or expired; Salesforce does not say which."""
    return SalesforceError(401, "INVALID_SESSION_ID", "Session expired or invalid")


def request_limit() -> SalesforceError:
    """403: the organisation used up its calls of the last 24 hours."""
    return SalesforceError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")


def concurrent_limit() -> SalesforceError:
    """403: too many long calls at once. Salesforce has no 429; this is its nearest."""
    return SalesforceError(
        403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
    )


def api_disabled() -> SalesforceError:
    """403: the user may not use the API."""
    return SalesforceError(403, "API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization.")


def unavailable() -> SalesforceError:
    """503: the instance is down or too busy."""
    return SalesforceError(503, "SERVER_UNAVAILABLE", "Server unavailable, please try again later.")


def internal() -> SalesforceError:
    """500: something broke inside."""
    return SalesforceError(500, "UNKNOWN_EXCEPTION", "An unexpected error occurred. Please include this ErrorId.")


def not_found(message: str = "The requested resource does not exist") -> SalesforceError:
    """404: no such record, job or path."""
    return SalesforceError(404, "NOT_FOUND", message)


def at_column(code: str, soql: str, column: int, problem: str) -> SalesforceError:
    """400: something wrong at one place of a query; `column` counts from 1."""
    pointer = " " * (column - 1) + "^"
    return SalesforceError(400, code, f"\n{soql}\n{pointer}\nERROR at Row:1:Column:{column}\n{problem}")


def malformed(soql: str, column: int, problem: str) -> SalesforceError:
    """400: a query that cannot be read."""
    return at_column("MALFORMED_QUERY", soql, column, problem)


def no_such_column(soql: str, column: int, field: str, entity: str) -> SalesforceError:
    """400: a field that the object does not have."""
    return at_column(
        "INVALID_FIELD",
        soql,
        column,
        f"No such column '{field}' on entity '{entity}'. If you are attempting to use a custom field, be sure to "
        "append the '__c' after the custom field name. Please reference your WSDL or the describe call for the "
        "appropriate names.",
    )


def bad_locator() -> SalesforceError:
    """400: a query cursor that does not exist (any more)."""
    return SalesforceError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")


def bad_job_state(message: str) -> SalesforceError:
    """400: a bulk job is not in the state that the call needs. The code is not confirmed."""
    return SalesforceError(400, "INVALIDJOBSTATE", message)


def wrong_version() -> SalesforceError:
    """409: results asked for with another API version than the job was made with (documented without a text)."""
    return SalesforceError(409, "API_ERROR", "Use the API version that the job was created with.")
