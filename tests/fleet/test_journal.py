"""The journal in a file: what it keeps, and what it says when the file cannot be used."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from telephony.fleet.errors import FleetError
from telephony.fleet.journal import sqlite
from telephony.fleet.journal.protocol import RunState, State
from telephony.fleet.journal.sqlite import SqliteJournal
from telephony.fleet.planning.ops import Op, Verb

ACCOUNTS = {"carrier": "Twilio account AC1"}


def ops(many, *, lanes=None):
    return [
        Op(
            id=f"label/{at}@carrier",
            verb=Verb.LABEL,
            profile="carrier" if at % 2 else "other",
            lane=f"lane {at % (lanes or many)}",
            number="+14155550100",
            after=f"Büro {at}",
        )
        for at in range(many)
    ]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "fleet.sqlite"


@pytest.fixture
def journal(path):
    with closing(SqliteJournal(path)) as opened:
        yield opened


def done(entry, **facts):
    return replace(entry, state=State.DONE, **facts)


# --- What it keeps -------------------------------------------------------------------------------


def test_what_was_saved_is_there_after_opening_it_again(path):
    facts = {
        "number": "+14155550199",
        "holding": "PN1",
        "status": 409,
        "code": "21",
        "reason": "No",
    }
    with closing(SqliteJournal(path)) as journal:
        journal.begin("run", ops(3))
        (lane, *_) = journal.lanes("run", "carrier")
        journal.save("run", done(lane.entries[0], error="ConflictError", **facts)).result()
    with closing(SqliteJournal(path)) as journal:
        entries = list(journal.entries("run"))
        assert [entry.op for entry in entries] == ops(3)
        assert entries[1] == done(lane.entries[0], error="ConflictError", **facts)
        assert journal.counts("run") == {State.DONE: 1, State.PLANNED: 2}
        assert sorted(journal.profiles("run")) == ["carrier", "other"]


def test_operations_of_a_lane_are_kept_together_in_order(journal):
    journal.begin("run", ops(12, lanes=4))
    found = [lane for profile in ("carrier", "other") for lane in journal.lanes("run", profile)]
    assert sorted(lane.place for lane in found) == [0, 1, 2, 3]
    for lane in found:
        at = [int(entry.op.after.removeprefix("Büro ")) for entry in lane.entries]
        assert at == [lane.place, lane.place + 4, lane.place + 8]


def test_lanes_are_read_a_few_at_a_time_and_without_those_that_are_done(journal):
    journal.begin("run", ops(10))
    for lane in journal.lanes("run", "carrier", most=2):
        journal.save("run", done(lane.entries[0])).result()
    assert journal.beginnings("run") == {"carrier": 3, "other": 5}
    first = journal.lanes("run", "carrier", most=2)
    rest = journal.lanes("run", "carrier", first[-1].place, most=2)
    assert [lane.place for lane in (*first, *rest)] == [5, 7, 9]
    assert journal.lanes("run", "carrier", rest[-1].place) == []


def test_the_same_run_is_begun_once(journal):
    journal.begin("run", ops(2))
    first, second = journal.entries("run")
    journal.save("run", done(first)).result()
    journal.begin("run", ops(2))
    assert journal.counts("run") == {State.DONE: 1, State.PLANNED: 1}
    journal.save("run", done(second)).result()
    journal.end("run", RunState.FINISHED)
    assert journal.find("run").state is RunState.FINISHED
    journal.begin("run", ops(2))
    assert journal.counts("run") == {State.DONE: 2}


def test_a_run_is_found_by_the_beginning_of_its_id(journal):
    for run in ("aa11", "aa22", "bb33"):
        journal.begin(run, ops(1))
    assert [record.id for record in journal.runs()] == ["bb33", "aa22", "aa11"]
    assert journal.find("b").id == "bb33"
    for wrong in ("aa", "cc"):
        with pytest.raises(FleetError, match=rf"{wrong}.*fleet status"):
            journal.find(wrong)


def test_saves_that_wait_together_share_a_commit(path):
    commits = []

    class Watched(SqliteJournal):
        def _commit(self, rows):
            commits.append(len(rows))
            super()._commit(rows)

    with closing(Watched(path)) as journal:
        journal.begin("run", ops(2000))
        with journal._lock:  # as while a commit takes its time
            waiting = [journal.save("run", done(entry)) for entry in list_of(path)]
        for one in waiting:
            one.result()
        assert sum(commits) == 2000
        assert len(commits) < 10
        assert journal.counts("run") == {State.DONE: 2000}


def list_of(path):
    with closing(SqliteJournal(path)) as other:
        return list(other.entries("run"))


def test_what_nobody_waits_for_any_more_is_saved_too(journal):
    """A task that is cancelled while it waits must not stop the others' saves."""
    journal.begin("run", ops(3))
    with journal._lock:  # as while a commit takes its time
        saves = [journal.save("run", done(entry)) for entry in list_of(journal.path)]
        for one in saves:
            one.cancel()
    for entry in journal.entries("run"):
        journal.save("run", done(entry, reason="last")).result()
    assert journal.counts("run") == {State.DONE: 3}


