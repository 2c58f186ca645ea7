"""What a queue promises, one promise a test; the state machine beside this looks for what these did not think of."""

import re
from pathlib import Path

import pytest
import redis

from libs.common.broker import scripts
from libs.common.broker.model import ChildFailure, Children
from libs.common.broker.scripts import script
from libs.common.errors import LeaseLost, PayloadTooLarge, StoreUnavailable
from libs.embedded import RedisServer
from tests.integration.broker.conftest import HOUR_MS, Bench
from tests.waiting import wait_until


def test_a_job_whose_worker_dies_three_times_is_a_dead_letter(bench: Bench) -> None:
    job_id = bench.add()
    for _ in range(3):
        assert bench.state(job_id) == "waiting"
        bench.fall_silent(bench.take(job_id))
    view = bench.queue.get(job_id)
    assert view is not None
    assert (view.state, view.reason) == ("failed", "stalled")
    assert [attempt.outcome for attempt in view.attempts] == ["stalled"] * 3


def test_a_suspect_is_taken_before_the_one_job_in_line(bench: Bench) -> None:
    suspect = bench.add()
    for _ in range(2):
        bench.fall_silent(bench.take(suspect))
    bench.add()
    assert [job.job_id for job in bench.fetch(5)] == [suspect]


def test_a_dead_worker_s_job_is_taken_before_the_one_job_in_line(bench: Bench) -> None:
    old = bench.take(bench.add()).job_id
    bench.client.zadd(bench.queue.keys["active"].decode(), {old: 1}, xx=True)
    bench.add()
    bench.take(old)


def test_what_is_due_is_taken_together_with_the_one_job_in_line(bench: Bench) -> None:
    due = bench.add(delay_ms=HOUR_MS, group="other")
    bench.client.zadd(bench.queue.keys["delayed"].decode(), {due: 1}, xx=True)
    waiting = bench.add()
    assert {job.job_id for job in bench.fetch(2)} == {due, waiting}


def test_a_weighted_turn_that_ends_with_the_last_job_leaves_the_next_group_its_own(bench: Bench) -> None:
    bench.queue.set_weight("a", 2)
    bench.queue.set_weight("b", 2)
    for _ in range(2):
        bench.add(group="a")
    for _ in range(2):
        bench.take()
    in_turn = [bench.add(group="b"), bench.add(group="b"), bench.add(group="c")]
    assert [bench.take().job_id for _ in in_turn] == in_turn


def test_a_long_job_that_came_further_is_forgiven_the_workers_that_died_before(bench: Bench) -> None:
    job_id = bench.add()
    for _ in range(2):
        bench.fall_silent(bench.take(job_id))
    job = bench.take(job_id)
    assert bench.run("defer", job_id, job.fence, 0, "its shift is over", 1) == 1
    for _ in range(2):
        bench.fall_silent(bench.take(job_id))
    view = bench.queue.get(job_id)
    assert view is not None
    assert view.state == "waiting"
    assert [attempt.outcome for attempt in view.attempts] == ["stalled"] * 4


def test_a_job_that_only_waited_is_not_forgiven_the_workers_that_died_under_it(bench: Bench) -> None:
    job_id = bench.add()
    for _ in range(2):
        bench.fall_silent(bench.take(job_id))
    job = bench.take(job_id)
    assert bench.run("defer", job_id, job.fence, 0, "quiet hours", 0) == 1
    bench.fall_silent(bench.take(job_id))
    view = bench.queue.get(job_id)
    assert view is not None
    assert (view.state, view.reason) == ("failed", "stalled")


def test_a_job_that_dies_for_another_s_fault_is_saved_by_running_alone(bench: Bench) -> None:
    ids = [bench.add() for _ in range(3)]
    for _ in range(2):
        for job in bench.fetch(3):
            bench.fall_silent(job)
    busy = bench.add()
    assert [job.job_id for job in bench.fetch(5, holds=1)] == []
    assert [job.job_id for job in bench.fetch(5, worker="another", holds=1)] == [busy]
    assert bench.queue.stats().counts["waiting"] == 3
    alone = [bench.fetch(5)[0].job_id for _ in range(3)]
    assert sorted(alone) == sorted(ids)


