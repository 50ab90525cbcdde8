"""Fixtures for applications and adapters; pytest finds them once telephony is installed.

``telephony_sandbox``    a running `telephony.sandbox.Sandbox`, as new for every test
``telephony_connect``    connect to any vendor of it, blocking: ``telephony_connect("cartesia")``
``telephony_aconnect``   the same for asyncio
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    # Imported when a fixture is first used: a project that only has telephony installed shall not
    # pay for it at every start of pytest.
    from telephony.provider import AsyncProvider, Provider
    from telephony.sandbox import Sandbox


pytest.register_assert_rewrite("telephony.testing.conformance", "telephony.testing.refusals")


@pytest.fixture(scope="session")
def _telephony_server() -> Iterator[Sandbox]:
    from telephony.sandbox import Sandbox

    with Sandbox(webhook_backoff=0.001) as sandbox:
        yield sandbox


@pytest.fixture
def telephony_sandbox(_telephony_server: Sandbox) -> Iterator[Sandbox]:
    """The vendors' APIs on loopback, as new: plant messages, set faults, read the ledger."""
    _telephony_server.reset()
    yield _telephony_server
    _telephony_server.heal()


@pytest.fixture
def telephony_connect(telephony_sandbox: Sandbox) -> Iterator[Callable[..., Provider]]:
    """Connect to a vendor's sandbox, blocking; further settings as keywords. Closed at the end.

    Repetitions come without a pause: give a `backoff` to outlast a fault that takes time.
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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the fault matrix of the conformance suite came to, where it was run."""
    counts = {"faults": 0, "violations": 0}
    cells = 0
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            found = {name: value for name, value in report.user_properties if name in counts}
            cells += "faults" in found
            for name, value in found.items():
                counts[name] += int(str(value))
    if cells:
        terminalreporter.write_line(
            f"fault matrix: {cells} combinations of adapter, operation, fault and mode; "
            f"{counts['faults']} faults struck, violations: {counts['violations']}"
        )
