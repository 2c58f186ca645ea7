import pytest

from libs.simulators.salesforce.ids import _check, index_of, record_id


def test_the_last_three_characters_stand_for_the_case_of_the_rest() -> None:
    plain = "001A0000006Vm9r"
    assert "".join(_check(plain[at : at + 5]) for at in (0, 5, 10)) == "IAC"


def test_ids_ascend_as_text() -> None:
    ids = [record_id("003", index) for index in (*range(5000), 999_999)]
    assert ids == sorted(set(ids))


@pytest.mark.parametrize("index", [0, 61, 62, 3843, 3844, 999_999])
def test_an_id_names_its_position_in_both_lengths(index: int) -> None:
    whole = record_id("00Q", index)
    assert index_of("00Q", whole) == index
    assert index_of("00Q", whole[:15]) == index


@pytest.mark.parametrize("text", ["", "003", "0035g0000000001", "00Q5g00000000 1", "00Q5g0000000001AA"])
def test_what_is_no_id_of_the_object_names_no_position(text: str) -> None:
    assert index_of("00Q", text) is None
