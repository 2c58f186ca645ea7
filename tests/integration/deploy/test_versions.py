"""Two versions on one queue: what the one writes the other runs, whichever of them is the newer one.

The records are written out here as a worker finds them, so that a change of their form does not change this test too.
"""

from collections.abc import Iterator

import msgspec
import pytest
import redis

from libs.common.broker.actors import JobContext
from libs.common.broker.enqueue import job_from
from libs.common.broker.record import record_of
from tests.integration.worker.conftest import Note, Shop
from tests.waiting import wait_until

OF_THIS_VERSION = b'\tw\t0\t1000\t86400000\t\t\t\t\n["note",[],{"text":"hello"},{"max_attempts":5},1700000000000]'
OF_A_LATER_VERSION = (
    b"\tw\t0\t1000\t86400000\t\t\t\t\n"
    b'["note",[],{"text":"hello","tone":"kind"},'
    b'{"max_attempts":5,"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","unheard_of":true},'
    b"1700000000000]"
)
OF_A_VERSION_TOO_FAR = b'\tw\t0\t1000\t86400000\t\t\t\t\tone field more\n["note",[],{},{},1700000000000]'


@pytest.fixture
def shop(redis_client: "redis.Redis") -> Iterator[Shop]:
    opened = Shop(redis_client)
    yield opened
    opened.close()


def put(shop: Shop, record: bytes) -> str:
    """Puts a record into the queue as the version that wrote it would."""
    shop.broker.queue("notes").scripts.run("add_one", "w", "j1", record, 0)
    return "j1"


def echo(note: Note, _job: JobContext) -> str:
    return note.text


@pytest.mark.parametrize("record", [OF_THIS_VERSION, OF_A_LATER_VERSION])
def test_a_job_of_another_version_runs_and_what_is_not_understood_is_ignored(shop: Shop, record: bytes) -> None:
    shop.actor(echo)
    job_id = put(shop, record)
    shop.work()
    assert shop.wait_for(job_id, "completed").result == "hello"


def test_a_record_that_cannot_be_read_waits_for_a_person_and_is_not_lost(shop: Shop) -> None:
    shop.actor(echo)
    job_id = put(shop, OF_A_VERSION_TOO_FAR)
    shop.work()
    queue = shop.broker.queue("notes")
    wait_until(lambda: queue.stats().counts["failed"] == 1, message="it is a dead letter")
    assert queue.known([job_id]) == {job_id}


def test_what_this_version_writes_is_what_the_versions_before_it_read(shop: Shop) -> None:
    contract = shop.actor(echo)
    job = job_from(contract, Note(text="hello"), job_id="j1")
    job = msgspec.structs.replace(job, group="w")
    assert record_of(job, created_ms=1_700_000_000_000) == OF_THIS_VERSION
