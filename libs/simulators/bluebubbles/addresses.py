"""How the server writes an address before it uses it: a phone number in E.164, an email address in lower case.

Read in bluebubbles-server, ``helpers/utils.ts`` (``slugifyAddress``, ``getiMessageAddressFormat``). The real server
parses numbers with libphonenumber and the Mac's region; here the region is the United States and a number with a plus
sign is taken as it is. So a caller that forgets to encode the plus sign in a query gets what it would get there: its
number read as an American one.
"""

import functools


@functools.lru_cache(maxsize=200_000)
def normalized(address: str) -> str:
    """The address as the server uses it; the text itself where it is neither number nor email."""
    text = "".join(address.lower().split())
    if "@" in text:
        return text
    digits = "".join(character for character in text if character.isdigit())
    if text.startswith("+"):
        return "+" + digits
    if len(digits) == 11 and digits.startswith("1"):
        return "+" + digits
    return "+1" + digits if digits else text


def chat_guid(address: str, service: str = "iMessage") -> str:
    """The guid of the one-to-one chat with an address."""
    return f"{service};-;{address}"


def address_of_chat(guid: str) -> str:
    """The address that a one-to-one chat's guid names; the text itself where it is no such guid."""
    return normalized(guid.rpartition(";-;")[2]) if ";-;" in guid else guid