def test_a_suspect_can_be_cancelled_and_counts_as_waiting(bench: Bench) -> None:
    job_id = bench.add()
    for _ in range(2):
        bench.fall_silent(bench.take())
    assert bench.queue.stats().counts["waiting"] == 1
    assert bench.queue.cancel(job_id) == "cancelled"
    assert bench.queue.stats().counts["waiting"] == 0
    assert bench.queue.stats().oldest_waiting_seconds == 0


def test_a_lease_that_ends_gives_the_job_to_the_next_worker_and_refuses_the_first(bench: Bench) -> None:
    bench.add()
    first = bench.take()
    bench.fall_silent(first)
    second = bench.take(first.job_id)
    assert int(second.fence) > int(first.fence)
    assert bench.run("complete_ruled", first.job_id, first.fence, b"") == [first.job_id.encode()]
    assert bench.run("complete_ruled", second.job_id, second.fence, b"") == []


def test_a_lease_ends_by_redis_own_clock(bench: Bench) -> None:
    job_id = bench.add()
    bench.fetch(1, lease_ms=50)
    wait_until(lambda: bench.fetch(1) != [], deadline_s=2, message="the job did not come back")
    view = bench.queue.get(job_id)
    assert view is not None
    assert view.attempts[0].duration_ms >= 50


def test_the_last_child_lets_its_parent_go_on_with_a_summary(bench: Bench) -> None:
    parent_id = bench.add()
    parent = bench.take(parent_id)
    children = [bench.new(parent_id=parent_id, keep_ms=0) for _ in range(2)]
    bench.queue.add(children, parent_fence=parent.fence.decode())
    bench.run("wait_for_children", parent_id, parent.fence)
    assert bench.state(parent_id) == "waiting-children"
    first, second = bench.fetch(5)
    bench.run("complete_ruled", first.job_id, first.fence, b'{"p":"i%s","m":{"checked":2}}' % parent_id.encode())
    assert bench.state(parent_id) == "waiting-children"
    bench.run("dead_letter", second.job_id, second.fence, _LINE, "bad")
    again = bench.take(parent_id)
    assert again.children == Children(pending=0, completed=1, failed=1)
    view = bench.queue.get(parent_id)
    assert view is not None
    assert view.progress == {"checked": 2}


def test_a_parent_whose_children_have_all_ended_already_does_not_wait(bench: Bench) -> None:
    parent_id = bench.add()
    parent = bench.take(parent_id)
    bench.queue.add([bench.new(parent_id=parent_id)], parent_fence=parent.fence.decode())
    child = bench.take()
    bench.run("complete_ruled", child.job_id, child.fence, b'{"p":"i%s"}' % parent_id.encode())
    bench.run("wait_for_children", parent_id, parent.fence)
    assert bench.state(parent_id) == "waiting"


def test_children_are_refused_under_a_lease_that_is_lost(bench: Bench) -> None:
    parent_id = bench.add()
    parent = bench.take(parent_id)
    bench.fall_silent(parent)
    with pytest.raises(LeaseLost):
        bench.queue.add([bench.new(parent_id=parent_id)], parent_fence=parent.fence.decode())


def test_children_of_a_cancelled_parent_do_not_run(bench: Bench) -> None:
    parent_id = bench.add()
    parent = bench.take(parent_id)
    bench.queue.add([bench.new(parent_id=parent_id) for _ in range(3)], parent_fence=parent.fence.decode())
    bench.run("wait_for_children", parent_id, parent.fence)
    assert bench.queue.cancel(parent_id) == "cancelled"
    assert bench.fetch(5) == []
    assert sum(bench.queue.stats().counts.values()) == 0


