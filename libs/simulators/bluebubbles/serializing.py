"""Messages and chats as the server writes them.

Read in bluebubbles-server, ``api/serializers``. Of note: texts come back without white space at their ends; what is
sent to webhooks leaves out the less important fields; a message that was just updated comes without its chats.
"""

from libs.simulators.bluebubbles.mailbox import Chat, Message

_OBJECT_REPLACEMENT = "\ufffc"


def clean_text(text: str) -> str:
    """A text as the server gives it back."""
    return text.replace(_OBJECT_REPLACEMENT, "").strip()


def handle_json(chat: Chat, *, for_notification: bool = False) -> dict[str, object]:
    """The other party of a chat."""
    output: dict[str, object] = {"originalROWID": chat.rowid, "address": chat.address, "service": chat.service}
    if not for_notification:
        output.update(uncanonicalizedId=None, country="us")
    return output


def chat_json(
    chat: Chat,
    *,
    with_participants: bool = False,
    messages: list[Message] | None = None,
    for_notification: bool = False,
) -> dict[str, object]:
    """A chat.

    Args:
        chat: which.
        with_participants: whether to give its other party.
        messages: the messages to give with it; ``None`` leaves the field out.
        for_notification: leave out the less important fields.
    """
    output: dict[str, object] = {
        "originalROWID": chat.rowid,
        "guid": chat.guid,
        "style": 45,
        "chatIdentifier": chat.address,
        "isArchived": False,
        "displayName": "",
    }
    if with_participants:
        output["participants"] = [handle_json(chat, for_notification=for_notification)]
    if messages is not None:
        output["messages"] = [
            message_json(message, with_chats=None, for_notification=for_notification) for message in messages
        ]
    if not for_notification:
        output.update(isFiltered=False, groupId=None, properties=None, lastAddressedHandle=None)
    return output


def message_json(
    message: Message,
    *,
    with_chats: bool | None = True,
    with_body: bool = False,
    temp_guid: str = "",
    for_notification: bool = False,
    with_participants: bool = False,
) -> dict[str, object]:
    """A message.

    Args:
        message: which.
        with_chats: whether to fill the list of its chats; ``None`` leaves the field out.
        with_body: whether to give the attributed body.
        temp_guid: the caller's reference, echoed.
        for_notification: leave out the less important fields.
        with_participants: whether its chats have their participants.
    """
    text = clean_text(message.text)
    output: dict[str, object] = {
        "originalROWID": message.rowid,
        "guid": message.guid,
        "text": text,
        "attributedBody": [_attributed(text)] if with_body else None,
        "handle": handle_json(message.chat),
        "handleId": message.chat.rowid,
        "otherHandle": 0,
        "attachments": [],
        "subject": None,
        "error": message.error,
        "dateCreated": message.date_created,
        "dateRead": None,
        "dateDelivered": message.date_delivered,
        "isDelivered": message.date_delivered is not None,
        "isFromMe": message.is_from_me,
        "hasDdResults": False,
        "isArchived": False,
        "itemType": 0,
        "groupTitle": None,
        "groupActionType": 0,
        "balloonBundleId": None,
        "associatedMessageGuid": None,
        "associatedMessageType": None,
        "expressiveSendStyleId": None,
        "threadOriginatorGuid": None,
        "hasPayloadData": False,
    }
    if not for_notification:
        output.update(_LESS_IMPORTANT)
    if with_chats is not None:
        chats = [chat_json(message.chat, with_participants=with_participants, for_notification=for_notification)]
        output["chats"] = chats if with_chats else []
    output.update(messageSummaryInfo=None, payloadData=None, dateEdited=None, dateRetracted=None, partCount=1)
    if temp_guid:
        output["tempGuid"] = temp_guid
    return output


def _attributed(text: str) -> dict[str, object]:
    run = {"range": [0, len(text)], "attributes": {"__kIMMessagePartAttributeName": 0}}
    return {"string": text, "runs": [run]}


_LESS_IMPORTANT: dict[str, object] = {
    "country": None,
    "isDelayed": False,
    "isAutoReply": False,
    "isSystemMessage": False,
    "isServiceMessage": False,
    "isForward": False,
    "threadOriginatorPart": None,
    "isCorrupt": False,
    "datePlayed": None,
    "cacheRoomnames": None,
    "isSpam": False,
    "isExpired": False,
    "timeExpressiveSendPlayed": None,
    "isAudioMessage": False,
    "replyToGuid": None,
    "shareStatus": 0,
    "shareDirection": 0,
    "wasDeliveredQuietly": False,
    "didNotifyRecipient": False,
}
