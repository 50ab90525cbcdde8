"""The files of a fleet: what they mean, and every problem at once with its file and line."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telephony import LinkedCarrier, SipTrunk
from telephony.fleet.declared.files import csv_of, load, orders_csv_of
from telephony.fleet.declared.model import Order, Row
from telephony.fleet.errors import FleetError
from tests.systems import PIPES

TOML = """
[fleet]
numbers = ["numbers/*.csv"]
orders = ["orders.csv"]

[owners.carrier]
concurrency = 20

[answerers.support]
via = "self"
source = { linked = "prov_1" }

[answerers.rooms]
via = { trunk = "TK1" }
source = { sip_trunk = { password = "env:TRUNK_PASSWORD" } }

[safety]
limits = { change = 0.5, least = 3 }
protected = ["+14155550100"]
"""
HEADER = "number,owner,label,answer_at,answer_to,sms_to,state\n"
ORDERS = "order,owner,country,area_code,label,answer_at,answer_to\n"


@pytest.fixture
def fleet(tmp_path):
    """Write a fleet's files and read them."""

    def write(numbers=HEADER, orders=ORDERS, toml=TOML, name="all.csv", **more):
        (tmp_path / "numbers").mkdir(exist_ok=True)
        (tmp_path / "fleet.toml").write_text(toml, "utf-8")
        for path, content in {f"numbers/{name}": numbers, "orders.csv": orders, **more}.items():
            written = content if isinstance(content, bytes) else content.encode()
            (tmp_path / path).write_bytes(written)
        return load(tmp_path / "fleet.toml")

    write.folder = tmp_path
    return write


def problems(fleet, *args, **files):
    """Return what is wrong as (file, line, column), and the messages."""
    with pytest.raises(FleetError) as caught:
        fleet(*args, **files)
    found = caught.value.problems
    return [
        (one.file.removeprefix(f"{fleet.folder}/"), one.line, one.column) for one in found
    ], "\n".join(one.message for one in found)


def test_files_are_read_as_they_are_written(fleet):
    declared = fleet(
        HEADER
        + '+14155550100,carrier,"Desk, front",support,agent_7,https://example.com/sms,active\n'
        + "\n+14155550101,carrier,,-,,-,\n+14155550102,carrier,,,,,released\n",
        ORDERS + "desk-2,carrier,US,415,New desk,support,agent_7\n",
    )

    assert declared.rows == (
        Row(
            "+14155550100",
            "carrier",
            "Desk, front",
            "support",
            "agent_7",
            "https://example.com/sms",
        ),
        Row("+14155550101", "carrier", "", "-", "", "-"),
        Row("+14155550102", "carrier", released=True),
    )
    assert declared.orders == (
        Order("desk-2", "carrier", "US", "415", "New desk", "support", "agent_7"),
    )
    policy = declared.policy
    assert policy.concurrency("carrier") == 20
    assert (policy.via("support"), policy.via("rooms")) == ("self", "trunk:TK1")
    assert policy.safety.limits.change == 0.5


@pytest.mark.parametrize(
    "content",
    [
        "number,owner\n+14155550100,carrier\n",
        "\ufeffnumber,owner\n+14155550100,carrier\n",
        "number,owner\r\n+14155550100,carrier\r\n",
        "owner,number\ncarrier,+14155550100",
        'number,"owner"\n"+14155550100","carrier"\n',
        "number,owner\n,\n+14155550100,carrier\n,\n,,,\n\n",
        "number,owner\r+14155550100,carrier\r",
    ],
    ids=["plain", "BOM", "CRLF", "other order, no newline at the end", "quoted", "empty", "CR"],
)
def test_what_spreadsheets_write_is_read_alike(fleet, content):
    assert fleet(content).rows == (Row("+14155550100", "carrier"),)


@pytest.mark.parametrize(
    ("written", "label"),
    [
        ('"Desk, front"', "Desk, front"),
        ('"The ""front"" desk"', 'The "front" desk'),
        ("☎️ Büro 受付", "☎️ Büro 受付"),
        ("🏳️‍🌈", "🏳️‍🌈"),
        ("x" * 10_000, "x" * 10_000),
    ],
    ids=["comma", "quotes", "letters", "joined emoji", "long"],
)
def test_labels_of_any_letters_come_back_as_they_are(fleet, written, label):
    declared = fleet(f"number,owner,label\r\n+14155550100,carrier,{written}\r\n")

    assert declared.rows == (Row("+14155550100", "carrier", label),)
    assert fleet(csv_of(declared.rows)).rows == declared.rows


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_label_of_ten_megabytes_is_one_problem(fleet, quote):
    label = f"{quote}{'x' * 10_000_000}{quote}"
    content = f"number,owner,label\n+14155550100,carrier,{label}\n+14155550101,carrier,Desk\n"

    places, messages = problems(fleet, content)

    assert places == [("numbers/all.csv", 2, "")]
    assert "more than 131,072 characters" in messages


