"""How long the tests that try out sequences at random go on."""

import os


def examples(at_least: int) -> int:
    """How many sequences to try: ``at_least`` in ``make test``, and as many times that as ``TEST_EFFORT`` says.

    ``make chaos`` sets it, for the sequences that only a long search finds.
    """
    return at_least * int(os.environ.get("TEST_EFFORT", "1"))
