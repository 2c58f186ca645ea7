"""Asks many at once and waits for all of them, but never longer than a deadline."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta
from typing import TypeVar

T = TypeVar("T")


class SideBySide:
    """A pool of threads for questions to other parts of the system.

    Args:
        deadline: when the answers are taken, whoever is still silent.
        threads: questions on their way at once; a question that stays unanswered holds its thread until its own
            time-out.
    """

    def __init__(self, *, deadline: timedelta, threads: int = 32) -> None:
        self.deadline = deadline
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="ask")

    def ask(self, questions: Mapping[str, Callable[[], T]]) -> dict[str, T | Exception]:
        """The answer to each question, or the error it ended with (``TimeoutError`` at the deadline)."""
        started = {name: self._pool.submit(question) for name, question in questions.items()}
        wait(started.values(), timeout=self.deadline.total_seconds())
        answers: dict[str, T | Exception] = {}
        for name, future in started.items():
            if not future.done():
                future.cancel()
                answers[name] = TimeoutError(f"no answer within {self.deadline.total_seconds():g} seconds")
            elif (error := future.exception()) is not None:
                answers[name] = error if isinstance(error, Exception) else RuntimeError(type(error).__name__)
            else:
                answers[name] = future.result()
        return answers

    def close(self) -> None:
        """Ends the threads; questions on their way are not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)
