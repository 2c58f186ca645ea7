"""What is particular to Google Sheets."""

from typing import Any

import pytest

from libs.common.errors import Permanent
from libs.common.jobs.integration_sync import SyncMode
from tests.integration.sync.crms import google_sheets
from tests.integration.sync.world import World

WITH_ID = ("ID", "Name", "Phone", "Email")


def test_a_key_column_identifies_rows_when_their_handles_change(crm_world: World) -> None:
    with google_sheets(crm_world, 40, columns=WITH_ID, key_column="ID") as crm:
        crm_world.sync(crm.integration_id)
        crm.simulator.edit(3, phone="+1 212 555 0199", e164="+12125550199", email="new@team.example.org")
        result = crm_world.sync(crm.integration_id, mode=SyncMode.INCREMENTAL)
    assert (result["counts"]["updated"], result["counts"]["created"]) == (1, 0)
    lead = next(lead for lead in crm_world.leads() if lead["source"]["externalId"] == "L-0000004")
    assert (lead["phone"], lead["email"]) == ("+12125550199", "new@team.example.org")


def test_blank_rows_in_the_middle_are_no_rows(crm_world: World) -> None:
    with google_sheets(crm_world, 100, blank_every=7) as crm:
        result = crm_world.sync(crm.integration_id)
    assert result["counts"]["fetched"] == result["counts"]["created"] == 86


def test_rows_that_move_are_unchanged(crm_world: World) -> None:
    with google_sheets(crm_world, 60) as crm:
        crm_world.sync(crm.integration_id)
        crm.simulator.delete([0, 1])
        result = crm_world.sync(crm.integration_id)
    assert result["counts"]["unchanged"] == 58
    assert len(crm_world.leads()) == 60


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"field_map": {"phone": "Handy"}}, "the sheet has no column 'Handy'"),
        ({"key_column": "Number"}, "the sheet has no column 'Number'"),
        ({"sheet": "Elsewhere"}, "the spreadsheet has no sheet 'Elsewhere'; its sheets are: Leads"),
        ({"header_row": 100}, "is empty"),
    ],
)
def test_what_does_not_fit_the_sheet_is_said(crm_world: World, settings: dict[str, Any], said: str) -> None:
    with google_sheets(crm_world, 10, **settings) as crm, pytest.raises(Permanent, match=said):
        crm_world.sync(crm.integration_id)
    integration = crm_world.integrations.get(crm.integration_id)
    assert integration is not None
    assert integration.status == "needs_attention"


def test_a_sheet_whose_name_needs_quotes_is_read(crm_world: World) -> None:
    with google_sheets(crm_world, 10, sheet="It's a backup") as crm:
        account = crm_world.open(crm.integration_id).account()
    assert account.name == "Leads 2024: It's a backup"


def test_a_refresh_token_lets_in_too(crm_world: World) -> None:
    with google_sheets(crm_world, 10, oauth=True) as crm:
        assert crm_world.sync(crm.integration_id)["counts"]["created"] == 10
