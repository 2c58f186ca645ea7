"""Blocking steps in threads of their own."""

import asyncio
from contextvars import ContextVar
from unittest.mock import Mock

import pytest

from libs.common.tracing import switch
from services.sync.engine.threads import DaemonThreads, in_thread

_ASKED_BY: ContextVar[str] = ContextVar("asked_by", default="nobody")


def test_a_step_in_a_thread_belongs_to_the_trace_that_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask() -> str:
        _ASKED_BY.set("a check")
        return await in_thread(DaemonThreads(), _ASKED_BY.get)

    monkeypatch.setattr(switch, "tracing", Mock())
    assert asyncio.run(ask()) == "a check"