def test_a_completed_child_counts_once_on_its_parent_however_often_it_is_acknowledged(bench: Bench) -> None:
    parent_id = bench.add()
    parent = bench.take(parent_id)
    bench.queue.add([bench.new(parent_id=parent_id)], parent_fence=parent.fence.decode())
    child = bench.take()
    details = b'{"p":"i%s","m":{"checked":7}}' % parent_id.encode()
    bench.run("complete_ruled", child.job_id, child.fence, details, child.job_id, child.fence, details)
    bench.run("complete_ruled", child.job_id, child.fence, details)
    view = bench.queue.get(parent_id)
    assert view is not None
    assert view.progress == {"checked": 7}


def test_a_retried_dead_letter_starts_its_attempts_anew_and_keeps_its_history(bench: Bench) -> None:
    job_id = bench.add()
    job = bench.take()
    bench.run("dead_letter", job_id, job.fence, _LINE, "bad")
    assert bench.queue.retry(job_id)
    again = bench.take(job_id)
    assert again.attempt == 1
    view = bench.queue.get(job_id)
    assert view is not None
    assert len(view.attempts) == 1


def test_a_retry_that_is_delayed_is_never_waiting_in_between(bench: Bench) -> None:
    job_id = bench.add()
    job = bench.take()
    bench.run("retry", job_id, job.fence, HOUR_MS, _LINE, "timeout")
    view = bench.queue.get(job_id)
    assert view is not None
    assert (view.state, view.reason, view.attempts_made) == ("delayed", "timeout", 1)
    assert view.not_before is not None


def test_the_history_of_attempts_is_bounded(bench: Bench) -> None:
    job_id = bench.add()
    for _ in range(30):
        job = bench.take(job_id)
        bench.run("retry", job_id, job.fence, 0, _LINE, "again")
    view = bench.queue.get(job_id)
    assert view is not None
    assert (view.attempts_made, len(view.attempts)) == (30, 20)


def test_a_workspace_with_many_jobs_does_not_delay_one_with_few(bench: Bench) -> None:
    bench.queue.add([bench.new(group="large") for _ in range(1_000)])
    bench.queue.add([bench.new(group="small") for _ in range(11)])
    served = [job.header.group for _ in range(22) for job in bench.fetch(1)]
    assert served.count("small") == 11


def test_groups_share_a_batch_evenly_and_no_room_is_left_unused(bench: Bench) -> None:
    for group, count in (("a", 100), ("b", 100), ("c", 3)):
        bench.queue.add([bench.new(group=group) for _ in range(count)])
    groups = [job.header.group for job in bench.fetch(30)]
    assert len(groups) == 30
    assert groups.count("c") == 3
    assert abs(groups.count("a") - groups.count("b")) <= 10


def test_jobs_of_many_groups_are_added_in_one_step_each_to_its_own(bench: Bench) -> None:
    known = bench.add(group="b")
    asked = [bench.new(group=group) for group in ("a", "b", "b", "a", "c")]
    asked += [bench.new(job_id=known, group="c"), bench.new(group="c"), asked[0]]

    added = bench.queue.add(asked)

    assert [answer.created for answer in added] == [True] * 5 + [False, True, False]
    assert [answer.job_id for answer in added] == [job.job_id for job in asked]
    last = bench.queue.events(after="0-0")[-1]
    assert (last.event, list(last.job_ids)) == ("added", [job.job_id for job in (*asked[:5], asked[6])])
    served: dict[str, list[str]] = {}
    for job in bench.fetch(10):
        served.setdefault(job.header.group, []).append(job.job_id)
    a, b, c = ([job.job_id for job in asked if job.group == group] for group in "abc")
    assert served == {"a": a[:2], "b": [known, *b], "c": [c[0], c[2]]}


def test_a_group_with_weight_three_gets_three_turns(bench: Bench) -> None:
    bench.queue.set_weight("heavy", 3)
    for group in ("heavy", "light"):
        bench.queue.add([bench.new(group=group) for _ in range(100)])
    served = [job.header.group for _ in range(40) for job in bench.fetch(1)]
    assert served.count("heavy") == 30
    batch = [job.header.group for job in bench.fetch(40)]
    assert batch.count("heavy") == 30


