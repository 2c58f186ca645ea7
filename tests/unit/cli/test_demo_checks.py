"""What the demonstration says of its checks."""

from rich.console import Console

from libs.cli.demo.audit import Check
from libs.cli.demo.checks import all_hold, checks_data, checks_view

RIGHT = Check(claim="leads", expected=2_000, found=2_000)
WRONG = Check(claim="repeats", expected=0, found=3)


def shown(*checks: Check) -> str:
    console = Console(width=80, color_system=None)
    with console.capture() as captured:
        console.print(checks_view(checks, verdict="All is well."))
    return captured.get()


def test_checks_that_hold_end_in_the_verdict() -> None:
    assert "All is well." in shown(RIGHT)
    assert all_hold([RIGHT])


def test_one_that_does_not_hold_is_told_with_what_should_be() -> None:
    said = shown(RIGHT, WRONG)

    assert "3 (should be 0)" in said
    assert "The numbers do not add up." in said
    assert "All is well." not in said


def test_programs_are_told_each_check_and_whether_all_hold() -> None:
    told = checks_data([RIGHT, WRONG])

    assert told["holds"] is False
    assert told["checks"] == [
        {"claim": "leads", "expected": 2_000, "found": 2_000, "holds": True},
        {"claim": "repeats", "expected": 0, "found": 3, "holds": False},
    ]
