"""When a run stops because its rows look wrong as a whole."""

import pytest

from libs.common.stores.sync_runs import Counts
from services.sync.rules.suspicion import is_suspicious


@pytest.mark.parametrize(
    ("fetched", "failed", "suspicious"),
    [
        (0, 0, False),
        (10, 9, False),  # few rows prove nothing
        (10, 10, True),
        (100, 20, False),  # exactly the share is not above it
        (100, 21, True),
        (1_000_000, 200_000, False),
    ],
)
def test_above_a_share_of_failed_rows_a_run_is_suspicious(fetched: int, failed: int, suspicious: bool) -> None:
    assert is_suspicious(Counts(fetched=fetched, failed=failed), share=0.2) is suspicious


def test_a_share_of_one_switches_the_rule_off() -> None:
    assert not is_suspicious(Counts(fetched=50, failed=50), share=1.0)
