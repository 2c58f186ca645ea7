"""Read by Python at its start where this folder is on PYTHONPATH: changes the program as its environment says.

https://docs.python.org/3/library/site.html#module-sitecustomize
"""

import os

from tests.chaos.unguarded.at_start import CLOCK, REMOVED

if REMOVED in os.environ:
    from tests.chaos.unguarded.safeguards import REMOVALS

    REMOVALS[os.environ[REMOVED]]()
if CLOCK in os.environ:
    from tests.chaos.unguarded.wrong_clock import put_wrong

    put_wrong(os.environ[CLOCK])
