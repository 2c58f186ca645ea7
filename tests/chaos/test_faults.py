"""Every fault, against the whole system under work: nothing accepted is lost, nothing happens twice."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.catalogue import FAULTS
from tests.chaos.conftest import LACKS, ROW
from tests.chaos.fault import Fault, run_fault
from tests.chaos.report import row_of


def _parameter(fault: Fault) -> object:
    name = f"{fault.number}-{fault.name.replace(' ', '-')}"
    marks = [pytest.mark.timeout(fault.budget_s), *([] if fault.short else [pytest.mark.chaos])]
    return pytest.param(fault, id=name, marks=marks)


@pytest.mark.parametrize("fault", [_parameter(fault) for fault in FAULTS])
def test_a_fault_neither_loses_nor_repeats_anything(
    fault: Fault, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    if reason := fault.why_not():
        record_property(LACKS, {"name": f"{fault.number} {fault.name}", "reason": reason})
        pytest.skip(reason)
    outcome = run_fault(fault, tmp_path)
    record_property(ROW, row_of(fault, outcome))
    assert outcome.injured, f"nothing was injured, so nothing is proven: {outcome.injuries}"
    assert not outcome.left, f"{outcome}\n{outcome.last_words}"
    assert outcome.tally.clean, f"{outcome}\n{outcome.last_words}"
    assert not (fault.ends_once and outcome.tally.ended_twice), f"{outcome}\n{outcome.last_words}"
