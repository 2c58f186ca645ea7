"""Declaring routes: one declaration says a route's method, path, scope, what it reads and everything it may answer.

From the declaration come the checks before the view is called, what the view is given, and the OpenAPI document
(:mod:`services.gateway.openapi`), so none of them can say something else than the others.

The smallest use::

    routes = Routes("jobs")

    @routes.declare("GET", "/jobs/<job_id>", scope=Scope.SERVICE, summary="One job", answers={200: JobAnswer},
                    problems=[404])
    def show(job_id: str) -> Response: ...
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
from flask import Blueprint, Flask, Response

from libs.common.errors import InvalidInput
from libs.common.validation import convert_strictly, explain
from services.gateway.auth import Scope, needs
from services.gateway.bodies import read_object
from services.gateway.current import current_request

View = TypeVar("View", bound=Callable[..., Response])

_ALWAYS = (429, 500, 503)
_WITH_TOKEN = (401, 403)
_WITH_BODY = (400, 413, 415, 422)


@dataclass(frozen=True, slots=True)
class Stream:
    """A body that is no JSON document.

    Args:
        media_type: its media type.
        describes: what is in it.
    """

    media_type: str
    describes: str


NOTHING = Stream("", "No body.")

Body = type[msgspec.Struct] | Stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What is declared of a route.

    Args:
        method: the HTTP method.
        path: as Flask writes it, below the blueprint's prefix.
        scope: what a token must allow.
        summary: what the call does, in a few words.
        tag: which group it belongs to.
        answers: every status of success, and its body.
        problems: the statuses of problem documents beside those that the other facts imply.
        body: what the request's JSON must be; the view is given it as ``body``.
        body_optional: whether there may be none; the view is given ``None`` then.
        query: what the query string may hold; the view is given it as ``query``.
        headers: request headers that matter, and what they are for.
        audited: whether each call is written to the audit log.
        for_workspaces: whether a token that is bound to one workspace may make the call.
        on_loop: whether it is answered on the server's event loop: a quick call that waits in no other ways than those
            of :mod:`services.gateway.serving.waiting`.
    """

    method: str
    path: str
    scope: Scope
    summary: str
    tag: str
    answers: Mapping[int, Body]
    problems: Sequence[int] = ()
    body: type[msgspec.Struct] | None = None
    body_optional: bool = False
    query: type[msgspec.Struct] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    audited: bool = False
    for_workspaces: bool = False
    on_loop: bool = False

    @property
    def all_problems(self) -> tuple[int, ...]:
        """Every status with which the call may be refused."""
        found = {*self.problems, *_ALWAYS}
        if self.scope > Scope.OPEN:
            found.update(_WITH_TOKEN)
        if self.body is not None:
            found.update(_WITH_BODY)
        if self.query is not None or self.headers:
            found.add(422)
        return tuple(sorted(found - set(self.answers)))


_DECLARED: dict[Callable[..., Any], Declaration] = {}


def declaration_of(view: Callable[..., Any]) -> Declaration | None:
    """What was declared of a view; ``None`` where it was added to Flask by other means."""
    return _DECLARED.get(view)


def requests_on_loop(app: Flask) -> frozenset[tuple[str, str]]:
    """Which requests, by method and path, are declared to be answered on the server's event loop."""
    declared = ((rule.rule, declaration_of(app.view_functions[rule.endpoint])) for rule in app.url_map.iter_rules())
    return frozenset((each.method, path) for path, each in declared if each is not None and each.on_loop)


class Routes(Blueprint):
    """A blueprint whose routes are declared.

    Args:
        tag: the group's name, also the blueprint's unless ``name`` is given.
        name: the blueprint's name, where one group is registered more than once.
    """

    def __init__(self, tag: str, *, name: str = "") -> None:
        super().__init__(name or tag, __name__)
        self._tag = tag

    def declare(
        self,
        method: str,
        path: str,
        *,
        scope: Scope,
        summary: str,
        answers: Mapping[int, Body],
        problems: Sequence[int] = (),
        body: type[msgspec.Struct] | None = None,
        body_optional: bool = False,
        query: type[msgspec.Struct] | None = None,
        headers: Mapping[str, str] | None = None,
        audited: bool | None = None,
        for_workspaces: bool = False,
        on_loop: bool = False,
    ) -> Callable[[View], View]:
        """Adds the decorated view under a declaration; :class:`Declaration` says what each argument means.

        By default every call that may change something is audited.
        """
        declared = Declaration(
            method=method,
            path=path,
            scope=scope,
            summary=summary,
            tag=self._tag,
            answers=answers,
            problems=problems,
            body=body,
            body_optional=body_optional,
            query=query,
            headers=headers or {},
            audited=method != "GET" if audited is None else audited,
            for_workspaces=for_workspaces,
            on_loop=on_loop,
        )

        def add(view: View) -> View:
            called = needs(scope, for_workspaces=for_workspaces)(_reading(view, declared))
            _DECLARED[called] = declared
            self.add_url_rule(path, endpoint=view.__name__, view_func=called, methods=[method])
            return view

        return add


def _reading(view: Callable[..., Response], declared: Declaration) -> Callable[..., Response]:
    """The view, given what its declaration says that it reads."""

    @functools.wraps(view)
    def call(**arguments: Any) -> Response:
        asked = current_request()
        if declared.query is not None:
            arguments["query"] = read_query(asked.args.to_dict(flat=False), declared.query)
        if declared.body is not None:
            is_there = bool(asked.content_length or asked.headers.get("Transfer-Encoding"))
            given = read_object(asked) if is_there or not declared.body_optional else None
            arguments["body"] = None if given is None else convert_strictly(given, declared.body, path="")
        return view(**arguments)

    return call


def read_query(given: Mapping[str, Sequence[str]], into: type[msgspec.Struct]) -> Any:
    """The query string as the struct ``into``: each name once, unknown names refused, numbers read from their text.

    Raises:
        InvalidInput: naming the parameter.
    """
    fields = {each.encode_name for each in msgspec.structs.fields(into)}
    for name, values in given.items():
        if name not in fields:
            raise InvalidInput(name[:80], f"unknown parameter; the parameters are: {', '.join(sorted(fields))}")
        if len(values) > 1:
            raise InvalidInput(name, "expected once")
    try:
        return msgspec.convert({name: values[0] for name, values in given.items()}, into, strict=False)
    except msgspec.ValidationError as error:
        raise explain(error, path="") from error
