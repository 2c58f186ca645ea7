"""Headers that several providers send."""

import math
from collections.abc import Mapping


def retry_after(seconds: float | None) -> Mapping[str, str]:
    """Return a `Retry-After` header in whole seconds, rounded up as RFC 9110 has no fractions; none for None or 0."""
    return {"Retry-After": str(math.ceil(seconds))} if seconds else {}
