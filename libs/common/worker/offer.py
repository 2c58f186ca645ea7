"""Makes ``dramatiq services.NAME`` work, without a connection being made wherever else a service is imported.

That command imports the package that it is given, and takes the global broker.
"""

import importlib
import sys
from pathlib import Path


def offer_to_dramatiq(bootstrap: str) -> None:
    """Sets Dramatiq's global broker if this process was started by Dramatiq's command; does nothing elsewhere.

    Args:
        bootstrap: the module that has the service's ``COMMAND``.
    """
    if "dramatiq" in Path(sys.argv[0]).parts[-2:]:
        import dramatiq

        dramatiq.set_broker(importlib.import_module(bootstrap).COMMAND.dramatiq_broker())
