"""Why a message waits or has ended, in words that are the same in MongoDB, REST, metrics and logs."""

from enum import StrEnum


class Reason(StrEnum):
    """The limit that binds, or what ended the message."""

    LINE_PER_MINUTE = "line_per_minute"
    LINE_PER_DAY = "line_per_day"
    NEW_CONVERSATIONS_PER_DAY = "new_conversations_per_day"
    WORKSPACE_PER_DAY = "workspace_per_day"
    RECIPIENT_GAP = "recipient_gap"
    QUIET_HOURS = "quiet_hours"

    NO_LINE = "no_line"
    LINE_DOWN = "line_down"
    LINE_PAUSED = "line_paused"

    STOPPED_WORKSPACE = "stopped_workspace"
    STOPPED_LINE = "stopped_line"
    STOPPED_CAMPAIGN = "stopped_campaign"
    STOPPED_RECIPIENT = "stopped_recipient"
    OPTED_OUT = "opted_out"

    PROVIDER_REFUSED = "provider_refused"
    PROVIDER_BUSY = "provider_busy"
    LINE_FAULT = "line_fault"
    ANSWER_UNKNOWN = "answer_unknown"
    CANNOT_ASK = "cannot_ask"
    GAVE_UP = "gave_up"
    INVALID_RECIPIENT = "invalid_recipient"
    EMPTY_TEXT = "empty_text"
    NOT_DUE = "not_due"
    RESOLVED = "resolved_by_person"
    CANCELLED = "cancelled_by_person"
