"""The third act: three CRMs bring their people into one workspace, some of them the same ones, and then change."""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pymongo.database import Database

from libs.cli.demo.audit import Check
from libs.cli.demo.installation import Stage, installation
from libs.cli.failures import CommandFailed
from libs.cli.following import Pace, watch
from libs.cli.gateway import Gateway
from libs.cli.jobs import JobAnswer, read_job
from libs.cli.services import GATEWAY, SYNC
from libs.cli.simulators import DEMO_WORKSPACE
from libs.cli.supervisor import Supervisor
from libs.common.stores.collections import LEADS
from libs.common.stores.mongo import Document
from libs.simulators.crm import phone_numbers
from libs.simulators.crm.people import TIDY, Person
from libs.simulators.crm.service import CrmSimulator
from libs.simulators.google_sheets import running_google_sheets
from libs.simulators.hubspot import running_hubspot
from libs.simulators.salesforce import running_salesforce

_PACE = Pace(first_s=0.05, longest_s=0.2)
_SYNC_S = 60.0
_LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)
"""What was changed then is no news to a sync of changes."""

_REFUSED: Sequence[Mapping[str, str | None]] = (
    {"phone": "call me", "mobile": None, "email": None},
    {"phone": None, "mobile": None, "email": None},
)
_RENAMED = 5
"""The position of somebody whom all CRMs have, whom a person and then each CRM renames."""

_TYPED = "Typed-by-hand"
_ROWS = (400, 240, 160)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crm:
    """A simulated CRM as it is connected. People at one position are the same person in all of them, but for its own.

    Args:
        name: for a person.
        simulator: the CRM.
        order: what the gateway is asked, without the workspace.
        rows: how many rows it has.
        own: how many of its people no other CRM has, at the end, the refused ones included.
        changed: how many rows change before the second sync.
        deleted: how many are deleted then.
        read_again: how many rows the second sync has to read.
    """

    name: str
    simulator: CrmSimulator
    order: Mapping[str, Any]
    rows: int
    own: int
    changed: int = 6
    deleted: int = 0
    read_again: int

    @property
    def shared(self) -> int:
        """How many of its people the others may have, too."""
        return self.rows - self.own

    @property
    def refused(self) -> int:
        """How many of its rows are no lead."""
        return len(_REFUSED)

    def make_own(self, first: int) -> None:
        """Gives the last rows handles of their own, the very last ones none that could be used.

        Args:
            first: where the numbers of these people begin; nobody else's are there.
        """
        for place in range(self.shared, self.rows - self.refused):
            own = {"phone": phone_numbers.e164(first + place), "email": f"{place}@{first}.example.com", "mobile": None}
            self.simulator.edit(place, _LONG_AGO, **own)

    def spoil(self) -> None:
        """Makes the last rows such that they cannot be leads."""
        for place, values in enumerate(_REFUSED, start=self.rows - self.refused):
            self.simulator.edit(place, _LONG_AGO, **values)

    def go_on(self) -> None:
        """What happens in the CRM between the two syncs."""
        self.simulator.touch(range(10, 10 + self.changed - 1))
        self.simulator.edit(_RENAMED, first_name="Renamed-by-a-CRM")
        self.simulator.delete(range(20, 20 + self.deleted))

    def person(self, position: int) -> Person:
        """Somebody."""
        return next(iter(self.simulator.tables.values())).row(position).person


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """What a sync came to.

    Args:
        crm: which.
        kind: the first one, or one of changes.
        seconds: from the request to the job's end.
        counts: rows by what became of them.
        refused: the refused rows: where, what it held, and why.
    """

    crm: str
    kind: str
    seconds: float
    counts: Mapping[str, int]
    refused: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncsOutcome:
    """What the act came to.

    Args:
        synced: each sync, in order.
        checks: everything that must hold.
    """

    synced: Sequence[Synced]
    checks: Sequence[Check]