def test_only_its_owner_can_read_the_file(journal, path):
    assert path.stat().st_mode & 0o077 == 0


# --- Leases --------------------------------------------------------------------------------------


def test_an_account_is_held_by_one_run_at_a_time(journal, path):
    journal.begin("run", ops(1))
    assert journal.find("run").state is RunState.PARTLY  # nobody works on it
    with closing(SqliteJournal(path)) as other:
        with journal.lease("run", ACCOUNTS):
            assert other.find("run").state is RunState.RUNNING
            with (
                pytest.raises(FleetError, match=f"AC1 already: process {os.getpid()} .*Nothing"),
                other.lease("another", {"profile": "Vapi", **ACCOUNTS}),
            ):
                pass
            with other.lease("another", {"profile": "Vapi"}):
                pass
        with other.lease("another", ACCOUNTS):
            pass


def test_a_process_that_was_killed_holds_nothing(journal, path):
    script = (
        "import os, sys; from telephony.fleet.journal.sqlite import SqliteJournal\n"
        f"with SqliteJournal(sys.argv[1]).lease('run', {ACCOUNTS}):\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as holder:
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(FleetError, match=f"process {holder.pid} on"),
            journal.lease("run", ACCOUNTS),
        ):
            pass
        holder.kill()
    with journal.lease("run", ACCOUNTS):
        pass


# --- What can be wrong with the file -------------------------------------------------------------


def test_a_journal_of_a_newer_version_is_left_alone(path):
    SqliteJournal(path).close()
    with closing(sqlite3.connect(path)) as tables:
        tables.execute(f"PRAGMA user_version = {sqlite.VERSION + 1}")
        tables.execute("ALTER TABLE runs ADD COLUMN new_in_that_version")
        before = list(tables.iterdump())
    with pytest.raises(FleetError, match=r"newer version of telephony.*Upgrade telephony"):
        SqliteJournal(path)
    with closing(sqlite3.connect(path)) as tables:
        assert list(tables.iterdump()) == before


def test_another_programs_database_is_left_alone(path):
    with closing(sqlite3.connect(path)) as tables:
        tables.execute("CREATE TABLE customers (name)")
    before = path.read_bytes()
    with pytest.raises(FleetError, match=r"another program's database.*`state` in fleet\.toml"):
        SqliteJournal(path)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_left_alone(path):
    path.write_text("numbers,owner,label\n" * 100)
    with pytest.raises(FleetError, match=r"is not a journal.*`state` in fleet\.toml"):
        SqliteJournal(path)
    assert path.read_text() == "numbers,owner,label\n" * 100


def test_a_damaged_journal_says_what_to_do(path):
    with closing(SqliteJournal(path)) as journal:
        journal.begin("run", ops(500))
    content = bytearray(path.read_bytes())
    content[4096:] = b"\x5a" * (len(content) - 4096)
    path.write_bytes(content)
    with (
        pytest.raises(FleetError, match=r"is damaged.*backup"),
        closing(SqliteJournal(path)) as journal,
    ):
        journal.runs()


