"""What a request for a bulk action makes: a preview, or an order for the door. No I/O."""

from collections.abc import Collection
from datetime import datetime

import msgspec

from libs.common.jobs.bulk_action import Action, BulkOrder
from services.gateway.bulk.filters import JobFilterRequest, read_filter


class BulkActionRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What to do with which jobs.

    Args:
        action: what to do.
        filter: with which jobs.
        dry_run: whether to say only how many jobs that are, and which.
    """

    action: Action
    filter: JobFilterRequest
    dry_run: bool = False


def bulk_order(asked: BulkActionRequest, *, queues: Collection[str], now: datetime) -> BulkOrder:
    """The order that a request makes, its moments fixed.

    Raises:
        InvalidInput: naming the field.
    """
    which = read_filter(asked.filter, asked.action, queues=queues, now=now)
    return BulkOrder(action=asked.action, filter=which, as_of=now)
