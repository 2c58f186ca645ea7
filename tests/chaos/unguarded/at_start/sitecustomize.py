"""Read by Python at its start where this folder is on PYTHONPATH: takes out the ``REMOVED_SAFEGUARD``.

https://docs.python.org/3/library/site.html#module-sitecustomize
"""

import os

from tests.chaos.unguarded.safeguards import REMOVALS

REMOVALS[os.environ["REMOVED_SAFEGUARD"]]()