@pytest.mark.parametrize(
    ("row", "column", "advice"),
    [
        ("4155550100,carrier,,,,,", "number", "E.164 form, such as"),
        ("+1 415 555 0100,carrier,,,,,", "number", "write +14155550100"),
        ("+1415555010,carrier,,,,,", "number", "E.164"),
        ("+14155550100,carriers,,,,,", "owner", "Did you mean 'carrier'?"),
        ("+14155550100,carrier,,suport,agent,,", "answer_at", "Did you mean 'support'?"),
        ("+14155550100,carrier,,,agent_7,,", "answer_at", "'agent_7' belongs to"),
        ("+14155550100,carrier,,-,agent_7,,", "answer_to", "leave it empty"),
        ("+14155550100,carrier,,support,agent:,,", "answer_to", "Write it like agent:ID"),
        ("+14155550100,carrier,,,,trunk:TK1,", "sms_to", "calls only"),
        ("+14155550100,,,,,https://example.com,", "owner", "answers texts"),
        ("+14155550100,,,,,,released", "owner", "released"),
        ("+14155550100,,Desk,support,agent_7,,", "owner", "what has the label"),
        ('+14155550100,carrier,,support,"agent\n7",,', "answer_to", "one line"),
        ("+14155550100,carrier,,support,a\0b,,", "answer_to", "not printable"),
        ("14155550100,carrier,,,,,", "number", "format the column as text"),
        ("1.41556E+10,carrier,,,,,", "number", "format the column as text"),
        ("+14155550100,carrier,,,,,release", "state", "Did you mean 'released'?"),
        ("+14155550100,carrier,-,,,,", "label", "cannot be removed"),
        ('+14155550100,carrier,"two\nlines",,,,', "label", "one line"),
        ("+14155550100,carrier,,,,", "", "It has 6 cells, the header has 7"),
        ("+14155550100,carrier,Desk, front,,,,", "", "put quotes around a cell"),
        ('+14155550100,carrier,"Desk" front,,,,', "", "quotes do not match"),
        ('+14155550100,carrier,"Desk,,,,', "", "never closed"),
        ("+14155550100,carrier,a\0b,,,,", None, ""),
    ],
)
def test_a_wrong_row_is_named_with_its_line_and_what_to_do(fleet, row, column, advice):
    places, messages = problems(fleet, f"{HEADER}+14155550199,carrier,,,,,\n{row}\n")

    assert [(file, line) for file, line, _ in places] == [("numbers/all.csv", 3)]
    assert column is None or places[0][2] == column
    assert advice in messages


@pytest.mark.parametrize(
    ("content", "line", "advice"),
    [
        ("", 1, "begin the file with number,owner"),
        ("number;owner\n+14155550100;carrier\n", 1, "save it with commas"),
        ("number,ownr\n", 1, "Did you mean 'owner'?"),
        ("number,owner,owner\n", 1, "twice"),
        ("owner,label\n", 1, "missing"),
        ("number,owner\n".encode("utf-16"), 0, "save it as UTF-8"),
        (
            ("number,owner,label\n" + "+14155550100,carrier,Büro\n" * 9).encode("latin-1"),
            2,
            "Byte 0xfc is not UTF-8: save the file as UTF-8",
        ),
    ],
    ids=["empty", "semicolons", "unknown", "twice", "missing", "UTF-16", "Latin-1"],
)
def test_a_wrong_file_is_named_with_what_to_do(fleet, content, line, advice):
    places, messages = problems(fleet, content)

    assert [(file, at) for file, at, _ in places] == [("numbers/all.csv", line)]
    assert advice in messages


def test_a_number_is_declared_once_over_all_files(fleet):
    places, messages = problems(
        fleet,
        f"{HEADER}+14155550100,carrier,,,,,\n+14155550100,carrier,,,,,\n",
        **{"numbers/more.csv": f"{HEADER}+14155550100,carrier,,,,,\n"},
    )

    assert places == [("numbers/all.csv", 3, "number"), ("numbers/more.csv", 2, "number")]
    assert messages.count(f"declared in {fleet.folder}/numbers/all.csv:2 already") == 2


def test_300_wrong_rows_of_100_000_are_all_named_at_once(fleet):
    wrong = {index * 333 for index in range(300)}
    rows = "".join(
        f"{'' if index in wrong else '+'}1415{index + 2_000_000},carrier,,support,agent_{index},,\n"
        for index in range(100_000)
    )

    with pytest.raises(FleetError, match="have 300 problems") as caught:
        fleet(HEADER + rows)

    assert {one.line - 2 for one in caught.value.problems} == wrong
    assert "and 280 more" in str(caught.value)


