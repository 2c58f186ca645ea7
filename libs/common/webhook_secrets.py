"""The secret by which a line's webhooks are recognised: derived from CREDENTIALS_KEY, so that nothing is stored.

While keys are rotated the secrets of all of them are good; a new secret is made with the newest.
"""

import hashlib
import hmac

from libs.common.settings import Secret, tokens_of


class WebhookSecrets:
    """Makes and checks secrets.

    Args:
        key: the setting CREDENTIALS_KEY.
    """

    def __init__(self, key: Secret) -> None:
        self._keys = [one.encode() for one in tokens_of(key)]

    def of(self, line_id: str) -> str:
        """The secret of a line, safe in a URL."""
        return _derive(self._keys[0], line_id)

    def is_good(self, line_id: str, given: str) -> bool:
        """Whether ``given`` is the line's secret; takes the same time for every wrong one."""
        return sum(hmac.compare_digest(_derive(key, line_id).encode(), given.encode()) for key in self._keys) > 0


def _derive(key: bytes, line_id: str) -> str:
    return hmac.new(key, f"webhook/{line_id}".encode(), hashlib.sha256).hexdigest()[:40]
