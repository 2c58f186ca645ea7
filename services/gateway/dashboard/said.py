"""What became of a person's last click, told once on the page that they see next."""

from typing import Final

from flask import Response, g, redirect, request

from services.gateway.dashboard.access import as_response

_COOKIE: Final = "tuco_said"
_LONGEST: Final = 300
_KEPT_S: Final = 30


def back_to(address: str, said: str) -> Response:
    """Sends the browser to a page of ours and tells there what was done."""
    answer = as_response(redirect(address, code=303))
    answer.set_cookie(
        _COOKIE, said[:_LONGEST].encode().hex(), max_age=_KEPT_S, path="/dashboard", httponly=True, samesite="Strict"
    )
    return answer


def read_said() -> str | None:
    """What is to be told on this page; the next one tells it no more."""
    given = request.cookies.get(_COOKIE)
    if not given:
        return None
    g.said = True
    try:
        return bytes.fromhex(given[: _LONGEST * 8]).decode()[:_LONGEST]
    except ValueError:
        return None


def forget_said(answer: Response) -> Response:
    """Forgets what a page has told."""
    if g.get("said"):
        answer.delete_cookie(_COOKIE, path="/dashboard", httponly=True, samesite="Strict")
    return answer