def test_what_many_lines_share_is_said_once(fleet):
    rows = "".join(f"+1415{index + 2_000_000},carier,,,,,\n" for index in range(1_000))

    with pytest.raises(FleetError) as caught:
        fleet(f"{HEADER}{rows}4155550100,carrier,,,,,\n+14155550100,carrier,,,,,x\n")

    assert len(caught.value.problems) == 1_002
    summary, owner, number, state = str(caught.value).splitlines()
    assert summary == "The fleet's files have 1,002 problems."
    assert "all.csv:2: owner: fleet.toml has no [owners.carier]. Did you mean 'carrier'?" in owner
    assert owner.endswith("(And 999 more lines.)")
    assert "all.csv:1002: number" in number
    assert "all.csv:1003: state" in state


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("a b,carrier,US,,,,", "order"),
        (",carrier,US,,,,", "order"),
        ("one,,US,,,,", "owner"),
        ("one,carrier,usa,,,,", "country"),
        ("one,carrier,US,4x5,,,", "area_code"),
        ("one,carrier,US,,-,,", "label"),
        ("one,carrier,US,,,-,", "answer_at"),
        ("first,carrier,US,,,,", "order"),
    ],
)
def test_a_wrong_order_is_named(fleet, row, column):
    places, _ = problems(fleet, orders=f"{ORDERS}first,carrier,US,,,,\n{row}\n")

    assert places == [("orders.csv", 3, column)]


@pytest.mark.parametrize(
    ("toml", "line", "key", "advice"),
    [
        ("[fleet]\nstate = x\n", 2, "", "not TOML"),
        ("\n[flet]", 2, "flet", "Did you mean 'fleet'?"),
        ("[x]", 1, "x", "Known: fleet, owners, answerers, safety."),
        ("fleet = 3", 1, "fleet", "a table: [fleet]"),
        ('[fleet]\nnumbers = "a.csv"', 2, "fleet.numbers", 'such as ["numbers/*.csv"]'),
        ("[fleet]\norders = [1]", 2, "fleet.orders[0]", "text in quotes"),
        ("[fleet]\nstate = 5", 2, "fleet.state", '"env:FLEET_DATABASE_URL"'),
        ('[fleet]\nengine = "celery"', 2, "fleet.engine", '"local" or "dbos"'),
        ('[owners]\n"a.b" = "x"', 2, 'owners."a.b"', 'a table: [owners."a.b"]'),
        ("[owners.state]\n[owners]\nleast = 1", 3, "owners.least", "a table: [owners.least]"),
        ("[owners.a]\n\nconcurrent = 2", 3, "owners.a.concurrent", "'concurrency'"),
        ('[owners.a]\nconcurrency = "9"', 2, "owners.a.concurrency", "number from 1 to 1000"),
        ("owners.a.concurrency = 2000", 1, "owners.a.concurrency", "number from 1 to 1000"),
        ('[answerers.rooms]\nvia = { trnk = "TK1" }', 2, "answerers.rooms.via", "trunk = "),
        ('[answerers.rooms]\nvia = { webhook = "x" }', 2, "answerers.rooms.via", "a URL"),
        ("[safety]\nlimits = { change = 30 }", 2, "safety.limits.change", "0.3 for 30%"),
        ('[safety]\n[safety.limits]\nleast = "x"', 3, "safety.limits.least", "0 or more"),
        ("[safety]\nlimits = { changes = 1 }", 2, "safety.limits.changes", "'change'"),
        ('[safety]\nprotected = "x"', 2, "safety.protected", "a list of numbers"),
        ('[safety]\nprotected = [\n"4155"]', 2, "safety.protected[0]", "'4155' is not a number in"),
        ("[answerers.a]\nsource = { siptrunk = {} }", 2, "answerers.a.source", "Did you mean"),
        ("[answerers.a]\nsource = { vonage = {} }", 2, "answerers.a.source", "is missing"),
        (
            '[answerers.a]\nsource = { sip_trunk = { addresses = "x" } }',
            2,
            "answerers.a.source",
            "Did you mean 'address'?",
        ),
    ],
)
def test_a_wrong_key_of_fleet_toml_is_named(fleet, toml, line, key, advice):
    with pytest.raises(FleetError) as caught:
        fleet(toml=toml)

    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == (line, key)
    assert problem.file.endswith("fleet.toml")
    assert advice in problem.message


