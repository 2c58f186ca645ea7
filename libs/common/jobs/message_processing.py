"""`message-processing`: send one message, at most once, however often its job runs."""

from datetime import timedelta

from libs.common.jobs.contract import JobContract, Origin, Payload
from libs.common.jobs.fields import NonEmptyText, ObjectIdText


class MessageProcessing(Payload, frozen=True, kw_only=True):
    """The message to send."""

    message_id: ObjectIdText
    workspace_id: NonEmptyText


MESSAGE_PROCESSING = JobContract(
    job_type="message-processing",
    queue="message-processing",
    payload=MessageProcessing,
    origin=Origin.REST,
    max_attempts=8,
    time_limit=timedelta(minutes=2),
    unique_key=lambda payload: payload.message_id,
    workspace=lambda payload: payload.workspace_id,
)
