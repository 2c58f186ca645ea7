"""Which addresses a webhook may have: none that leads inside, whatever its name says (server-side request forgery).

A name is resolved once per call, and the call goes to the very addresses that were looked at, so that a name which
means something else a moment later gains nothing. Kubernetes's network policy says the same once more.
"""

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from libs.common.errors import InvalidInput

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_COMPATIBLE: Final = ipaddress.ip_network("::/96")
_HOST: Final = re.compile(r"[a-z0-9.:-]+")
"""Nothing that a client might read as another host than this check does: no escapes, no zones, no user's name."""
_NUMBERS: Final = re.compile(r"(^|\.)(0x[0-9a-f]*|\d+)\.?$")
"""What ends in a number is an address for some clients (127.1, 2130706433, 127.0.0.1.), and for none a name."""
_LONGEST_URL: Final = 2_000


class AddressForbidden(OSError):
    """The webhook's name leads to an address that must not be called."""


def is_public(address: IPAddress) -> bool:
    """Whether an address is one of the internet; those that carry another address inside are judged by that one."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and (address in _NAT64 or address in _COMPATIBLE):
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address.teredo is not None or address.is_site_local:
            return False
    return address.is_global and not address.is_multicast


def check_url(url: str, *, inside_too: bool) -> None:
    """Refuses an address that no webhook may have, as far as it can be seen without asking for its name.

    Args:
        url: what is to be called.
        inside_too: whether plain HTTP and addresses inside are allowed, as on a developer's machine.

    Raises:
        InvalidInput: naming what would be right.
    """
    expected = (
        "expected an https:// address of a public server, without a user's name, such as https://app.example/hooks"
    )
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        raise InvalidInput("url", expected) from error
    schemes = ("https", "http") if inside_too else ("https",)
    is_plain = (
        _HOST.fullmatch(host or "")
        and url.isascii()
        and url.isprintable()
        and " " not in url
        and len(url) <= _LONGEST_URL
    )
    if not is_plain or parts.scheme not in schemes or not host or parts.username is not None or parts.fragment:
        raise InvalidInput("url", expected)
    literal = _literal(host)
    if literal is None and _NUMBERS.search(host):
        raise InvalidInput("url", f"{expected}; numbers that are no plain address are not public")
    if not inside_too and literal is not None and not is_public(literal):
        raise InvalidInput("url", f"{expected}; this address is not public")


class CheckedResolver(AbstractResolver):
    """Finds the addresses of a name and refuses them all where one must not be called.

    Args:
        inside_too: whether addresses inside are allowed.
        resolver: asks for names.
    """

    def __init__(
        self, *, inside_too: bool, resolver: Callable[[], AbstractResolver] = aiohttp.ThreadedResolver
    ) -> None:
        self._inside_too = inside_too
        self._resolver = resolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses.

        Raises:
            AddressForbidden: one of them must not be called.
        """
        found = await self._resolver.resolve(host, port, family)
        if not self._inside_too:
            check_addresses([each["host"] for each in found])
        return found

    async def close(self) -> None:
        """Closes what asks for names."""
        await self._resolver.close()


def check_addresses(addresses: Sequence[str]) -> None:
    """Refuses addresses of which one is not public.

    Raises:
        AddressForbidden: naming none of them, because who typed the name in reads this.
    """
    if not all(is_public(ipaddress.ip_address(address.partition("%")[0])) for address in addresses):
        raise AddressForbidden("the name leads to an address that is not public")


def _literal(host: str) -> IPAddress | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