def test_every_wrong_key_is_named_by_line(fleet):
    places, messages = problems(
        fleet,
        toml="[safetys]\n[owners.b]\nconcurrency = 0\n[answerers.a]\nvia = 1\n"
        'source = { linked = "x" }\n[safety]\nprotected = ["1", "+14155550100", 2]\n',
    )

    assert places == [
        ("fleet.toml", 1, "safetys"),
        ("fleet.toml", 3, "owners.b.concurrency"),
        ("fleet.toml", 5, "answerers.a.via"),
        ("fleet.toml", 8, "safety.protected[0]"),
        ("fleet.toml", 8, "safety.protected[2]"),
    ]
    assert "pydantic" not in messages


def test_patterns_must_match_files_below_the_folder(fleet):
    places, messages = problems(
        fleet, toml='[fleet]\nnumbers = ["files/*.csv"]\norders = ["/etc/*.csv"]'
    )

    assert places == [("fleet.toml", 0, "fleet.numbers"), ("fleet.toml", 0, "fleet.orders")]
    assert "No file matches 'files/*.csv'" in messages


def test_a_file_that_two_patterns_match_is_read_once(fleet):
    toml = '[fleet]\nnumbers = ["numbers/*.csv", "*/all.csv"]\n[owners.carrier]'

    declared = fleet("number,owner\n+14155550100,carrier\n", toml=toml)

    assert declared.rows == (Row("+14155550100", "carrier"),)


@PIPES
def test_folders_and_pipes_are_no_files_of_numbers(fleet):
    fleet()
    (fleet.folder / "numbers" / "folder.csv").mkdir()
    os.mkfifo(fleet.folder / "numbers" / "pipe.csv")
    (fleet.folder / "numbers" / "gone.csv").symlink_to("nowhere.csv")

    places, messages = problems(fleet)

    assert places == [
        ("numbers/folder.csv", 0, ""),
        ("numbers/gone.csv", 0, ""),
        ("numbers/pipe.csv", 0, ""),
    ]
    assert messages.count("It is no file, but 'numbers/*.csv' in fleet.numbers matches it") == 2
    assert "No such file" in messages


def test_secrets_are_references_and_read_when_they_are_needed(fleet, monkeypatch):
    policy = fleet().policy
    assert policy.source("support") == LinkedCarrier("prov_1")
    assert policy.source("carrier") is None

    with pytest.raises(FleetError, match=r"TRUNK_PASSWORD, which is not set.*export"):
        policy.source("rooms")
    monkeypatch.setenv("TRUNK_PASSWORD", "hush-hush")
    source = policy.source("rooms")

    assert isinstance(source, SipTrunk)
    assert source.password.get_secret_value() == "hush-hush"
    assert "hush" not in repr(policy)


def test_a_secret_itself_is_refused_and_not_shown(fleet):
    with pytest.raises(FleetError, match="write env:NAME or file:PATH") as caught:
        fleet(
            toml='[answerers.a]\nsource = { twilio = { account_sid = "AC1", auth_token = "hush" } }'
        )

    assert "hush" not in str(caught.value)


def test_a_reference_to_a_file_is_below_the_folder_of_fleet_toml(fleet):
    (fleet.folder / "password").write_text("hush-hush\n")
    policy = fleet(
        toml='[fleet]\nstate = "env:URL"\n[answerers.a]\n'
        'source = { sip_trunk = { password = "file:password" } }'
    ).policy

    assert policy.source("a").password.get_secret_value() == "hush-hush"
    (fleet.folder / "password").unlink()
    with pytest.raises(FleetError, match="No such file"):
        policy.source("a")
    with pytest.raises(FleetError, match="URL"):
        policy.state()


def test_the_journal_is_beside_fleet_toml(fleet):
    assert fleet().policy.state() == str(fleet.folder / "fleet.sqlite")


CELLS = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=8)
LABELS = CELLS.map(str.strip).filter(lambda text: text != "-")
TARGETS = CELLS.filter(lambda text: text.strip() and ":" not in text and not text.startswith("{"))


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(
        st.builds(
            Row,
            number=st.integers(2_000_000_000, 9_999_999_999).map(lambda n: f"+1{n}"),
            owner=st.just("carrier"),
            label=LABELS,
            answer_at=st.just("support"),
            answer_to=TARGETS,
            released=st.booleans(),
        ),
        unique_by=lambda row: row.number,
        max_size=5,
    ),
    random=st.randoms(),
)
def test_what_is_written_reads_alike_and_sorted(fleet, rows, random):
    found = fleet(csv_of(rows)).rows

    assert found == tuple(sorted(rows, key=lambda row: row.number))
    random.shuffle(rows)
    assert csv_of(rows) == csv_of(found)


def test_orders_are_written_sorted(fleet):
    orders = [Order("b", "carrier", "US"), Order("a", "carrier", "US", "415", "Desk")]

    assert fleet(orders=orders_csv_of(orders)).orders == tuple(reversed(orders))
