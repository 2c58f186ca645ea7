"""Splitting a run's leads into chunks such that leads which may share a handle are in the same chunk. Pure.

Each handle is then asked once per run without the chunks knowing of each other. A lead may have two handles, so leads
hang together in chains: whoever shares a phone with one may share an email with a third. What hangs together stays
together, even where it is more than a chunk holds.

A lead takes 20 bytes here, because a run may have a quarter of a million of them: its position in the run and a hash
of each handle. Equal handles have equal hashes; should two different ones collide, their leads share a chunk and
nothing is lost.
"""

from array import array
from collections.abc import Iterator, Sequence

from libs.common.handles import normal_email, normal_phone

_NONE = 0


def _hash(handle: str | None) -> int:
    return hash(handle) if handle else _NONE


class Splitter:
    """Collects leads, then splits them.

    Args:
        region: where national phone numbers are read.
        chunk_size: how many leads a chunk is to hold.
    """

    def __init__(self, *, region: str, chunk_size: int) -> None:
        self._region = region
        self._chunk_size = chunk_size
        self._positions = array("I")
        self._phones = array("q")
        self._emails = array("q")

    def add(self, position: int, phone: str | None, email: str | None) -> None:
        """Takes in a lead.

        Args:
            position: stands for the lead; each one once.
            phone: as written.
            email: as written.
        """
        self._positions.append(position)
        self._phones.append(_hash(normal_phone(phone, region=self._region)) if phone else _NONE)
        self._emails.append(_hash(normal_email(email)) if email else _NONE)

    def chunks(self) -> Iterator[Sequence[int]]:
        """The chunks, each the positions of its leads; the same leads added in the same order give the same chunks."""
        chunk = array("I")
        for group in self._groups():
            if chunk and len(chunk) + len(group) > self._chunk_size:
                yield chunk
                chunk = array("I")
            chunk.extend(group)
        if chunk:
            yield chunk

    def _groups(self) -> Iterator[Sequence[int]]:
        """Leads that hang together, by the first of them in the order in which they were added."""
        heads = self._heads()
        followers: dict[int, list[int]] = {}
        for i, head in enumerate(heads):
            if head != i:
                followers.setdefault(head, []).append(self._positions[i])
        for i, head in enumerate(heads):
            if head == i:
                yield [self._positions[i], *followers.get(i, ())]

    def _heads(self) -> Sequence[int]:
        """For each lead the first one that it hangs together with: a union-find over equal hashes."""
        heads = array("I", range(len(self._positions)))

        def head_of(i: int) -> int:
            while heads[i] != i:
                heads[i] = heads[heads[i]]
                i = heads[i]
            return i

        for hashes in (self._phones, self._emails):
            before = -1
            for i in sorted(range(len(hashes)), key=hashes.__getitem__):
                if before >= 0 and hashes[i] != _NONE and hashes[i] == hashes[before]:
                    one, other = head_of(i), head_of(before)
                    heads[max(one, other)] = min(one, other)
                before = i
        for i in range(len(heads)):
            heads[i] = head_of(i)
        return heads