@pytest.mark.parametrize("below", ["no/such/folder/fleet.sqlite", "file/fleet.sqlite", ""])
def test_a_place_where_no_file_can_be_says_so(tmp_path, below):
    (tmp_path / "file").touch()
    with pytest.raises(FleetError, match=r"cannot be opened: .*`state` in fleet\.toml"):
        SqliteJournal(tmp_path / below)


@contextlib.contextmanager
def ordinary_user():
    """Be somebody whom the modes of files mean something to."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("folder", [0o555, 0o755])
def test_a_journal_that_cannot_be_written_says_so(folder):
    with tempfile.TemporaryDirectory() as where:
        path = Path(where) / "fleet.sqlite"
        SqliteJournal(path).close()
        before = path.read_bytes()
        path.chmod(0o444)
        Path(where).chmod(folder)
        with (
            ordinary_user(),
            pytest.raises(FleetError, match=r"cannot be opened: Permission denied.*write to"),
        ):
            SqliteJournal(path)
        assert path.read_bytes() == before
        Path(where).chmod(0o755)


def test_a_folder_that_becomes_read_only_says_so():
    """The journal can be opened; what SQLite writes beside it cannot be made."""
    with tempfile.TemporaryDirectory() as where:
        path = Path(where) / "fleet.sqlite"
        SqliteJournal(path).close()
        path.chmod(0o666)
        Path(where).chmod(0o555)
        with ordinary_user(), pytest.raises(FleetError, match=r"(read-only|cannot be opened).*old"):
            SqliteJournal(path)
        Path(where).chmod(0o755)


def test_a_locked_journal_says_so_and_nothing_is_half_done(journal, path, monkeypatch):
    journal.begin("run", ops(2))
    first, _ = journal.entries("run")
    journal._connection.execute("PRAGMA busy_timeout = 50")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for attempt in (
            lambda: journal.save("run", done(first)).result(),
            lambda: journal.begin("another", ops(3)),
            lambda: journal.end("run", RunState.FINISHED),
        ):
            with pytest.raises(FleetError, match=r"is locked by another program.*call this again"):
                attempt()
        other.execute("ROLLBACK")
    assert [record.id for record in journal.runs()] == ["run"]
    journal.save("run", done(first)).result()
    assert journal.counts("run") == {State.DONE: 1, State.PLANNED: 1}


def test_a_full_disk_says_so_and_nothing_is_half_done(journal):
    journal.begin("run", ops(50))
    (pages,) = journal._connection.execute("PRAGMA page_count").fetchone()
    journal._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(FleetError, match=r"the disk is full.*resume"):
        journal.begin("another", ops(5000))
    assert [record.id for record in journal.runs()] == ["run"]

    entries = list(journal.entries("run"))
    saves = [journal.save("run", done(entry, reason="x" * 500)) for entry in entries]
    outcomes = {type(save.exception()) for save in saves}
    assert outcomes == {FleetError}
    assert list(journal.entries("run")) == entries

    journal._connection.execute("PRAGMA max_page_count = 100000")
    for entry in entries:
        journal.save("run", done(entry, reason="x" * 500)).result()
    assert journal.counts("run") == {State.DONE: 50}


def test_many_threads_save_at_once(journal):
    journal.begin("run", ops(400))
    entries = list(journal.entries("run"))

    def work(mine):
        for entry in mine:
            journal.save("run", replace(entry, state=State.STARTED)).result()
            journal.save("run", done(entry)).result()

    threads = [threading.Thread(target=work, args=(entries[at::20],)) for at in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert journal.counts("run") == {State.DONE: 400}


def test_a_purchase_that_brought_nothing_overtakes_no_other(journal):
    buy = Op(id="buy/a@carrier", verb=Verb.BUY, profile="carrier", lane="a", order="a")
    journal.begin("old", [buy])
    journal.begin("new", [replace(buy, id="buy/b@carrier", lane="b", order="b"), *ops(1)])
    for entry in journal.entries("new"):
        journal.save("new", replace(entry, state=State.FAILED)).result()
    assert journal.overtaken("old") == {"+14155550100"}
    assert journal.overtaken("new") == frozenset()
    assert journal.ids() == ["new", "old"]
