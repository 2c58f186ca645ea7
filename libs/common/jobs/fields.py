"""The kinds of text that payloads are made of."""

from typing import Annotated

import msgspec

from libs.common.validation import pattern_in_words

ObjectIdText = Annotated[str, msgspec.Meta(pattern=pattern_in_words("^[0-9a-fA-F]{24}$", "an ObjectId: 24 hex digits"))]
"""The id of a MongoDB document."""

NonEmptyText = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
"""An id or name as the app writes it."""
