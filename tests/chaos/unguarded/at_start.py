"""What makes Python change a program at its start: the only way in which our programs run without a safeguard."""

import os
from collections.abc import Mapping
from pathlib import Path

REMOVED = "REMOVED_SAFEGUARD"
CLOCK = "WRONG_CLOCK"

_ROOT = Path(__file__).parents[3]
_FOLDER = Path(__file__).parent / "startup"


def at_start(*, removed: str = "", clock: str = "") -> Mapping[str, str]:
    """The variables of a process that is changed at its start.

    Args:
        removed: the safeguard that it lacks; empty for none.
        clock: the file that holds the error of its clock; empty for a clock that is right.
    """
    wanted = {name: value for name, value in ((REMOVED, removed), (CLOCK, clock)) if value}
    return {**wanted, "PYTHONPATH": f"{_FOLDER}{os.pathsep}{_ROOT}"} if wanted else {}
