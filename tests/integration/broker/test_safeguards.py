"""Each safeguard of the queue, removed once: the test that is named beside it must then fail.

A safeguard is removed by a patch of the script's text that only lives here; the scripts themselves have no switches.
People read the table in ``docs/reference/safeguards.md``, which a test keeps equal to it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
from redis.exceptions import ResponseError

from libs.common.broker import scripts
from tests.integration.broker import test_limits, test_queue, test_unique
from tests.integration.broker.conftest import Bench

DOCUMENT = Path(__file__).parents[3] / "docs" / "reference" / "safeguards.md"


@dataclass(frozen=True)
class Safeguard:
    """What protects, and the proof that it does.

    Args:
        promise: what would be broken without it.
        file: the script that holds it.
        text: its text there.
        without: what stands there when it is removed.
        proof: the test that must fail.
    """

    promise: str
    file: str
    text: str
    without: str
    proof: Callable[[Bench], None]


SAFEGUARDS = (
    Safeguard(
        "A late acknowledgement is refused (fencing)",
        "shared/holds",
        "return lease and string.sub(lease, 1, #fence + 1) == fence .. ':'",
        "return lease",
        test_queue.test_a_lease_that_ends_gives_the_job_to_the_next_worker_and_refuses_the_first,
    ),
    Safeguard(
        "A dead worker's job runs again",
        "fetch",
        "recover(now, 20)",
        "",
        test_queue.test_a_lease_ends_by_redis_own_clock,
    ),
    Safeguard(
        "A job that kills its workers is given up (poison count)",
        "shared/recover",
        "stalls >= LEASES_LOST_AT_MOST",
        "false",
        test_queue.test_a_job_whose_worker_dies_three_times_is_a_dead_letter,
    ),
    Safeguard(
        "A poison job takes no other with it (suspects run alone)",
        "shared/put_back",
        "stalls == LEASES_LOST_AT_MOST - 1",
        "false",
        test_queue.test_a_job_that_dies_for_another_s_fault_is_saved_by_running_alone,
    ),
    Safeguard(
        "A long job that came further is not given up for workers that died before",
        "defer",
        "forgive(id)",
        "",
        test_queue.test_a_long_job_that_came_further_is_forgiven_the_workers_that_died_before,
    ),
    Safeguard(
        "A retry is one step (atomic retry)",
        "retry",
        "redis.call('ZADD', delayed, now + delay_ms, id)",
        "",
        test_queue.test_a_retry_that_is_delayed_is_never_waiting_in_between,
    ),
    Safeguard(
        "A unique key is free when its job has ended",
        "shared/finish",
        "redis.call('HDEL', unique, key)",
        "",
        test_queue.test_a_unique_key_is_free_again_when_its_job_has_ended,
    ),
    Safeguard(
        "The last child lets its parent go on",
        "shared/finish",
        "elseif pending == 0 and redis.call('ZREM', waiting_children, parent) == 1 then",
        "elseif false then",
        test_queue.test_the_last_child_lets_its_parent_go_on_with_a_summary,
    ),
    Safeguard(
        "A child counts once on its parent",
        "complete_ruled",
        "redis.call('HDEL', leases, unpack(done))",
        "",
        test_queue.test_a_completed_child_counts_once_on_its_parent_however_often_it_is_acknowledged,
    ),
    Safeguard(
        "A worker that lost a parent adds no children to it",
        "add_ruled",
        "if parent ~= '' and not holds",
        "if false and not holds",
        test_queue.test_children_are_refused_under_a_lease_that_is_lost,
    ),
    Safeguard(
        "Children of a cancelled parent do not run",
        "fetch",
        "if parent ~= '' and redis.call('HEXISTS', jobs, parent) == 0 then",
        "if false then",
        test_queue.test_children_of_a_cancelled_parent_do_not_run,
    ),
    Safeguard(
        "Workspaces take turns",
        "shared/pop",
        "redis.call('RPUSH', ring, unpack(stay))",
        "redis.call('LPUSH', ring, unpack(stay))",
        test_queue.test_a_workspace_with_many_jobs_does_not_delay_one_with_few,
    ),
    Safeguard(
        "A paused queue hands out nothing",
        "fetch",
        "if want > 0 and not paused then",
        "if want > 0 then",
        test_queue.test_a_paused_queue_hands_out_nothing_and_says_so,
    ),
    Safeguard(
        "Completed jobs do not pile up",
        "complete_ruled",
        "trim_completed(keep_count, keep_ms, now)",
        "",
        test_queue.test_completed_jobs_are_kept_up_to_their_number,
    ),
    Safeguard(
        "The history of attempts is bounded",
        "shared/history",
        "if kept > LINES_KEPT then",
        "if false then",
        test_queue.test_the_history_of_attempts_is_bounded,
    ),
    Safeguard(
        "A job's log is bounded",
        "log",
        "if #text > BYTES_KEPT then",
        "if false then",
        test_queue.test_a_job_s_log_keeps_its_last_lines,
    ),
    Safeguard(
        "The stream of events is bounded",
        "add_one",
        "'MAXLEN', '~', 1000, '*'",
        "'*'",
        test_queue.test_every_transition_is_told_and_the_stream_stays_short,
    ),
    Safeguard(
        "A damaged record does not block its queue",
        "shared/record",
        "tonumber(priority) or 0",
        "tonumber(priority) + 0",
        test_queue.test_a_damaged_record_reaches_a_worker_once_instead_of_blocking_the_queue,
    ),
    Safeguard(
        "A rate holds over all workers, and each job waits for one slot only",
        "shared/limits",
        "math.max(levels[i], slot) + intervals[i]",
        "levels[i]",
        test_limits.test_jobs_over_the_rate_are_moved_to_slots_of_their_own_and_hold_no_worker,
    ),
    Safeguard(
        "A reserved slot is used",
        "shared/limits",
        "if not redis.call('HGET', granted, id) then",
        "if true then",
        test_limits.test_a_job_runs_in_the_slot_that_was_reserved_for_it_and_is_not_moved_again,
    ),
    Safeguard(
        "No more run at once than a key allows",
        "shared/limits",
        "if at_once > 0 and tonumber(redis.call('HGET', running, key) or 0) >= at_once then",
        "if false then",
        test_limits.test_no_more_than_the_number_at_once_run_and_the_next_follows_an_end,
    ),
    Safeguard(
        "A dead worker's place under a limit is free again",
        "shared/lease",
        "if record and needs_attention(record) then",
        "if false then",
        test_limits.test_the_place_of_a_worker_that_fell_silent_is_free_again,
    ),
    Safeguard(
        "Parked jobs are not forgotten when the one let go is cancelled",
        "cancel",
        "leave_limits(header.limits, now, false)",
        "",
        test_limits.test_cancelling_the_job_that_was_let_go_lets_the_next_parked_one_go,
    ),
    Safeguard(
        "A provider's pause is kept",
        "shared/limits",
        "if ends > latest then",
        "if false then",
        test_limits.test_a_paused_key_lets_nothing_start_until_the_moment,
    ),
    Safeguard(
        "Of many requests while one runs, the newest runs next",
        "shared/finish",
        "if following then",
        "if false then",
        test_unique.test_latest_runs_the_newest_of_those_that_came_while_one_ran,
    ),
    Safeguard(
        "Keys held for a time are not kept for ever",
        "add_ruled",
        "redis.call('HDEL', unique, key)\n  redis.call('ZREM', unique_ends, key)",
        "",
        test_unique.test_keys_that_were_held_for_a_time_are_not_kept_for_ever,
    ),
)


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Safeguard], None]]:
    read = scripts._read.__wrapped__

    def remove(safeguard: Safeguard) -> None:
        original = read(safeguard.file)
        assert safeguard.text in original, "the safeguard is not where the table says"

        def patched(path: str) -> str:
            text = read(path)
            return text.replace(safeguard.text, safeguard.without) if path == safeguard.file else text

        monkeypatch.setattr(scripts, "_read", patched)
        scripts.script.cache_clear()

    yield remove
    monkeypatch.undo()
    scripts.script.cache_clear()


@pytest.mark.parametrize("safeguard", SAFEGUARDS, ids=[guard.promise for guard in SAFEGUARDS])
def test_without_the_safeguard_its_test_fails(
    redis_client: "redis.Redis", without: Callable[[Safeguard], None], safeguard: Safeguard
) -> None:
    safeguard.proof(Bench(redis_client))
    redis_client.flushdb()
    without(safeguard)
    with pytest.raises((AssertionError, ResponseError, ValueError, pytest.fail.Exception)):
        safeguard.proof(Bench(redis_client))


def document() -> str:
    """The table as people read it."""
    rows = [f"| {guard.promise} | `{guard.file}.lua` | `{guard.proof.__name__}` |" for guard in SAFEGUARDS]
    return "\n".join(["| promise | where | the test that fails without it |", "| --- | --- | --- |", *rows]) + "\n"


def test_the_table_in_the_documentation_is_this_one() -> None:
    assert document() in DOCUMENT.read_text(encoding="utf-8")
