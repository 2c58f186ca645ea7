"""The request that is being answered, itself.

Flask's `request` and `g` look up what they stand for at each use. Code that every request runs through would spend more
on that than on its work, so it asks here, once.
"""

from typing import TYPE_CHECKING, cast

from flask import Request, g, request
from werkzeug.local import LocalProxy

if TYPE_CHECKING:
    from flask.ctx import _AppCtxGlobals

# Werkzeug documents the name for this purpose (https://werkzeug.palletsprojects.com/en/stable/local/).
_request_behind = cast("LocalProxy[Request]", request)._get_current_object  # noqa: SLF001 - public, by its documentation
_facts_behind = cast("LocalProxy[_AppCtxGlobals]", g)._get_current_object  # noqa: SLF001 - public as well


def current_request() -> Request:
    """What `request` stands for now."""
    return _request_behind()


def current_facts() -> "_AppCtxGlobals":
    """What `g` stands for now: what is noted of the request while it is answered."""
    return _facts_behind()
