"""A run that dies at any moment and is taken up again ends as if nothing had happened."""

import random

import pytest
from pymongo.client_session import ClientSession
from pymongo.errors import OperationFailure

from libs.common.errors import NotNow
from libs.common.stores.sync_runs import SyncRun, SyncRunStore
from services.sync.rules.rows import SourceRow
from services.sync.sources.contract import SourceUnavailable
from tests.integration.sync.world import ListeningJob, MemorySource, World, comparable, person


class Killed(BaseException):
    """Ends an attempt without any of its clean-up, as far as an exception can."""


class DyingRuns(SyncRunStore):
    """Dies when the checkpoint is moved: in the transaction, before anything of it is kept."""

    dies_at: int | None = None

    def advance(self, run: SyncRun, *, session: ClientSession | None = None, **values: object) -> bool:
        moved = super().advance(run, session=session, **values)  # type: ignore[arg-type]  # passed on as they come
        if self.dies_at is not None:
            self.dies_at -= 1
            if self.dies_at < 0:
                self.dies_at = None
                raise Killed
        return moved


def untidy_people() -> list[SourceRow]:
    """Ninety rows: duplicates of people in other pages, bad rows, and clean ones."""
    rows = []
    for number in range(90):
        match number % 9:
            case 3:
                rows.append(person(number, phone=f"+1415555{number - 3:04d}", email=None))
            case 5:
                rows.append(person(number, phone=None, email=f"p{max(0, number - 40)}@example.org"))
            case 7:
                rows.append(person(number, phone="call me", email="n/a"))
            case 8:
                rows.append(person(number, phone="12"))
            case _:
                rows.append(person(number))
    return rows


def run_until_done(world: World, integration_id: str, source: MemorySource, job: ListeningJob) -> int:
    """Runs attempts until one completes; answers how many died."""
    died = 0
    while True:
        try:
            world.sync(integration_id, source, job=job)
        except Killed:
            died += 1
        else:
            return died


def problems_of(world: World, run: SyncRun) -> list[tuple[str, str]]:
    return [(problem["row"], problem["reason"]) for problem in world.runs.problems_of(run.id)]


@pytest.mark.parametrize("seed", range(20))
def test_a_run_killed_anywhere_ends_like_an_undisturbed_one(world: World, seed: int) -> None:
    rows = untidy_people()
    undisturbed_job, killed_job = world.new_job(), world.new_job()
    integration_id = world.integrate()
    world.sync(integration_id, MemorySource(rows), job=undisturbed_job)
    expected = comparable(world.leads())
    world.database["leads"].delete_many({})

    chance = random.Random(seed)
    world.runs = dying = DyingRuns(world.database)
    dying.dies_at = chance.randrange(9)
    source = MemorySource(rows, faults={page: Killed() for page in chance.sample(range(9), 2)})
    died = run_until_done(world, integration_id, source, killed_job)

    assert died >= 2
    assert comparable(world.leads()) == expected
    undisturbed, killed = world.run_of(undisturbed_job), world.run_of(killed_job)
    assert killed.counts == undisturbed.counts
    assert killed.checkpoint == undisturbed.checkpoint
    assert problems_of(world, killed) == problems_of(world, undisturbed)
    # Every page is fetched once, except those that were in hand or fetched ahead when the run died.
    assert len(source.reads) <= 9 + died * 4


def test_a_page_that_was_written_is_not_written_again(world: World) -> None:
    integration_id = world.integrate()
    job = world.new_job()
    source = MemorySource(untidy_people(), faults={5: Killed()})
    with pytest.raises(Killed):
        world.sync(integration_id, source, job=job)
    written = {lead["_id"]: lead for lead in world.leads()}
    pages = world.run_of(job).checkpoint.pages
    world.sync(integration_id, MemorySource(untidy_people()[: pages * 10]), job=world.new_job())
    assert {lead["_id"]: lead for lead in world.leads()} == written


@pytest.mark.parametrize("at_its_end", [False, True])
def test_what_a_killed_worker_has_locked_is_freed_by_the_next_attempt(world: World, at_its_end: bool) -> None:
    integration_id = world.integrate()
    rows = untidy_people()
    job = world.new_job()
    source = MemorySource(rows, faults={3: SourceUnavailable("down")})
    with pytest.raises(NotNow):
        world.sync(integration_id, source, job=job)
    # What a process leaves behind that is killed in the middle of its fourth page.
    with world.database.client.start_session() as orphan:
        world.database["syncRuns"].update_one({"jobId": job.job_id}, {"$set": {"session": dict(orphan.session_id)}})
        orphan.start_transaction()
        world.database["leads"].insert_one(
            {"workspaceId": "workspace-1", "matchKeys": ["p:+14155550030"]}, session=orphan
        )
        if at_its_end:
            world.database["syncRuns"].update_one({"jobId": job.job_id}, {"$set": {"a": 1}}, session=orphan)
        world.sync(integration_id, source, job=job)
        with pytest.raises(OperationFailure):
            orphan.commit_transaction()
    assert world.run_of(job).session is None
