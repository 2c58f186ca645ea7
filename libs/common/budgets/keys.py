"""The Redis keys of budgets. All of a workspace's share a hash slot, so one script may touch every layer at once.

They hold ids, moments, counts and short names of recipients from which no handle can be read.
"""

from libs.common.broker.keys import PREFIX, workspace_key


class BudgetKeys:
    """The keys of one workspace's budgets.

    Args:
        workspace_id: whose they are.
        prefix: what all keys of this installation start with.
        building: a token that sets keys under construction apart from those in use.
    """

    def __init__(self, workspace_id: str, *, prefix: str = PREFIX, building: str = "") -> None:
        self._workspace_id = workspace_id
        self._prefix = prefix
        self._building = f":building:{building}" if building else ""

    def under_construction(self, token: str) -> "BudgetKeys":
        """The same keys, set apart by ``token``."""
        return BudgetKeys(self._workspace_id, prefix=self._prefix, building=token)

    @property
    def epoch(self) -> str:
        """Which counts these are."""
        return self._key("epoch")

    def slots(self, line_id: str) -> str:
        """The moments of a line's messages."""
        return self._key(f"line:{line_id}:slots")

    def held(self, line_id: str) -> str:
        """What each of a line's messages holds."""
        return self._key(f"line:{line_id}:held")

    def line_day(self, line_id: str, day: str) -> str:
        """A line's counts on one of its days."""
        return self._key(f"line:{line_id}:day:{day}")

    def workspace_day(self, day: str) -> str:
        """The workspace's count on one of its days."""
        return self._key(f"day:{day}")

    def recipient(self, recipient_key: str) -> str:
        """The moments of messages to one recipient."""
        return self._key(f"to:{recipient_key}")

    def _key(self, name: str) -> str:
        return workspace_key(self._workspace_id, f"budget:{name}{self._building}", prefix=self._prefix)
