"""Reading request bodies: JSON of a bounded size, or a refusal that says what would be right."""

from typing import Any, Final

import msgspec
from flask import Request
from werkzeug.exceptions import BadRequest, ClientDisconnected, RequestEntityTooLarge, UnsupportedMediaType

from libs.common.validation import as_mapping

_JSON: Final = "application/json"


def read_object(request: Request) -> dict[str, Any]:
    """The JSON object in the body.

    Raises:
        UnsupportedMediaType: it is not declared as plain JSON in UTF-8.
        RequestEntityTooLarge: it is larger than the app's ``MAX_CONTENT_LENGTH``.
        ClientDisconnected: it is not all there.
        BadRequest: it is no JSON.
        InvalidInput: it is JSON, but no object.
    """
    _check_media_type(request)
    return as_mapping(_decode(_read(request)), path="")


def _read(request: Request) -> bytes:
    limit, length = request.max_content_length, request.content_length
    if length is not None and (limit is None or length <= limit):
        body = request.input_stream.read(length)
        if len(body) < length:
            raise ClientDisconnected
        return body
    too_large = RequestEntityTooLarge(f"body: expected at most {limit} bytes")
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge as error:
        raise too_large from error
    # A body of undeclared length is cut off at the limit without a word.
    if limit is not None and length is None and len(body) >= limit:
        raise too_large
    return body


def _check_media_type(request: Request) -> None:
    # Nearly everybody says exactly this, and it need not be taken apart.
    if request.content_type != _JSON:
        if request.mimetype != _JSON and not request.mimetype.endswith("+json"):
            raise UnsupportedMediaType("Send JSON: 'Content-Type: application/json'.")
        if request.mimetype_params.get("charset", "utf-8").lower() not in {"utf-8", "utf8"}:
            raise UnsupportedMediaType("Send JSON in UTF-8.")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("Send the body without a Content-Encoding.")


def _decode(body: bytes) -> Any:
    if not body:
        raise BadRequest("body: expected a JSON object, got nothing")
    try:
        return msgspec.json.decode(body)
    except UnicodeDecodeError as error:
        raise BadRequest("body: the text is not UTF-8") from error
    except RecursionError as error:
        raise BadRequest("body: nested too deeply") from error
    except msgspec.ValidationError as error:
        raise BadRequest(f"body: {_first_part(error).lower()}") from error
    except msgspec.DecodeError as error:
        raise BadRequest(f"body: {_first_part(error)}") from error


def _first_part(error: msgspec.MsgspecError) -> str:
    return str(error).split(" - at", 1)[0]
