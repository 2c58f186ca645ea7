import pytest

from libs.simulators.crm.conditions import select
from libs.simulators.crm.people import People
from libs.simulators.crm.table import Stamps, Table
from libs.simulators.salesforce import soql
from libs.simulators.salesforce.errors import SalesforceError
from libs.simulators.salesforce.ids import record_id

ROWS = 120


@pytest.fixture(scope="module")
def table() -> Table:
    rows = Table(People(1), ROWS, stamps=Stamps(step_ms=1000, rows_per_stamp=2))
    rows.touch([3], 1_704_067_300_000)
    rows.delete([4], 1_704_067_300_000)
    return rows


def find(table: Table, where: str, rest: str = "") -> list[int]:
    query = soql.parse(f"SELECT Id FROM Contact {where} {rest}")
    found = select(table, table.layer, query.alternatives, order=query.order)
    return found.page(0, 1000, descending=query.descending)


def alive(*excluded: int) -> list[int]:
    return [index for index in range(ROWS) if index not in (4, *excluded)]


def contact(index: int) -> str:
    return f"'{record_id('003', index)}'"


def test_without_conditions_every_row_that_is_not_deleted_is_found(table: Table) -> None:
    assert find(table, "") == alive()


def test_rows_after_a_stamp_and_id_are_found_as_a_keyset_needs_it(table: Table) -> None:
    moment = "2024-01-01T00:00:05Z"
    where = f"WHERE SystemModstamp > {moment} OR (SystemModstamp = {moment} AND Id > {contact(10)})"
    assert find(table, where, "ORDER BY SystemModstamp, Id") == [11, *range(12, ROWS), 3]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("SystemModstamp >= 2024-01-01T00:00:58Z", [3, *range(116, ROWS)]),
        ("SystemModstamp < 2024-01-01T00:00:01.000Z", [0, 1]),
        ("SystemModstamp <= 2024-01-01T01:00:01+01:00", [0, 1, 2]),
        ("SystemModstamp = 2024-01-01T00:01:40Z", [3]),
        (f"Id <= {contact(1)}", [0, 1]),
        (f"Id IN ({contact(7)}, {contact(9)})", [7, 9]),
        (f"Id >= {contact(8)} AND Id < {contact(10)}", [8, 9]),
        (f"NOT Id > {contact(1)}", [0, 1]),
        (f"(Id = {contact(8)} OR Id = {contact(9)}) AND SystemModstamp > 2023-01-01T00:00:00Z", [8, 9]),
        ("IsDeleted = true", []),
    ],
)
def test_conditions_select_the_rows_that_they_say(table: Table, where: str, expected: list[int]) -> None:
    assert find(table, f"WHERE {where}") == expected


def test_texts_are_compared_without_case_and_null_with_equals_only(table: Table) -> None:
    people = [table.row(index).person for index in alive()]
    nobody = [person.index for person in people if person.email is None]
    assert nobody
    assert find(table, "WHERE Email = null") == nobody
    assert find(table, "WHERE Email != null") == alive(*nobody)
    jose = [person.index for person in people if person.first_name == "José"]
    assert find(table, "WHERE FirstName = 'JOSÉ'") == jose


def test_like_takes_wildcards(table: Table) -> None:
    org = [index for index in alive() if (table.row(index).person.email or "").lower().strip().endswith("example.org")]
    assert org
    assert find(table, "WHERE Email LIKE '%EXAMPLE.ORG%'") == org


def test_a_text_may_hold_an_escaped_quote(table: Table) -> None:
    irish = [index for index in alive() if (table.row(index).person.last_name or "").startswith("O'Brien")]
    assert irish
    assert find(table, "WHERE LastName LIKE 'O\\'Brien%'") == irish


def test_numbers_and_lists_are_compared_by_value(table: Table) -> None:
    high = [index for index in alive() if table.row(index).person.score >= 90]
    assert find(table, "WHERE Score__c >= 90") == high
    buyers = [index for index in alive() if table.row(index).person.segment in ("buyer", "seller")]
    assert find(table, "WHERE Segment__c IN ('buyer', 'seller')") == buyers
    assert find(table, "WHERE Segment__c NOT IN ('buyer', 'seller')") == alive(*buyers)


def test_order_can_be_turned_round(table: Table) -> None:
    assert find(table, "", "ORDER BY SystemModstamp DESC, Id DESC")[:3] == [3, 119, 118]


def test_words_and_names_have_no_case(table: Table) -> None:
    query = soql.parse(
        "select id, email from CONTACT where isdeleted = FALSE order by systemmodstamp asc nulls last limit 5"
    )
    assert [field.name for field in query.fields] == ["Id", "Email"]
    assert query.limit == 5


def test_a_limit_and_an_offset_are_read(table: Table) -> None:
    query = soql.parse("SELECT Id FROM Contact LIMIT 10 OFFSET 20")
    assert (query.limit, query.offset) == (10, 20)


@pytest.mark.parametrize(
    ("query", "code", "text"),
    [
        ("SELECT Nickname FROM Contact", "INVALID_FIELD", "No such column 'Nickname' on entity 'Contact'"),
        ("SELECT Company FROM Contact", "INVALID_FIELD", "No such column 'Company'"),
        ("SELECT Id FROM Dog", "INVALID_TYPE", "sObject type 'Dog' is not supported."),
        ("SELECT Id FROM Contact WHERE Nickname = 'x'", "INVALID_FIELD", "No such column 'Nickname'"),
        ("SELECT Id FROM Contact WHERE Id > '003'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: 003"),
        ("SELECT Id FROM Contact WHERE SystemModstamp > '2024-01-01T00:00:00Z'", "INVALID_FIELD", "not be enclosed"),
        ("SELECT Id FROM Contact WHERE Email = 5", "INVALID_FIELD", "should be enclosed in quotes"),
        ("SELECT Id FROM Contact WHERE IsDeleted = 'true'", "INVALID_FIELD", "must be of type boolean"),
        ("SELECT Id FROM Contact WHERE Email = 'a' AND Phone = 'b' OR Title = 'c'", "MALFORMED_QUERY", "'OR'"),
        ("SELECT Id FROM Contact WHERE", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
        ("SELECT FROM Contact", "MALFORMED_QUERY", "unexpected token: 'Contact'"),
        ("SELECT Id, FROM Contact", "MALFORMED_QUERY", "unexpected token: 'Contact'"),
        ("SELECT Id FROM Contact LIMIT ten", "MALFORMED_QUERY", "unexpected token: 'ten'"),
        ("SELECT Id FROM Contact; DROP", "MALFORMED_QUERY", "unexpected token: ';'"),
        ("SELECT Id FROM Contact ORDER BY Email", "MALFORMED_QUERY", "orders by"),
        ("SELECT Id FROM Contact ORDER BY SystemModstamp DESC, Id", "MALFORMED_QUERY", "one way"),
        ("", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_code(query: str, code: str, text: str) -> None:
    with pytest.raises(SalesforceError) as refused:
        soql.parse(query)
    assert (refused.value.status, refused.value.code) == (400, code)
    assert text in refused.value.message


def test_a_refusal_points_at_the_place() -> None:
    with pytest.raises(SalesforceError, match="ERROR at Row:1:Column:12"):
        soql.parse("SELECT Id, Nickname FROM Contact")
