"""What needs the Private API, and what the server says when it is not there.

Read in bluebubbles-server, ``helpers/utils.ts`` (``checkPrivateApiStatus``) and ``middleware/privateApiMiddleware.ts``.
"""

from libs.simulators.bluebubbles.envelope import Refusal, imessage_error
from libs.simulators.bluebubbles.settings import LineSettings

NOT_ENABLED = "iMessage Private API is not enabled!"
NOT_CONNECTED = "iMessage Private API Helper is not connected!"


def private_api_fault(settings: LineSettings) -> str | None:
    """Why the Private API cannot be used on a line; ``None`` when it can."""
    if not settings.private_api:
        return NOT_ENABLED
    return None if settings.helper_connected else NOT_CONNECTED


def set_up_incomplete(reason: str) -> Refusal:
    """500, as routes answer that need the Private API."""
    return imessage_error(
        "Please make sure you have completed the setup for the Private API, and your helper is connected!", reason
    )
