"""Reading SERVICE_URLS."""

import pytest

from libs.common.errors import SettingsError
from services.gateway.targets import Target, read_targets


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
    ],
)
def test_what_is_no_pair_stops_the_start_without_showing_a_password(text: str) -> None:
    with pytest.raises(SettingsError, match="SERVICE_URLS") as caught:
        read_targets(text)
    assert "u:p" not in str(caught.value)