def test_prioritized_jobs_run_first_within_their_group_lowest_number_first(bench: Bench) -> None:
    ids = [bench.add(priority=priority) for priority in (0, 5, 1, 5)]
    assert bench.state(ids[1]) == "prioritized"
    assert [job.job_id for job in bench.fetch(4)] == [ids[2], ids[1], ids[3], ids[0]]


def test_a_delayed_job_waits_for_its_time(bench: Bench) -> None:
    job_id = bench.add(delay_ms=80)
    assert bench.fetch(1) == []
    assert bench.state(job_id) == "delayed"
    wait_until(lambda: bench.fetch(1) != [], deadline_s=2, message="the delayed job did not fall due")


def test_a_unique_key_is_free_again_when_its_job_has_ended(bench: Bench) -> None:
    first = bench.add(unique_key="integration:1")
    assert bench.add(unique_key="integration:1") == first
    job = bench.take(first)
    assert bench.add(unique_key="integration:1") == first
    bench.run("complete_ruled", job.job_id, job.fence, b'{"u":"eintegration:1"}')
    assert bench.add(unique_key="integration:1") != first


def test_completed_jobs_are_kept_up_to_their_number(bench: Bench) -> None:
    for _ in range(5):
        job_id = bench.add(keep_count=3)
        job = bench.take(job_id)
        bench.run("complete_ruled", job_id, job.fence, b'{"c":3,"a":%d,"r":"{}"}' % HOUR_MS)
    assert bench.queue.stats().counts["completed"] == 3
    assert bench.state("job-1") is None
    assert bench.state("job-5") == "completed"


def test_a_paused_queue_hands_out_nothing_and_says_so(bench: Bench) -> None:
    job_id = bench.add()
    bench.queue.pause()
    assert bench.fetch(1) == []
    assert bench.state(job_id) == "paused"
    assert bench.queue.stats().counts["paused"] == 1
    bench.queue.resume()
    assert bench.take(job_id)


def test_cancelling_a_running_job_reaches_its_worker_with_the_next_renewal(bench: Bench) -> None:
    job_id = bench.add()
    job = bench.take()
    assert bench.queue.cancel(job_id) == "asked"
    lost, cancelled = bench.run("renew", HOUR_MS, job_id, job.fence)
    assert (lost, cancelled) == ([], [job_id.encode()])


def test_a_payload_over_64_kib_is_refused_with_its_size_and_adds_nothing(bench: Bench) -> None:
    with pytest.raises(PayloadTooLarge, match="65536"):
        bench.queue.add([bench.new(), bench.new(data={"text": "x" * 70_000})])
    assert sum(bench.queue.stats().counts.values()) == 0


def test_a_damaged_record_reaches_a_worker_once_instead_of_blocking_the_queue(bench: Bench) -> None:
    job_id = bench.add()
    bench.client.hset(bench.queue.keys["jobs"].decode(), job_id, b"\x00garbage")
    good = bench.add()
    taken = bench.run("fetch", 5, "worker", HOUR_MS, 0)
    assert [job_id, good] == [word.decode() for word in taken[7::2]]
    bench.run("dead_letter", job_id, str(taken[4] + 1), _LINE, "undecodable")
    assert bench.queue.stats().counts["failed"] == 1


def test_scripts_that_redis_forgot_are_loaded_again(bench: Bench) -> None:
    bench.add()
    bench.client.script_flush()
    assert bench.take()


def test_ids_that_the_queue_knows_are_told_from_others(bench: Bench) -> None:
    job_id = bench.add()
    delayed = bench.add(delay_ms=HOUR_MS)
    assert bench.queue.known([job_id, "other", delayed]) == {job_id, delayed}


def test_the_oldest_waiting_job_ages_and_is_gone_when_it_runs(bench: Bench) -> None:
    assert bench.queue.stats().oldest_waiting_seconds == 0
    bench.add()
    assert 0 < bench.queue.stats().oldest_waiting_seconds <= 10
    bench.take()
    assert bench.queue.stats().oldest_waiting_seconds == 0


