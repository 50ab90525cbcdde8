"""The fleet's commands as processes: exit code, stdout and stderr."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from telephony.cli.fleet_stage import NUMBERS, prepare
from telephony.sandbox import Fault
from tests.conftest import inherited
from tests.systems import INTERRUPT, MODES, TERMINAL

HELD = NUMBERS[:3]
FIRST, SECOND, LAST = HELD
COMMAND = [sys.executable, "-W", "error", "-m", "telephony", "fleet"]
ENVIRONMENT = {
    "COLUMNS": "80",
    **{f"TELEPHONY_{profile}_BACKOFF": "0" for profile in ("CARRIER", "SUPPORT", "ROOMS")},
    **{f"TELEPHONY_{profile}_RETRIES": "0" for profile in ("CARRIER", "SUPPORT", "ROOMS")},
}


@pytest.fixture
def cli(python, tmp_path):
    """Run `telephony fleet …` in a folder of its own, without a terminal."""

    def run(*words):
        environment = {**inherited(), **ENVIRONMENT}
        done = python("-m", "telephony", "fleet", *words, cwd=tmp_path, env=environment)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return run


@pytest.fixture
def folder(telephony_sandbox, telephony_connect, tmp_path):
    """Write the files of three numbers at Twilio that Cartesia answers, with LiveKit beside it."""
    prepare(telephony_sandbox, tmp_path, HELD)
    (linked,) = telephony_connect("cartesia").list_carriers()
    trunk = telephony_sandbox.vendors["twilio"].trunks[0]
    (tmp_path / "fleet.toml").write_text(
        '[fleet]\norders = ["orders.csv"]\n[owners.carrier]\n[answerers.support]\nvia = "self"\n'
        f'source = {{ linked = "{linked.id}" }}\n[answerers.rooms]\n'
        f'via = {{ trunk = "{trunk}" }}\nsource = {{ sip_trunk = {{}} }}\n'
        "[safety]\nlimits = { least = 100 }\n"
    )
    (tmp_path / "numbers").mkdir()
    (tmp_path / "orders.csv").write_text("order,owner,country,label,answer_at,answer_to\n")
    _declare(tmp_path)
    return tmp_path


def _declare(folder, *changed):
    """Declare all numbers as they are, but those of `changed`."""
    lines = {number: f"{number},carrier,,support,agent_reception," for number in HELD}
    lines |= {line.partition(",")[0]: line for line in changed}
    text = "\n".join(["number,owner,label,answer_at,answer_to,state", *lines.values(), ""])
    (folder / "numbers" / "all.csv").write_text(text)


def _relabelled(*numbers):
    return [f"{number},carrier,Night desk,support,agent_reception," for number in numbers]


def test_a_dump_differs_in_nothing_until_it_is_edited(telephony_sandbox, tmp_path, cli):
    prepare(telephony_sandbox, tmp_path, HELD)
    dumped = cli("dump", "--to", ".")
    assert (dumped.returncode, "support holds 3 numbers" in dumped.stdout) == (0, True)
    assert "telephony fleet plan" in dumped.stderr
    assert cli("plan", "--check").returncode == 0
    numbers = tmp_path / "numbers" / "carrier.csv"
    numbers.write_text(numbers.read_text().replace("Desk 1", "Night desk"))

    differs = cli("plan", "--check", "--json")

    assert differs.returncode == 10, differs.stderr
    assert [op["verb"] for op in json.loads(differs.stdout)["ops"]] == ["label"]
    assert cli("plan").returncode == 0
    applied = cli("apply", "--yes")
    assert (applied.returncode, "is finished: 1 done" in applied.stdout) == (0, True)
    assert cli("plan", "--check").returncode == 0
    again = cli("dump", "--to", ".")
    assert (again.returncode, "is there already" in again.stderr) == (2, True)


def test_a_plan_fits_into_80_columns_and_into_a_comment(folder, cli):
    _declare(folder, *_relabelled(*HELD))
    shown = cli("plan", "--out", "plan.json")
    assert max(map(len, shown.stdout.splitlines())) <= 80
    assert "telephony fleet apply plan.json" in shown.stderr
    comment = cli("plan", "--cached", "10m", "--markdown")
    assert "#### Labels (3)" in comment.stdout
    only = cli("plan", "--cached", "10m", "--only", "*0101", "--json")
    assert [op["number"] for op in json.loads(only.stdout)["ops"]] == [SECOND]
    none = cli("plan", "--cached", "10m", "--only", "zzz", "--json", "--out", "none.json")
    assert (none.returncode, "--only" in json.loads(none.stderr)["error"]["message"]) == (2, True)
    assert not (folder / "none.json").exists()
    assert cli("apply", "plan.json", "--yes").returncode == 0
    assert json.loads(cli("status", "--json").stdout)["counts"] == {"done": 3}


@MODES
@pytest.mark.parametrize("before", [None, 0o644])
def test_no_other_user_may_read_a_plan(before, folder, cli):
    plan = folder / "plan.json"
    if before is not None:
        plan.write_text("an older and longer one" * 1_000)
        plan.chmod(before)
    assert cli("plan", "--out", "plan.json").returncode == 0
    assert plan.stat().st_mode & 0o777 == 0o600
    assert cli("apply", "plan.json", "--yes").returncode == 0


def test_an_order_and_the_number_that_it_bought_match_only(folder, cli):
    orders = folder / "orders.csv"
    orders.write_text(f"{orders.read_text()}desk-4,carrier,US,Desk 4,support,agent_reception\n")
    named = cli("plan", "--only", "desk-*", "--json")
    assert "buy" in [op["verb"] for op in json.loads(named.stdout)["ops"]]
    assert cli("apply", "--buy", "1", "--yes").returncode == 0
    (bought,) = {one["number"] for one in json.loads(cli("where", "--json").stdout)} - {*HELD}
    assert cli("plan", "--only", bought).returncode == 0
    assert cli("plan", "--only", FIRST).returncode == 0


def test_money_and_releases_need_their_exact_count(folder, cli, telephony_sandbox):
    with (folder / "orders.csv").open("a") as orders:
        orders.write("desk-4,carrier,US,New desk,support,agent_reception\n")
    bought = len(telephony_sandbox.ledger("twilio", "purchase"))
    for flags in ((), ("--buy", "2"), ("--buy", "1", "--release", "1")):
        refused = cli("apply", "--yes", "--json", *flags)
        assert refused.returncode == 11, refused.stderr
        error = json.loads(refused.stderr)["error"]
        assert (error["type"], error["exit_code"]) == ("UnsafePlanError", 11)
    assert len(telephony_sandbox.ledger("twilio", "purchase")) == bought

    for _ in range(2):
        assert cli("apply", "--yes", "--buy", "1").returncode in {0, 11}

    assert len(telephony_sandbox.ledger("twilio", "purchase")) == bought + 1
    assert telephony_sandbox.ledger("twilio", "release") == []


def test_what_cannot_be_planned_is_said_and_the_rest_is_done(folder, cli):
    _declare(folder, *_relabelled(FIRST), "+14155550177,carrier,,support,agent_reception,")
    planned = cli("plan", "--check")
    assert planned.returncode == 11
    assert "Problems (1)" in planned.stdout
    applied = cli("apply", "--yes", "--json")
    assert applied.returncode == 11, applied.stderr
    result = json.loads(applied.stdout)
    assert result["run"]["state"] == "finished"
    assert [one["number"] for one in result["problems"]] == ["+14155550177"]


def test_without_a_terminal_nothing_is_applied_unasked(folder, cli, telephony_sandbox):
    _declare(folder, *_relabelled(FIRST))
    before = telephony_sandbox.ledger("twilio")
    for words in (("apply",), ("move", FIRST, "--to", "rooms", "--target", "reception")):
        refused = cli(*words)
        assert (refused.returncode, "Add --yes" in refused.stderr) == (2, True)
    assert telephony_sandbox.ledger("twilio") == before


@TERMINAL
def test_at_a_terminal_it_asks_and_shows_how_far_it_is(folder):
    _declare(folder, *_relabelled(*HELD))

    def apply(typed):
        ours, theirs = os.openpty()
        with os.fdopen(ours, "rb+", buffering=0) as terminal:
            process = subprocess.Popen(
                [*COMMAND, "apply"], cwd=folder, stdin=theirs, stderr=theirs,
                stdout=subprocess.PIPE, env={**inherited(), **ENVIRONMENT, "TERM": "xterm"},
            )  # fmt: skip
            os.close(theirs)
            terminal.write(f"{typed}\n".encode())
            out = process.communicate(timeout=60)[0].decode()
            return process.returncode, out, os.read(ours, 100_000).decode()

    declined = apply("n")
    assert declined[0] == 1
    assert "Make these 3 changes? [y/N]" in declined[2]
    assert "nothing was done" in declined[2]
    code, out, shown = apply("y")
    assert code == 0
    assert "is finished: 3 done" in out
    assert re.search(r"applying.*3/3", shown, re.DOTALL)
    assert "\x1b" not in out


def test_what_fails_is_named_and_gone_on_with(folder, cli, telephony_sandbox):
    _declare(folder, *_relabelled(*HELD))
    telephony_sandbox.fail(
        Fault(kind="status", status=500, vendor="twilio", method="POST", times=None)
    )
    partly = cli("apply", "--yes")
    assert partly.returncode == 12, partly.stderr
    assert "Failed (3): resuming tries them again" in partly.stdout
    command = re.search(r"telephony fleet (resume \w+)", partly.stdout)[1].split()
    telephony_sandbox.heal()
    assert cli("status").returncode == 0
    resumed = cli(*command)
    assert (resumed.returncode, "is finished: 3 done" in resumed.stdout) == (0, True)
    unknown = cli("resume", "nonsense")
    assert (unknown.returncode, "has no run 'nonsense'" in unknown.stderr) == (2, True)


def test_an_unknown_outcome_is_listed_and_not_repeated(folder, cli, telephony_sandbox):
    with (folder / "orders.csv").open("a") as orders:
        orders.write("desk-4,carrier,US,New desk,support,agent_reception\n")
    assert cli("plan", "--out", "plan.json").returncode == 0
    bought = len(telephony_sandbox.ledger("twilio", "purchase"))
    path = r"IncomingPhoneNumbers\.json"
    telephony_sandbox.fail(Fault(kind="lost", vendor="twilio", method="POST", path=path))
    telephony_sandbox.fail(
        Fault(kind="reset", vendor="twilio", method="GET", path=path, times=None, skip=2)
    )
    unknown = cli("apply", "plan.json", "--buy", "1", "--yes")
    assert unknown.returncode == 8, unknown.stdout + unknown.stderr
    assert "Unknown (1): they may have been done, so they are not repeated" in unknown.stdout
    assert "--repeat-unknown" in unknown.stdout
    refused = cli("resume", "--repeat-unknown")
    assert (refused.returncode, "Add --yes" in refused.stderr) == (2, True)
    telephony_sandbox.heal()
    done = cli("resume")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(telephony_sandbox.ledger("twilio", "purchase")) == bought + 1


@INTERRUPT
def test_interrupted_it_says_how_to_go_on(folder, cli, telephony_sandbox):
    _declare(folder, *_relabelled(*HELD))
    telephony_sandbox.fail(
        Fault(kind="slow_headers", vendor="twilio", method="POST", seconds=1, times=None)
    )
    process = subprocess.Popen(
        [*COMMAND, "apply", "--yes"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env={**inherited(), **ENVIRONMENT},
    )  # fmt: skip
    posts = len(telephony_sandbox.ledger("twilio"))
    while len(telephony_sandbox.ledger("twilio")) == posts:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    telephony_sandbox.heal()
    assert process.returncode == 130
    command = re.search(r"telephony fleet (resume \w+)", said)[1].split()
    resumed = cli(*command)
    assert (resumed.returncode, "3 done" in resumed.stdout) == (0, True)


def test_every_problem_of_the_files_is_named_at_once(folder, cli, telephony_sandbox):
    before = len(telephony_sandbox.requests("twilio"))
    lines = [f"+1415555{place},carrier,,support,a," for place in range(100, 400)]
    numbers = folder / "numbers" / "wrong.csv"
    numbers.write_text("\n".join(["number,owner,label,answer_at,answer_to,state", *lines]) + "\n")
    (folder / "orders.csv").write_text("order,owner,country\ndesk-4,carier,US\n")

    wrong = cli("plan")

    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "301 problems" in wrong.stderr
    assert len(wrong.stderr.splitlines()) == 302
    assert f"{numbers.relative_to(folder)}:300: number: '+1415555398'" in wrong.stderr
    assert "Did you mean 'carrier'?" in wrong.stderr
    problems = json.loads(cli("apply", "--yes", "--json").stderr)["error"]["problems"]
    assert len(problems) == 301
    assert {"file": "orders.csv", "line": 2, "column": "owner"}.items() <= problems[-1].items()
    assert len(telephony_sandbox.requests("twilio")) == before


@TERMINAL
def test_a_terminal_is_not_flooded_with_problems(tmp_path):
    lines = [f"+1415555{place},carrier,,support,a," for place in range(100, 400)]
    (tmp_path / "fleet.toml").write_text('[fleet]\nnumbers = ["wrong.csv"]\n')
    numbers = "number,owner,label,answer_at,answer_to,state"
    (tmp_path / "wrong.csv").write_text("\n".join([numbers, *lines, ""]))
    ours, theirs = os.openpty()
    with os.fdopen(ours, "rb+", buffering=0):
        done = subprocess.run(
            [*COMMAND, "plan"], cwd=tmp_path, stdin=theirs, stderr=theirs,
            stdout=subprocess.PIPE, env={**inherited(), **ENVIRONMENT, "TERM": "xterm"},
        )  # fmt: skip
        os.close(theirs)
        shown = os.read(ours, 100_000).decode()

    assert done.returncode == 2
    assert "900 problems" in shown
    assert len(shown.splitlines()) < 60
    assert max(map(len, shown.splitlines()[1:])) <= 80
    # What is the same in all lines is said once, and the rest is not forgotten.
    assert "(And 299 more lines.)" in shown
    assert "2>problems.txt" in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["plan", "--fleet", "none.toml"], "telephony fleet dump --to ."),
        (["plan", "--cached", "soon"], "Write it like 30s, 10m, 2h or 1d."),
        (["plan", "--json", "--markdown"], "--markdown"),
        (["apply", "none.json"], "telephony fleet plan --out none.json"),
        (["apply", "fleet.toml"], "This is not a plan"),
        (["status"], "`telephony fleet apply` begins one"),
        (["work"], 'write engine = "dbos"'),
        (["resume", "--worker", "eu-1"], 'only engine = "dbos" has workers'),
        (["move", "+14155550100"], "Give NUMBER --to PROFILE"),
        (["move", "415", "--to", "rooms"], "E.164"),
        (["move", FIRST, "--to", "roms", "--yes"], "roms takes no part in fleet.toml"),
        (["move", "--back", "nonsense", "--yes"], "There is no such move"),
        (["plan", "--only", "zzz", "--out", "zzz.json"], "fleet.toml is like 'zzz'"),
        (["dump", "--to", "copy", "nonsense"], "nonsense"),
        (["import", "--from", "none.csv"], "none.csv: It cannot be read"),
    ],
)
def test_what_is_wrong_says_what_to_do(words, said, folder, cli):
    done = cli(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in " ".join(re.sub("[│╭╮╰╯─]", "", done.stderr).split())


def test_a_number_moves_and_comes_back(folder, cli, telephony_sandbox):
    moved = cli("move", FIRST, "--to", "rooms", "--target", "reception", "--yes")
    assert moved.returncode == 0, moved.stderr
    assert "answer_at=rooms, answer_to=agent:reception" in moved.stdout
    assert telephony_sandbox.answerer(FIRST).vendor == "livekit"
    where = cli("where", FIRST)
    assert re.search(r"a call goes +carrier > rooms > agent:reception", where.stdout)
    assert [one["state"] for one in json.loads(cli("moves", "--json").stdout)] == ["moved"]

    unset = cli("move", "--back", "", "--yes")
    assert (unset.returncode, "the move's id, or its number" in unset.stderr) == (2, True)
    assert telephony_sandbox.answerer(FIRST).vendor == "livekit"

    back = cli("move", "--back", FIRST, "--yes", "--json")

    assert (back.returncode, json.loads(back.stdout)["state"]) == (0, "rolled_back")
    assert telephony_sandbox.answerer(FIRST).vendor == "cartesia"
    assert "rolled_back" in cli("moves").stdout


def test_a_move_that_fails_is_undone_and_exits_with_12(folder, cli, telephony_sandbox):
    telephony_sandbox.fail(Fault(kind="status", status=400, vendor="twilio", method="POST"))
    undone = cli("move", FIRST, "--to", "rooms", "--target", "reception", "--yes")
    assert undone.returncode == 12, undone.stderr
    assert undone.stdout.startswith(f"Undone: {FIRST} is answered as before.")
    assert telephony_sandbox.answerer(FIRST).vendor == "cartesia"


def test_drift_is_found_where_it_is(folder, cli, telephony_connect):
    assert "No number of 3 has drifted" in cli("where", "--drift").stderr
    with telephony_connect("cartesia") as support:
        support.unassign_number(LAST)
    found = cli("where", "--drift", "--json")
    assert [one["number"] for one in json.loads(found.stdout)] == [LAST]
    table = cli("where", "*010[12]").stdout
    assert re.findall(r"^\+\d+", table, re.MULTILINE) == [SECOND, LAST]


def test_a_profile_that_cannot_be_read_is_named(folder, cli, telephony_sandbox):
    telephony_sandbox.fail(Fault(kind="status", status=500, vendor="cartesia", times=None))
    found = cli("where", FIRST)
    assert found.returncode == 11
    assert "note: support could not be read, so what it holds is missing here: " in found.stderr
    planned = cli("plan")
    assert planned.returncode == 11
    assert "support: It could not be read: " in planned.stdout
    assert ".." not in planned.stdout


def test_the_demo_tells_its_story_in_80_columns(cli):
    demo = cli("demo")
    assert demo.returncode == 0, demo.stderr
    story, comment = demo.stdout.split("#### Notices")
    # What is typed and edited is as long as it is.
    lines = [line for line in story.splitlines() if not line.startswith(("  #", "  -", "$"))]
    assert max(map(len, lines)) <= 80
    assert "A call to +14155550100 now reaches: reception, livekit" in story
    assert "Twilio has sold 41 numbers" in story
    assert "--stage DIR" in comment


def test_the_stage_replaces_no_file(cli, tmp_path):
    (tmp_path / "telephony.toml").write_text("")
    refused = cli("demo", "--stage", ".")
    assert (refused.returncode, "Name a new folder" in refused.stderr) == (2, True)
    assert (tmp_path / "telephony.toml").read_text() == ""


def test_somebody_elses_csv_becomes_lines_of_a_fleet(cli, tmp_path):
    book = tmp_path / "book.csv"
    book.write_text("Phone,Name,Room\n(415) 555-0100,Front desk,1\n+44 20 7946 0958,London,2\n")
    words = ["import", "--from", "book.csv", "--number-column", "Phone", "--label-column", "Name",
             "--owner", "carrier", "--country", "US"]  # fmt: skip
    printed = cli(*words)
    assert printed.stdout.splitlines() == [
        "number,owner,label,answer_at,answer_to,sms_to,state",
        "+14155550100,carrier,Front desk,,,,",
        "+442079460958,carrier,London,,,,",
    ]
    written = cli(*words, "--out", "numbers/book.csv")
    assert (tmp_path / "numbers" / "book.csv").read_text() == printed.stdout
    assert "telephony fleet plan" in written.stderr
    assert cli(*words, "--out", "numbers/book.csv").returncode == 2
    book.write_text("Phone,Name\n555,A\n415 555 0100,B\n+14155550100,C\n")
    wrong = cli(*words)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "book.csv:2: Phone: '555'" in wrong.stderr
    assert "book.csv:4: Phone: +14155550100 is in line 3 already" in wrong.stderr
    missing = cli("import", "--from", "book.csv", "--number-column", "Phon")
    assert "Did you mean 'Phone'?" in missing.stderr
