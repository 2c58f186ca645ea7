"""The adapters of a worker's lines: made when first needed, kept while the line stays as it is."""

from collections.abc import Callable

from libs.common.providers.sending import MessageSender
from libs.common.stores.sending_lines import SendingLine

MakeSender = Callable[[SendingLine], MessageSender]
_Identity = tuple[str, str, str, str]


class Senders:
    """Keeps adapters.

    Args:
        make: makes one; raises :class:`~libs.common.providers.errors.LineFault` where the line cannot be used.
    """

    def __init__(self, make: MakeSender) -> None:
        self._make = make
        self._known: dict[str, tuple[_Identity, MessageSender]] = {}

    def of(self, line: SendingLine) -> MessageSender:
        """What sends through ``line``.

        Raises:
            LineFault: no adapter speaks its protocol, or its credentials cannot be opened.
        """
        identity = (line.provider, line.server_url, line.credentials, line.address)
        known = self._known.get(line.line_id)
        if known is None or known[0] != identity:
            known = (identity, self._make(line))
            self._known[line.line_id] = known
        return known[1]
