"""Whether this process traces: one attribute, so that code which could be traced pays no more than a look at it.

The smallest use::

    job = NewJob(..., message_options=carried())
"""

import contextvars
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from enum import Enum, auto
from functools import partial
from typing import Any, ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

Attribute = str | int | float | bool


class Kind(Enum):
    """What a step is, seen from this process."""

    REQUEST = auto()
    """Somebody asked, and waits."""
    JOB = auto()
    """A job's attempt."""
    CALL = auto()
    """A call to somebody else."""


class Step(Protocol):
    """A part of a trace that is under way."""

    def tell(self, attributes: Mapping[str, Attribute]) -> None:
        """Adds what is known of it."""
        ...

    def fail(self, reason: str) -> None:
        """Marks it as gone wrong."""
        ...

    def end(self) -> None:
        """Ends it, in the thread or task where it began."""
        ...


class Tracing(Protocol):
    """What traces."""

    def carried(self) -> dict[str, str]:
        """The context of what is going on here, as W3C's headers; empty where nothing is."""
        ...

    def here(self) -> object:
        """The context of what is going on here, for :meth:`resumed` in this process."""
        ...

    def resumed(self, context: object) -> AbstractContextManager[None]:
        """What happens inside belongs to what :meth:`here` was told of."""
        ...

    def trace_id(self) -> str:
        """Of what is going on here, as 32 hexadecimal digits; empty where nothing is."""
        ...

    def begin(
        self, name: str, kind: Kind, *, attributes: Mapping[str, Attribute], carried: Mapping[str, Any] | None = None
    ) -> Step:
        """Begins a step; until it ends, what goes on in this thread or task belongs to it.

        Args:
            name: the same for all steps that are alike.
            kind: what it is.
            attributes: what is known of it.
            carried: W3C's headers of what it belongs to; ``None`` for what is going on here.
        """
        ...

    def step(
        self, name: str, kind: Kind, *, attributes: Mapping[str, Attribute], carried: Mapping[str, Any] | None = None
    ) -> AbstractContextManager[Step]:
        """As :meth:`begin`; the step ends with the block, and fails where the block raises."""
        ...


tracing: Tracing | None = None
"""What traces; ``None`` while nothing does. Set once, by :func:`libs.common.tracing.start.start_tracing`."""

_NOTHING: Mapping[str, str] = {}


def carried() -> Mapping[str, str]:
    """The context of what is going on here, as W3C's headers; empty where nothing is traced."""
    return _NOTHING if tracing is None else tracing.carried()


def bound(function: Callable[P, T]) -> Callable[P, T]:
    """The function, to be run in another thread as part of what is going on here."""
    return function if tracing is None else partial(contextvars.copy_context().run, function)
