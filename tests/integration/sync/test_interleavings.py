"""Two integrations whose rows come and go, and a person who edits, creates and retypes leads in any order: no
duplicate, no lost edit, and a link is marked as gone just where its row is.

A person's steps happen between runs, between a page's fetching and its writing, and in the middle of the transaction
that writes it. A number typed in that very moment, milliseconds long, is the one thing left out: see
docs/decisions/lead-identity.md.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from bson import ObjectId
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from pymongo.client_session import ClientSession

from libs.common.handles import normal_email, normal_phone
from libs.common.integrations.model import Provider
from services.sync.engine import page_writer
from services.sync.rules.leads import external_key
from services.sync.rules.rows import LEAD_FIELDS, SourceRow
from tests.examples import examples
from tests.integration.sync.world import MemorySource, World

PHONES = ["+14155550001", "+14155550002", "+14155550003", "+14155550004"]
EMAILS = ["a@example.org", "b@example.org", "c@example.org"]
NAMES = ["Anna", "Bob", "Carla"]
TYPED = {
    "phone": [*PHONES, "(415) 555-0001", "415 555 0002", None],
    "email": [*EMAILS, " A@Example.org", None],
    "firstName": [*NAMES, "Dora", None],
}
OWN = {"firstName": ["Dora", "Emil", None]}
"""What a person may type while a transaction is writing."""

ROW_VALUES = st.fixed_dictionaries(
    {
        "phone": st.sampled_from([*PHONES, None]),
        "email": st.sampled_from([*EMAILS, None]),
        "firstname": st.sampled_from(NAMES),
    }
).filter(lambda values: bool(values["phone"] or values["email"]))


def typed(choices: dict[str, list[Any]]) -> st.SearchStrategy[tuple[str, Any]]:
    return st.sampled_from(sorted(choices)).flatmap(
        lambda name: st.tuples(st.just(name), st.sampled_from(choices[name]))
    )


def normal(field: str, value: str | None) -> str | None:
    if not value:
        return None
    if field == "phone":
        return normal_phone(value.strip(), region="US")
    return normal_email(value.strip()) if field == "email" else value


class Interleavings(RuleBasedStateMachine):
    """The steps, and what must hold after each."""

    world: World

    @initialize()
    def begin(self) -> None:
        for name in ("leads", "integrations", "syncRuns", "syncErrors", "syncSeen"):
            self.world.database[name].delete_many({})
        self.sources = [self.world.integrate(overlap_seconds=0), self.world.integrate(Provider.SALESFORCE)]
        self.rows: list[dict[str, dict[str, Any]]] = [{}, {}]
        self.step = 0
        self.edited: dict[tuple[ObjectId, str], int] = {}
        self.typed: dict[tuple[ObjectId, str], Any] = {}
        self.typed_at: dict[tuple[ObjectId, str], int] = {}
        self.row_changed: dict[tuple[int, str], int] = defaultdict(int)
        self.completed: list[list[int]] = [[], []]
        self.read: list[set[str]] = [set(), set()]

    @rule(source=st.sampled_from([0, 1]), row_id=st.sampled_from(["1", "2"]), values=ROW_VALUES)
    def change_row(self, source: int, row_id: str, values: dict[str, Any]) -> None:
        self.step += 1
        self.rows[source][row_id] = values
        self.row_changed[source, row_id] = self.step

    @rule(source=st.sampled_from([0, 1]), row_id=st.sampled_from(["1", "2"]))
    def remove_row(self, source: int, row_id: str) -> None:
        self.step += 1
        self.rows[source].pop(row_id, None)

    @rule(values=st.lists(typed(TYPED), min_size=1, max_size=3))
    def create_lead(self, values: list[tuple[str, Any]]) -> None:
        self.step += 1
        lead_id = self.world.write_lead(**{name: value for name, value in values if value})
        self.edited.update({(lead_id, name): self.step for name, value in values if value})

    @rule(which=st.integers(0, 2), value=typed(TYPED))
    def edit_lead(self, which: int, value: tuple[str, Any]) -> None:
        self._edit(which, value)

    @rule(source=st.sampled_from([0, 1]), page_rows=st.integers(1, 3))
    def sync(self, source: int, page_rows: int) -> None:
        self._sync(source, page_rows)

    @rule(source=st.sampled_from([0, 1]), page_rows=st.integers(1, 3), which=st.integers(0, 2), value=typed(TYPED))
    def sync_and_edit_after_a_page_was_fetched(
        self, source: int, page_rows: int, which: int, value: tuple[str, Any]
    ) -> None:
        self._sync(source, page_rows, after_read=lambda page: self._edit(which, value) if page == 0 else None)

    @rule(source=st.sampled_from([0, 1]), which=st.integers(0, 2), value=typed(OWN))
    def sync_and_edit_in_the_middle_of_the_transaction(self, source: int, which: int, value: tuple[str, Any]) -> None:
        ordinary = page_writer.PageWriter._write_leads
        waiting = [lambda: self._edit(which, value)]

        def write_leads(writer: Any, plan: Any, now: Any, session: ClientSession) -> None:
            if waiting:
                waiting.pop()()
            ordinary(writer, plan, now, session)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(page_writer.PageWriter, "_write_leads", write_leads)
            self._sync(source, 3)

    @rule(source=st.sampled_from([0, 1]), page_rows=st.integers(1, 3))
    def sync_while_the_other_one_syncs(self, source: int, page_rows: int) -> None:
        """The other one reads and writes everything between this one's look at its leads and its first write."""
        ordinary = page_writer.PageWriter._write_leads
        waiting = [lambda: self._sync(1 - source, page_rows)]

        def write_leads(writer: Any, plan: Any, now: Any, session: ClientSession) -> None:
            if waiting:
                waiting.pop()()
            ordinary(writer, plan, now, session)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(page_writer.PageWriter, "_write_leads", write_leads)
            self._sync(source, page_rows, beside_another=True)

    @invariant()
    def every_row_is_tied_to_one_lead_at_most(self) -> None:
        if hasattr(self, "world") and hasattr(self, "sources"):
            ties = [
                (str(link["integrationId"]), link["externalId"])
                for lead in self.world.leads()
                for link in lead.get("links", ())
            ]
            assert len(ties) == len(set(ties))

    @invariant()
    def a_link_is_marked_where_its_row_was_not_met(self) -> None:
        """Each run reads everything, so what the latest one of a source met is what the source has."""
        if hasattr(self, "world") and hasattr(self, "sources"):
            for lead in self.world.leads():
                for link in lead.get("links", ()):
                    met = self.read[self.sources.index(str(link["integrationId"]))]
                    assert ("removedAt" in link) == (link["externalId"] not in met), f"{met}: {lead}"
                    key = external_key(str(link["integrationId"]), link["externalId"])
                    assert key in lead["matchKeys"], f"the walk over what may be gone would not find {key}: {lead}"

    def teardown(self) -> None:
        """At rest, another run changes nothing; then every sequence ends with rows that go and come back."""
        if not hasattr(self, "sources"):
            return
        for source in (0, 1, 0, 1):
            self._sync(source, 3)
        before = self.world.leads()
        for source in (0, 1):
            self._sync(source, 3)
        assert self.world.leads() == before
        rows = [dict(each) for each in self.rows]
        for source in (0, 1):
            self.remove_row(source, "1")
            self._sync(source, 3)
        self.a_link_is_marked_where_its_row_was_not_met()
        self.rows = rows
        for source in (0, 1):
            self._sync(source, 3)
        self.a_link_is_marked_where_its_row_was_not_met()

    def _edit(self, which: int, value: tuple[str, Any]) -> None:
        self.step += 1
        leads = self.world.leads()
        if leads:
            lead = leads[which % len(leads)]
            key = (lead["_id"], value[0])
            self.world.edit_lead(lead["_id"], **dict([value]))
            self.edited[key] = self.typed_at[key] = self.step
            self.typed[key] = value[1]
            if normal(*value) == (lead.get("syncedValues") or {}).get(value[0]):
                # What a sync wrote, typed again, and nothing where no sync wrote anything: no edit can be seen there.
                del self.edited[key]

    def _sync(
        self,
        source: int,
        page_rows: int,
        *,
        after_read: Callable[[int], None] = lambda _page: None,
        beside_another: bool = False,
    ) -> None:
        self.step += 1
        began = self.step
        rows = [
            SourceRow(place=row_id, external_id=row_id, values=values)
            for row_id, values in sorted(self.rows[source].items())
        ]
        before = {lead["_id"]: lead for lead in self.world.leads()}
        self.world.sync(self.sources[source], MemorySource(rows, page_rows=page_rows, after_read=after_read))
        after = {lead["_id"]: lead for lead in self.world.leads()}
        assert before.keys() <= after.keys()
        for lead_id, lead in after.items():
            for field in LEAD_FIELDS:
                was = before.get(lead_id, {}).get(field)
                if lead.get(field) != was and self.typed_at.get((lead_id, field), 0) < began:
                    writers = (source, 1 - source) if beside_another else (source,)
                    self._check_write(writers, lead, field, after, edited_at=self.edited.get((lead_id, field)))
        self._check_edits_of_this_run(after, began)
        self.completed[source].append(began)
        self.read[source] = set(self.rows[source])

    def _check_write(
        self,
        writers: Sequence[int],
        lead: dict[str, Any],
        field: str,
        leads: dict[Any, Any],
        *,
        edited_at: int | None,
    ) -> None:
        """A field that a sync of one of the writers wrote."""
        if field in ("phone", "email"):
            same = [other for other in leads.values() if normal(field, other.get(field)) == normal(field, lead[field])]
            assert len(same) == 1, f"the sync made a duplicate: {same}"
        if edited_at is not None:
            may = [source for source in writers if self._may_overwrite(source, lead, edited_at)]
            assert may, f"an edit of {field} was lost, or one that may have been the later one: {lead}"

    def _may_overwrite(self, source: int, lead: dict[str, Any], edited_at: int) -> bool:
        """Whether a source has changed its row after an edit, and was read with the old one in between."""
        changed_at = [
            self.row_changed[source, link["externalId"]]
            for link in lead["links"]
            if str(link["integrationId"]) == self.sources[source]
        ]
        return max(changed_at, default=0) > edited_at and any(edited_at < read for read in self.completed[source])

    def _check_edits_of_this_run(self, leads: dict[Any, Any], began: int) -> None:
        """What a person wrote while the run was going must still be there."""
        for key, step in self.edited.items():
            if step > began:
                assert leads[key[0]].get(key[1]) == self.typed[key], "an edit was lost"


def test_any_interleaving_makes_no_duplicate_and_loses_no_edit(world: World) -> None:
    machine = type("Machine", (Interleavings,), {"world": world})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples(20), stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
