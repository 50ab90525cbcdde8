"""Fixtures for applications and adapters; pytest finds them once telephony is installed.

``telephony_sandbox``    a running `telephony.sandbox.Sandbox`, as new for every test
``telephony_connect``    connect to any vendor of it, blocking: ``telephony_connect("cartesia")``
``telephony_aconnect``   the same for asyncio
``telephony_env``        for applications that call `telephony.connect` themselves: whatever they
                         connect to is the sandbox
``telephony_webhooks``   serve an ASGI application, and let the vendors send it their webhooks
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    # Imported when a fixture is first used: a project that merely has telephony installed does not
    # pay for it at every start of pytest.
    from telephony.provider import AsyncProvider, Provider
    from telephony.sandbox import Sandbox
    from telephony.webhooks.asgi import App


pytest.register_assert_rewrite("telephony.testing.conformance", "telephony.testing.refusals")

STRUCK = pytest.StashKey[tuple[int, int]]()
"""Of a test of the fault matrix: how many faults struck, and how many violations there were."""


@pytest.fixture(scope="session")
def _telephony_server() -> Iterator[Sandbox]:
    try:
        from telephony.sandbox import Sandbox
    except ModuleNotFoundError as missing:
        pytest.fail(
            f"telephony's fixtures need the package {missing.name!r}. "
            "Install it with: pip install 'telephony[sandbox]'",
            pytrace=False,
        )
    with Sandbox(webhook_backoff=0.001) as sandbox:
        yield sandbox


@pytest.fixture
def telephony_sandbox(_telephony_server: Sandbox) -> Iterator[Sandbox]:
    """Return the vendors' APIs on loopback, as new: plant messages, set faults, read the ledger."""
    _telephony_server.reset()
    yield _telephony_server
    _telephony_server.heal()


@pytest.fixture
def telephony_connect(telephony_sandbox: Sandbox) -> Iterator[Callable[..., Provider]]:
    """Connect to a vendor's sandbox, blocking; further settings as keywords. Closed at the end.

    Retries come without a pause: give a `backoff` to outlast a fault that takes time.
    """
    import telephony

    with ExitStack() as opened:

        def connect(vendor: str, **settings: object) -> Provider:
            merged = {"backoff": 0.0, **telephony_sandbox.settings(vendor), **settings}
            return opened.enter_context(telephony.connect(vendor, settings=merged))

        yield connect


@pytest.fixture
def telephony_aconnect(telephony_sandbox: Sandbox) -> Callable[..., AsyncProvider]:
    """Connect to a vendor's sandbox, for asyncio; use the result with ``async with``."""
    import telephony

    def connect(vendor: str, **settings: object) -> AsyncProvider:
        merged = {"backoff": 0.0, **telephony_sandbox.settings(vendor), **settings}
        return telephony.connect_async(vendor, settings=merged)

    return connect


@pytest.fixture
def telephony_env(telephony_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """Point the environment at the sandbox until the test ends; returns the sandbox.

    `telephony.connect` then reaches it by the name of any adapter or of any profile of the
    telephony.toml in force, and so do the vendors' own tools that read their URL from the
    environment.
    """
    for variable, value in telephony_sandbox.environment(profiles=None).items():
        monkeypatch.setenv(variable, value)
    return telephony_sandbox


@pytest.fixture
def telephony_webhooks(
    telephony_sandbox: Sandbox, _telephony_serve: Callable[[App], str]
) -> Iterator[Callable[..., str]]:
    """Serve an ASGI application, and let the vendors send it their webhooks until the test ends.

    ``telephony_webhooks(app)`` returns the application's URL. Webhooks arrive at
    ``/webhooks/{provider}``, or at the `path` that is given. They are sent in the background:
    ``telephony_sandbox.delivered()`` waits for them, and returns what became of each.
    """

    def serve(app: App, path: str = "/webhooks/{provider}") -> str:
        url = _telephony_serve(app)
        telephony_sandbox.send_webhooks(url + path)
        return url

    yield serve
    telephony_sandbox.delivered()


@pytest.fixture
def _telephony_serve() -> Iterator[Callable[[App], str]]:
    with ExitStack() as served:
        yield lambda app: served.enter_context(_served(app))


@contextmanager
def _served(app: App) -> Iterator[str]:
    import socket
    import threading

    import uvicorn

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call" and STRUCK in item.stash:
        # On the report, which pytest-xdist brings from its workers; a stash stays where it is.
        vars(report)["telephony_struck"] = item.stash[STRUCK]
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the totals of the conformance suite's fault matrix, where it was run."""
    struck = [
        report.telephony_struck
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        if hasattr(report, "telephony_struck")
    ]
    if struck:
        faults, violations = map(sum, zip(*struck, strict=True))
        terminalreporter.write_line(
            f"fault matrix: {len(struck)} combinations of adapter, operation, fault and mode; "
            f"{faults} faults struck, violations: {violations}"
        )
