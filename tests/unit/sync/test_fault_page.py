"""The page about faults says what the tests show, and of every fault that there is."""

from libs.simulators.crm.service import ProviderFault
from libs.simulators.faults import NetworkFault
from tests.integration.sync.fault_table import DOES, MEANS, PAGE, TABLE, Outcome, page


def test_the_page_is_what_the_table_says() -> None:
    assert page() == PAGE.read_text(), "write it with: python -m tests.integration.sync.fault_table"


def test_every_fault_of_the_stand_ins_is_in_the_table() -> None:
    assert {case.fault for case in TABLE} == {*NetworkFault, *ProviderFault}
    assert set(MEANS) == {*NetworkFault, *ProviderFault}


def test_every_outcome_is_met_and_explained() -> None:
    assert {case.outcome for case in TABLE} == set(Outcome) == set(DOES)
