"""Webhook stores under forks, killed workers, many processes at once, and a full disk."""

from __future__ import annotations

import copy
import ctypes
import pickle
import sqlite3
import subprocess
import sys
import textwrap

import pytest

from telephony.webhooks import ClaimState, MemoryStore, SQLiteStore, WebhookResponse
from tests.systems import FORK, LINUX

FIRST, SECOND = (WebhookResponse("text/plain", body) for body in (b"first", b"second"))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "webhooks.sqlite"


@pytest.fixture(params=["memory", "sqlite"])
def store(request, path):
    """Return a store in which every lease expires at once, so the next claim succeeds."""
    made = MemoryStore(lease=0) if request.param == "memory" else SQLiteStore(path, lease=0)
    yield made
    if isinstance(made, SQLiteStore):
        made.close()


def python(program, *arguments, **options):
    """Start a Python program of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def output(process):
    said, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    return said.split()


# --- Leases --------------------------------------------------------------------------------------


def test_a_late_release_does_not_undo_what_another_worker_did(store):
    late, current = store.claim("key"), store.claim("key")
    store.release(late)
    store.finish(current, SECOND)
    store.release(late)

    assert store.claim("key").response == SECOND


def test_a_late_finish_does_not_change_what_another_worker_sent(store):
    late, current = store.claim("key"), store.claim("key")
    store.finish(late, FIRST)
    store.finish(current, SECOND)
    store.finish(late, FIRST)

    assert store.claim("key").response == SECOND


def test_a_late_finish_counts_while_no_other_worker_has_claimed(store):
    store.finish(store.claim("key"), FIRST)

    assert store.claim("key").response == FIRST


def test_a_late_release_does_not_open_another_workers_claim(path):
    slow = SQLiteStore(path, lease=0)
    late = slow.claim("key")
    lasting = SQLiteStore(path)
    # To this store the lease is long: the claim is made as by a worker that came after it.
    lasting.forget("key")
    current = lasting.claim("key")
    slow.release(late)

    assert current.state is ClaimState.OURS
    assert lasting.claim("key").state is ClaimState.BUSY
    slow.close()
    lasting.close()


def test_a_forgotten_event_can_be_claimed_again(store):
    store.finish(store.claim("key"), FIRST)
    store.forget("key")

    assert store.claim("key").state is ClaimState.OURS


# --- Processes -----------------------------------------------------------------------------------


@FORK
def test_claims_made_after_a_fork_are_kept(path):
    """As a server that loads the application, uses it, and then forks its workers."""
    program = """
        import os, sys
        from telephony.webhooks import SQLiteStore, WebhookResponse

        store = SQLiteStore(sys.argv[1])
        store.finish(store.claim("parent"), WebhookResponse())
        children = []
        for nth in range(4):
            child = os.fork()
            if not child:
                for each in range(50):
                    claim = store.claim(f"{nth}:{each}")
                    store.finish(claim, WebhookResponse())
                os._exit(0)
            children.append(child)
        store.close()
        codes = [os.waitpid(child, 0)[1] for child in children]
        assert codes == [0] * 4, codes
        store.finish(store.claim("last"), WebhookResponse())
        store.close()
    """
    output(python(program, path))

    with SQLite(path) as rows:
        assert rows.execute("SELECT count(*) FROM claims WHERE body IS NOT NULL").fetchone() == (
            202,
        )


@FORK
def test_a_fork_outside_python_is_refused_rather_than_losing_claims(path):
    program = """
        import ctypes, os, sys
        import telephony
        from telephony.webhooks import SQLiteStore

        store = SQLiteStore(sys.argv[1])
        store.claim("parent")
        child = ctypes.PyDLL(None).fork()
        if not child:
            try:
                store.claim("child")
            except telephony.ConfigurationError as error:
                os.write(1, b"refused " if "after the fork" in str(error) else b"?")
            os._exit(0)
        os.waitpid(child, 0)
        store.close()
    """
    assert hasattr(ctypes.PyDLL(None), "fork")
    assert output(python(program, path)) == ["refused"]


def test_eight_processes_may_open_the_file_at_once(path):
    program = """
        import sys
        from telephony.webhooks import SQLiteStore, WebhookResponse

        store = SQLiteStore(sys.argv[1])
        print("ready", flush=True)
        sys.stdin.readline()
        ours = 0
        for nth in range(25):
            claim = store.claim(f"key {nth}")
            if claim.state.value == "ours":
                ours += 1
                store.finish(claim, WebhookResponse())
        print(ours)
        store.close()
    """
    for nth in range(3):
        running = [python(program, f"{path}{nth}", stdin=subprocess.PIPE) for _ in range(8)]
        for each in running:
            assert each.stdout.readline() == "ready\n"
        for each in running:
            each.stdin.write("go\n")
            each.stdin.flush()
        assert sum(int(output(each)[-1]) for each in running) == 25


def test_a_worker_that_is_killed_holds_its_event_for_the_lease_only(path):
    program = """
        import sys, time
        from telephony.webhooks import SQLiteStore

        SQLiteStore(sys.argv[1]).claim("key")
        print("claimed", flush=True)
        time.sleep(600)
    """
    worker = python(program, path)
    assert worker.stdout.readline() == "claimed\n"
    worker.kill()
    worker.communicate()
    cautious, next_one = SQLiteStore(path), SQLiteStore(path, lease=0)

    assert cautious.claim("key").state is ClaimState.BUSY
    assert next_one.claim("key").state is ClaimState.OURS
    cautious.close()
    next_one.close()


# --- A full disk ---------------------------------------------------------------------------------


@LINUX
def test_a_full_disk_raises_and_recorded_claims_are_kept(path):
    """In a process whose files may not grow, as on a disk that is full."""
    program = """
        import resource, signal, sqlite3, sys
        from telephony.webhooks import SQLiteStore, WebhookResponse

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        store = SQLiteStore(sys.argv[1])
        store.finish(store.claim("before"), WebhookResponse())
        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, most))
        errors = set()
        for nth in range(3000):
            try:
                store.finish(store.claim(f"key {nth}"), WebhookResponse("text/plain", b" " * 500))
            except sqlite3.Error as error:
                errors.add(str(error).replace(" ", "_"))
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        assert store.claim("before").state.value == "done"
        assert store.claim("after").state.value == "ours"
        store.close()
        print(*errors)
    """
    said = output(python(program, path))

    assert said
    assert set(said) <= {"disk_I/O_error", "database_or_disk_is_full"}


def test_a_database_at_its_size_limit_raises_and_works_again_afterwards(path):
    store = SQLiteStore(path)
    store.finish(store.claim("before"), WebhookResponse())
    store._rows.execute("PRAGMA max_page_count = 8")
    large = WebhookResponse("text/plain", b" " * 100_000)
    claim = store.claim("key")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        store.finish(claim, large)
    store._rows.execute("PRAGMA max_page_count = 100000")

    assert store.claim("before").state is ClaimState.DONE
    assert store.claim("after").state is ClaimState.OURS
    store.close()


# --- Values --------------------------------------------------------------------------------------


def test_a_claim_can_be_handed_to_another_process(store):
    claim = store.claim("key")
    store.finish(pickle.loads(pickle.dumps(copy.copy(claim))), FIRST)  # noqa: S301

    assert store.claim("key").response == FIRST
    assert claim.owner not in repr(claim)


class SQLite:
    def __init__(self, path):
        self._rows = sqlite3.connect(path)

    def __enter__(self):
        return self._rows

    def __exit__(self, *_):
        self._rows.close()