def demonstrate_syncs(supervisor: Supervisor, stage: Stage) -> SyncsOutcome:
    """Run it all, in an installation of its own.

    Raises:
        CommandFailed: it could not be run to its end; the message says at which point.
        EmbeddedServerError: a store could not be started.
    """
    with ExitStack() as opened:
        stack = opened.enter_context(installation((GATEWAY, SYNC), supervisor, stage))
        crms = _crms(opened)
        database = stack.database()
        opened.callback(database.client.close)
        gateway = opened.enter_context(stack.gateway())
        return _Syncs(crms, gateway, database, stage).run()


class _Syncs:
    def __init__(self, crms: Sequence[Crm], gateway: Gateway, database: Database[Document], stage: Stage) -> None:
        self._crms = crms
        self._gateway = gateway
        self._leads = database[LEADS]
        self._stage = stage
        self._ids: dict[str, str] = {}
        self._synced: list[Synced] = []

    def run(self) -> SyncsOutcome:
        """Connect, sync, change, sync again, and judge."""
        for crm in self._crms:
            self._connect(crm)
            self._sync(crm, "first")
        in_all_three = self._leads.count_documents({"links.2": {"$exists": True}})
        leads = self._leads.count_documents({"workspaceId": DEMO_WORKSPACE})
        lead_id = self._type_into_a_lead()
        for crm in self._crms:
            crm.go_on()
            gone = f", {crm.deleted} are deleted" if crm.deleted else ""
            self._stage.say(f"{crm.name}: {crm.changed} people are changed{gone}")
            self._sync(crm, "changes")
        kept = self._leads.count_documents({"_id": lead_id, "firstName": _TYPED})
        marked = self._leads.count_documents({"links.removedAt": {"$exists": True}})
        still = self._leads.count_documents({"workspaceId": DEMO_WORKSPACE})
        return SyncsOutcome(
            synced=self._synced,
            checks=[
                *self._first_checks(leads=leads, in_all_three=in_all_three),
                *self._later_checks(kept=kept, marked=marked, lost=leads - still),
            ],
        )

    def _connect(self, crm: Crm) -> None:
        added = self._gateway.add_integration({"workspaceId": DEMO_WORKSPACE, "name": crm.name, **crm.order})
        self._ids[crm.name] = integration_id = str(added["integrationId"])
        checked = self._gateway.check_integration(integration_id)
        if checked.get("outcome") != "ok":
            raise CommandFailed(f"{crm.name} cannot be read: {checked.get('reason')}")
        self._stage.say(f"{crm.name} is connected: {crm.rows} people, {len(checked.get('fields', ()))} fields")

    def _sync(self, crm: Crm, kind: str) -> None:
        began = time.monotonic()
        job_id = str(self._gateway.begin_run(self._ids[crm.name], "incremental")["jobId"])

        def fetch() -> JobAnswer:
            if time.monotonic() - began > _SYNC_S:
                raise CommandFailed(f"The sync of {crm.name} did not end within {_SYNC_S:g} seconds.")
            return read_job(self._gateway.job(job_id))

        for job in watch(fetch, pace=_PACE):
            self._stage.progress(job)
        if not job.succeeded or not isinstance(job.result, Mapping):
            raise CommandFailed(f"The sync of {crm.name} ended as {job.state}: {job.error or job.reason}.")
        errors = self._gateway.run_errors(str(job.result["runId"]), limit=5)["errors"]
        self._synced.append(
            Synced(
                crm=crm.name,
                kind=kind,
                seconds=time.monotonic() - began,
                counts=job.result["counts"],
                refused=[each for each in errors if each["fatal"]],
            )
        )

    def _type_into_a_lead(self) -> object:
        """A person renames somebody, whom all three CRMs then rename, too."""
        named = {"workspaceId": DEMO_WORKSPACE, "email": self._crms[0].person(_RENAMED).mailbox}
        lead = self._leads.find_one(named, {"_id": True})
        if lead is None:
            raise CommandFailed("Somebody whom all three CRMs have is no lead.")
        self._leads.update_one({"_id": lead["_id"]}, {"$set": {"firstName": _TYPED, "updatedAt": datetime.now(UTC)}})
        self._stage.say(f"a person types a first name into a lead whom all three CRMs have: {_TYPED}")
        return lead["_id"]

    def _counts(self, kind: str) -> Mapping[str, Mapping[str, int]]:
        return {each.crm: each.counts for each in self._synced if each.kind == kind}

    def _first_checks(self, *, leads: int, in_all_three: int) -> list[Check]:
        first, (largest, *others) = self._counts("first"), self._crms
        people = largest.rows - largest.refused + sum(crm.own - crm.refused for crm in others)
        in_all = min(crm.shared for crm in others)
        checks = [
            Check(claim="leads: one for each person of the three CRMs", expected=people, found=leads),
            Check(claim="of them people whom all three CRMs have", expected=in_all, found=in_all_three),
        ]
        for crm in self._crms:
            checks += [
                Check(claim=f"{crm.name}: rows read", expected=crm.rows, found=first[crm.name]["fetched"]),
                Check(
                    claim=f"{crm.name}: rows refused, with their reason",
                    expected=crm.refused,
                    found=first[crm.name]["failed"],
                ),
            ]
        return checks

    def _later_checks(self, *, kept: int, marked: int, lost: int) -> list[Check]:
        later = self._counts("changes")
        read_again = [
            Check(
                claim=f"{crm.name}: rows read again for {crm.changed + crm.deleted} changes",
                expected=crm.read_again,
                found=later[crm.name]["fetched"],
            )
            for crm in self._crms
        ]
        return [
            *read_again,
            Check(claim="name that a person typed, and no CRM overwrote", expected=1, found=kept),
            Check(
                claim="leads marked because a CRM has deleted their row",
                expected=max(crm.deleted for crm in self._crms),
                found=marked,
            ),
            Check(claim="leads lost with them", expected=0, found=lost),
        ]


