"""A call to the account."""

from typing import cast

import msgspec
from aiohttp import web

from libs.simulators.exchange import Exchange
from libs.simulators.sendblue.account import Account
from libs.simulators.sendblue.errors import invalid

ACCOUNT = "account"
"""The target of calls that are for no line in particular."""


class AccountExchange(Exchange):
    """A call to the account.

    Args:
        account: whose API is called.
        request: the HTTP request.
        query: the query's text, without the question mark.
        argument: what stands in the path's variable part, decoded.
        body: the request's body, read already.
    """

    def __init__(self, account: Account, request: web.BaseRequest, *, query: str, argument: str, body: bytes) -> None:
        super().__init__(ACCOUNT, request, query=query, argument=argument, body=body)
        self.account = account
        self._body: dict[str, object] | None = None

    @property
    def body(self) -> dict[str, object]:
        """The JSON body.

        Raises:
            Refusal: 400, where it is no JSON object.
        """
        if self._body is None:
            try:
                content = msgspec.json.decode(self.raw_body or b"{}")
            except msgspec.DecodeError as error:
                raise invalid("The body is not valid JSON") from error
            if not isinstance(content, dict):
                raise invalid("The body must be a JSON object")
            self._body = cast("dict[str, object]", content)
        return self._body

    def text(self, field: str) -> str:
        """A text of the body; empty where it is missing or no text.

        Raises:
            Refusal: 400, where the body is no JSON object.
        """
        value = self.body.get(field)
        return value if isinstance(value, str) else ""

    def number(self, parameter: str) -> str:
        """A telephone number of the query; its plus sign may be a space, for the documentation does not encode it."""
        value = self.params.get(parameter, "")
        return f"+{value[1:]}" if value.startswith(" ") else value
