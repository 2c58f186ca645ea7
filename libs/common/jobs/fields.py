"""The kinds of text that payloads are made of."""

from typing import Annotated

import msgspec

from libs.common.validation import pattern_in_words

# Patterns end in \Z, not $, which would let a trailing newline through.
ObjectIdText = Annotated[
    str, msgspec.Meta(pattern=pattern_in_words(r"^[0-9a-fA-F]{24}\Z", "an ObjectId: 24 hex digits"))
]
"""The id of a MongoDB document."""

NonEmptyText = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=200,
        pattern=pattern_in_words(r"^[^\x00-\x1f\x7f]*\Z", "text without control characters"),
    ),
]
"""An id or name as the app writes it; queues use control characters to separate names."""
