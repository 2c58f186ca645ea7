"""A small book-keeper around the rule of the next free slot: it remembers what was promised, as the stores do."""

from dataclasses import dataclass, field

from libs.common.budgets.slots import Held, Opening, Pace, Placement, Usage, place


@dataclass(frozen=True)
class Entry:
    at_ms: int
    opening: Opening
    recipient: str
    adds_conversation: bool


@dataclass
class Book:
    """One line's promises."""

    entries: dict[str, Entry] = field(default_factory=dict)

    def usage_for(self, message: str, recipient: str) -> Usage:
        others = [entry for name, entry in self.entries.items() if name != message]
        own = self.entries.get(message)
        return Usage(
            slots_ms=sorted(entry.at_ms for entry in others),
            line_days=_count([entry.opening.line_day for entry in others]),
            new_days=_count(sorted({(e.opening.line_day, e.recipient) for e in others if e.adds_conversation})),
            counted_days=frozenset(
                e.opening.line_day for e in others if e.adds_conversation and e.recipient == recipient
            ),
            workspace_days=_count([entry.opening.workspace_day for entry in others]),
            recipient_last_ms=max((e.at_ms for e in others if e.recipient == recipient), default=None),
            held=_held(own) if own else None,
        )

    def ask(
        self,
        message: str,
        *,
        now_ms: int,
        openings: list[Opening],
        pace: Pace,
        is_new: bool = False,
        recipient: str | None = None,
        horizon_ms: int = 10**15,
    ) -> Placement:
        recipient = recipient or message
        usage = self.usage_for(message, recipient)
        placement = place(
            now_ms=now_ms, is_new=is_new, openings=openings, horizon_ms=horizon_ms, pace=pace, usage=usage
        )
        if not placement.kept:
            self.entries.pop(message, None)
        if placement.opening:
            self.entries[message] = Entry(placement.at_ms, placement.opening, recipient, is_new)
        return placement


def _held(entry: Entry) -> Held:
    return Held(at_ms=entry.at_ms, line_day=entry.opening.line_day, workspace_day=entry.opening.workspace_day)


def _count(days: list[str] | list[tuple[str, str]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for day in days:
        name = day if isinstance(day, str) else day[0]
        counts[name] = counts.get(name, 0) + 1
    return counts
