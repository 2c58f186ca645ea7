"""What messaging counts and measures."""

from prometheus_client import Counter, Histogram

from libs.common.messages.reasons import Reason
from libs.common.messages.states import UNFINISHED, MessageStatus

MESSAGES = Counter("tuco_messages_total", "Messages whose attempt ended, by how", ["outcome", "reason"])
RECONCILED = Counter(
    "tuco_messages_reconciled_total",
    "Messages of which it was not known whether they went out, by decision",
    ["decision"],
)
SENT_TWICE = Counter("tuco_messages_sent_twice_total", "Messages for which a provider answered twice: always 0")
SEND_SECONDS = Histogram(
    "tuco_message_send_seconds",
    "How long a provider took to answer a send",
    ["provider", "answer"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
LEFT_AFTER_STOP_SECONDS = Histogram(
    "tuco_message_left_after_stop_seconds",
    "How long after a stop a message left that was under way",
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
DUE = Counter("tuco_due_messages_total", "Scheduled messages that were queued because their time had come")
DUE_LATENESS_SECONDS = Histogram(
    "tuco_due_lateness_seconds",
    "How long after its time the oldest due message of a batch was queued",
    buckets=(1, 5, 15, 30, 60, 90, 120, 300, 900, 3600),
)
REQUEUED = Counter("tuco_messages_requeued_total", "Messages whose job was lost and made anew", ["status"])


def expect_messages() -> None:
    """Shows the metrics of sends from now on, at 0, so that the first event of each kind is seen as one."""
    MESSAGES.labels(MessageStatus.SENT.value, "")
    for outcome in (MessageStatus.FAILED.value, MessageStatus.UNCERTAIN.value, "waits"):
        for reason in Reason:
            MESSAGES.labels(outcome, reason.value)


def expect_ticks() -> None:
    """Shows the metrics of what is due from now on, at 0."""
    for status in UNFINISHED:
        REQUEUED.labels(status.value)
