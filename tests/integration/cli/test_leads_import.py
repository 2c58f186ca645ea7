"""Importing leads into MongoDB."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from pymongo.database import Database

from tests.integration.cli.conftest import Cli

Documents = Database[dict[str, Any]]

GOOD = "firstName,lastName,email,phone\nAda,Lovelace,ada@example.com,+12125550101\nBob,,,(212) 555-0102\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "leads.csv"
    path.write_text(GOOD)
    return path


def test_leads_are_written_as_the_app_writes_them(cli: Cli, file: Path, mongo_database: Documents) -> None:
    result = cli("leads", "import", str(file), "--workspace", "w1", "--json")

    assert result.exit_code == 0, result.stderr
    ada, bob = mongo_database.leads.find().sort("firstName", 1)
    assert ada.pop("createdAt") == ada.pop("updatedAt")
    assert isinstance(ada.pop("_id"), ObjectId)
    assert ada == {
        "workspaceId": "w1",
        "firstName": "Ada",
        "lastName": "Lovelace",
        "email": "ada@example.com",
        "phone": "+12125550101",
    }
    assert "lastName" not in bob
    assert bob["phone"] == "+12125550102"
    report = json.loads(result.stdout)
    assert (report["rows"], report["created"], report["alreadyThere"], report["refused"]) == (2, 2, 0, 0)


def test_importing_twice_changes_nothing(cli: Cli, file: Path, mongo_database: Documents) -> None:
    cli("leads", "import", str(file), "--workspace", "w1")
    before = list(mongo_database.leads.find({}, {"updatedAt": False}).sort("_id", 1))
    report = json.loads(cli("leads", "import", str(file), "--workspace", "w1", "--json").stdout)

    assert list(mongo_database.leads.find({}, {"updatedAt": False}).sort("_id", 1)) == before
    assert (report["created"], report["alreadyThere"]) == (0, 2)


def test_an_import_leaves_what_it_does_not_know(cli: Cli, file: Path, mongo_database: Documents) -> None:
    cli("leads", "import", str(file), "--workspace", "w1")
    mongo_database.leads.update_many({}, {"$set": {"availability": {"status": "available"}, "lastName": "Kept"}})
    file.write_text("firstName,phone\nRobert,+12125550102\n")
    cli("leads", "import", str(file), "--workspace", "w1")

    bob = mongo_database.leads.find_one({"phone": "+12125550102"})
    assert bob is not None
    assert (bob["firstName"], bob["lastName"], bob["availability"]) == ("Robert", "Kept", {"status": "available"})


def test_the_same_person_in_two_workspaces_is_two_leads(cli: Cli, file: Path, mongo_database: Documents) -> None:
    for workspace in ("w1", "w2"):
        cli("leads", "import", str(file), "--workspace", workspace)

    assert mongo_database.leads.count_documents({}) == 4


def test_people_who_share_a_phone_stay_apart(cli: Cli, file: Path, mongo_database: Documents) -> None:
    file.write_text("email,phone\na@example.com,+12125550101\nb@example.com,+12125550101\n")
    cli("leads", "import", str(file), "--workspace", "w1")

    assert mongo_database.leads.count_documents({"phone": "+12125550101"}) == 2


def test_a_row_that_comes_twice_is_one_lead(cli: Cli, file: Path, mongo_database: Documents) -> None:
    file.write_text("email\na@example.com\nA@EXAMPLE.COM\n")
    report = json.loads(cli("leads", "import", str(file), "--workspace", "w1", "--json").stdout)

    assert mongo_database.leads.count_documents({}) == 1
    assert (report["created"], report["alreadyThere"]) == (1, 1)


def test_bad_rows_are_reported_and_the_others_imported(
    cli: Cli, file: Path, tmp_path: Path, mongo_database: Documents
) -> None:
    file.write_text(GOOD + "Carl,,not-an-address,\nDora,,dora@example.com,\n")
    refused = tmp_path / "refused.csv"
    result = cli("leads", "import", str(file), "--workspace", "w1", "--refused", str(refused))

    assert result.exit_code == 1
    assert "4  email: 'not-an-address' is no address" in result.stdout
    assert "1 of 4 rows were refused" in result.stderr
    assert mongo_database.leads.count_documents({}) == 3
    with refused.open(newline="") as rows:
        assert list(csv.reader(rows)) == [
            ["firstName", "lastName", "email", "phone", "row", "reason"],
            ["Carl", "", "not-an-address", "", "4", "email: 'not-an-address' is no address"],
        ]


def test_many_rows_are_streamed(cli: Cli, file: Path, mongo_database: Documents) -> None:
    rows = "".join(f"lead{number}@example.com\n" for number in range(2_500))
    file.write_text("email\n" + rows)
    report = json.loads(cli("leads", "import", str(file), "--workspace", "w1", "--json").stdout)

    assert report["created"] == 2_500
    assert mongo_database.leads.count_documents({"workspaceId": "w1"}) == 2_500


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "empty"),
        (b"name,company\nAda,Acme\n", "no column is called email or phone"),
        (b"PK\x03\x04rest of a workbook", "save it as CSV"),
        ("email\nä@example.com\n".encode("utf-16"), "not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_used_says_so(cli: Cli, file: Path, content: bytes, problem: str) -> None:
    file.write_bytes(content)
    result = cli("leads", "import", str(file), "--workspace", "w1")

    assert result.exit_code == 2
    assert problem in result.stderr


def test_a_file_that_is_not_there_says_so(cli: Cli, tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.csv", tmp_path):
        result = cli("leads", "import", str(path), "--workspace", "w1")
        assert result.exit_code == 2
        assert str(path) in result.stderr


def test_a_region_that_is_none_is_refused(cli: Cli, file: Path) -> None:
    assert cli("leads", "import", str(file), "--workspace", "w1", "--region", "Germany").exit_code == 2