def test_all_keys_of_a_queue_share_one_hash_tag_and_no_script_makes_up_a_key(bench: Bench) -> None:
    assert all(b"{bench}" in key for key in bench.queue.keys.all())
    names = [path.stem for path in Path(scripts.__file__).parent.joinpath("scripts").glob("*.lua")]
    assert len(names) > 15
    for name in names:
        touched = re.findall(r"redis\.call\('[A-Z]+', ([^,)]+)", script(name).source)
        assert set(touched) <= {*script(name).keys, "place[2]", "place", "goes_on and 'LPUSH' or 'RPUSH'"}, (
            f"{name} touches a key that it does not declare"
        )


def test_a_redis_that_is_away_is_said_to_be_away() -> None:
    server = RedisServer()
    server.start()
    client = redis.Redis.from_url(server.url, socket_timeout=1)
    bench = Bench(client)
    bench.add()
    server.stop()
    with pytest.raises(StoreUnavailable, match="redis"):
        bench.add()


_LINE = b'{"n":1,"o":"failed","e":"boom","w":"w","s":1,"d":1}'


def test_a_child_that_must_not_fail_takes_its_parent_with_it(bench: Bench) -> None:
    parent_id = bench.add()
    parent = bench.take(parent_id)
    children = [bench.new(parent_id=parent_id, on_failure=ChildFailure.FAIL) for _ in range(2)]
    bench.queue.add(children, parent_fence=parent.fence.decode())
    bench.run("wait_for_children", parent_id, parent.fence)
    child = bench.take()
    bench.run("dead_letter", child.job_id, child.fence, _LINE, "bad")
    view = bench.queue.get(parent_id)
    assert view is not None
    assert (view.state, view.reason) == ("failed", "a child failed")


def test_a_parent_can_wait_until_a_person_has_mended_its_child(bench: Bench) -> None:
    parent_id = bench.add()
    parent = bench.take(parent_id)
    bench.queue.add([bench.new(parent_id=parent_id, on_failure=ChildFailure.WAIT)], parent_fence=parent.fence.decode())
    bench.run("wait_for_children", parent_id, parent.fence)
    child = bench.take()
    bench.run("dead_letter", child.job_id, child.fence, _LINE, "bad")
    assert bench.state(parent_id) == "waiting-children"
    bench.queue.retry(child.job_id)
    again = bench.take(child.job_id)
    bench.run("complete_ruled", again.job_id, again.fence, b'{"p":"w%s"}' % parent_id.encode())
    assert bench.take(parent_id).children == Children(pending=0, completed=1, failed=0)


def test_a_job_s_log_keeps_its_last_lines(bench: Bench) -> None:
    job_id = bench.add()
    job = bench.take()
    for number in range(1_000):
        bench.run("log", job_id, job.fence, f"line {number} " + "x" * 100)
    view = bench.queue.get(job_id)
    assert view is not None
    assert view.log_lines[-1].startswith("line 999 ")
    assert 100 < len(view.log_lines) < 160
    assert all(line.startswith("line ") for line in view.log_lines)


def test_every_transition_is_told_and_the_stream_stays_short(bench: Bench) -> None:
    start = bench.queue.events(after="0")
    assert start == []
    job_id = bench.add()
    job = bench.take()
    bench.run("retry", job_id, job.fence, 0, _LINE, "again")
    job = bench.take()
    bench.run("complete_ruled", job_id, job.fence, b"")
    told = bench.queue.events(after="0")
    assert [event.event for event in told] == ["added", "retried", "completed"]
    assert {event.job_ids for event in told} == {(job_id,)}
    assert [event.event for event in bench.queue.events(after=told[0].event_id)] == ["retried", "completed"]
    for _ in range(2_500):
        bench.add()
    assert len(bench.queue.events(after="0", count=10_000)) < 1_300
