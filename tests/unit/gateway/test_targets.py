"""Reading SERVICE_URLS."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from libs.common.errors import SettingsError
from services.gateway.side_by_side import SideBySide
from services.gateway.targets import Target, TargetClient, addresses_of, read_targets


def test_pairs_are_read_and_a_service_may_have_several_processes() -> None:
    assert read_targets(" sync=http://sync-0:3013/ , sync=http://sync-1:3013,,availability=https://[::1]:8443 ") == (
        Target(service="sync", url="http://sync-0:3013"),
        Target(service="sync", url="http://sync-1:3013"),
        Target(service="availability", url="https://[::1]:8443"),
    )


def test_nothing_is_no_target() -> None:
    assert read_targets("") == ()


def test_a_process_is_told_apart_by_its_address() -> None:
    target = Target(service="sync", url="http://sync-0:3013")

    assert (target.instance, target.name) == ("sync-0:3013", "sync@sync-0:3013")


@pytest.mark.parametrize(
    "text",
    [
        "sync",
        "=http://x",
        "sync=",
        "sync=x:1",
        "sync=ftp://x",
        "sync=http://",
        "sync=http://u:p@x",
        "a=http://x,a=http://x",
        "a=dns+https://x",
        "a=dns+ftp://x",
    ],
)
def test_what_is_no_pair_stops_the_start_without_showing_a_password(text: str) -> None:
    with pytest.raises(SettingsError, match="SERVICE_URLS") as caught:
        read_targets(text)
    assert "u:p" not in str(caught.value)


def found(text: str, **names: Sequence[str]) -> list[Target]:
    """The processes that are found while these names have these addresses."""

    def addresses(host: str, _port: int) -> Sequence[str]:
        if host not in names:
            raise OSError("no such name")
        return names[host]

    client = TargetClient(read_targets(text), token="", deadline=timedelta(seconds=1), addresses=addresses)
    return list(client.find(SideBySide(deadline=timedelta(seconds=1), threads=2)))


def test_a_name_stands_for_every_process_behind_it_each_told_apart_by_its_address() -> None:
    targets = found("one=http://one:1,sync=dns+http://sync:3010", sync=["10.0.0.1", "10.0.0.2", "fd00::1"])
    assert [(target.service, target.instance) for target in targets] == [
        ("one", "one:1"),
        ("sync", "10.0.0.1:3010"),
        ("sync", "10.0.0.2:3010"),
        ("sync", "[fd00::1]:3010"),
    ]


def test_a_name_without_an_address_stands_for_a_process_that_cannot_be_reached() -> None:
    assert [target.instance for target in found("sync=dns+http://sync:3010")] == ["sync:3010"]


def test_a_name_is_asked_for_its_addresses_each_time() -> None:
    answers = iter([["10.0.0.1"], ["10.0.0.1", "10.0.0.2"]])
    client = TargetClient(
        read_targets("sync=dns+http://sync:3010"),
        token="",
        deadline=timedelta(seconds=1),
        addresses=lambda _host, _port: next(answers),
    )
    side_by_side = SideBySide(deadline=timedelta(seconds=1), threads=2)
    assert [len(client.find(side_by_side)) for _ in range(2)] == [1, 2]


def test_the_addresses_of_this_machines_own_name_are_found() -> None:
    assert "127.0.0.1" in addresses_of("localhost", 80)