def _crms(opened: ExitStack) -> list[Crm]:
    """The three CRMs, running until ``opened`` is closed."""
    hubspot = opened.enter_context(running_hubspot(_ROWS[0], shape=TIDY))
    salesforce = opened.enter_context(running_salesforce(_ROWS[1], shape=TIDY))
    sheets = opened.enter_context(running_google_sheets(_ROWS[2], shape=TIDY))
    crms = [
        Crm(
            name="HubSpot",
            simulator=hubspot,
            order={
                "provider": "hubspot",
                "credentials": {"accessToken": hubspot.token},
                "settings": {"baseUrl": hubspot.url},
            },
            rows=_ROWS[0],
            own=_ROWS[0] - _ROWS[1],
            read_again=6,
        ),
        Crm(
            name="Salesforce",
            simulator=salesforce,
            order={
                "provider": "salesforce",
                "credentials": {
                    "instanceUrl": salesforce.url,
                    "clientId": salesforce.client_id,
                    "clientSecret": salesforce.client_secret,
                    "refreshToken": salesforce.refresh_token,
                },
                "settings": {"baseUrl": salesforce.url},
            },
            rows=_ROWS[1],
            own=60,
            deleted=3,
            read_again=6 + 3,
        ),
        Crm(
            name="Google Sheets",
            simulator=sheets,
            order={
                "provider": "google-sheets",
                "credentials": dict(sheets.service_account),
                "settings": {
                    "baseUrl": sheets.url,
                    "spreadsheetId": sheets.spreadsheet_id,
                    "sheet": sheets.sheet.title,
                    "keyColumn": "ID",
                },
            },
            rows=_ROWS[2],
            own=40,
            deleted=3,
            # A sheet tells nobody what has changed.
            read_again=_ROWS[2] - 3,
        ),
    ]
    for number, crm in enumerate(crms):
        if number:
            crm.make_own(1_000_000 + 100_000 * number)
        crm.spoil()
    return crms
