"""The recipes, as processes that fail and are killed: what they promise holds all the same."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

import telephony
from telephony import CallStatus, Capability, Level, LinkedCarrier, Webhook, registry
from telephony.sandbox import Fault, Sandbox
from telephony.testing.fault_matrix import set_up

EXAMPLES = Path(__file__).parents[2] / "examples"
PERSON = "+14155550199"
KILLED = -9  # SIGKILL, which Windows does not have


# --- Buy once ------------------------------------------------------------------------------------

BUYABLE = {"livekit": ["--number", "+14155550150"], "twilio": ["--area-code", "415"]}
ORDER = "order-17"


@pytest.mark.parametrize(
    "vendor", ["agentphone", "cartesia", "livekit", "retell", "twilio", "vapi"]
)
def test_an_order_is_bought_once_however_often_it_is_run(program, telephony_sandbox, vendor):
    runs = [
        program("buy_once.py", ORDER, "--provider", vendor, *BUYABLE.get(vendor, ())) for _ in "ab"
    ]

    assert [run.stderr for run in runs] == ["", ""]
    (bought,) = telephony_sandbox.ledger(vendor, "purchase")
    assert runs[1].stdout.strip() == bought.number


def test_an_order_that_is_killed_at_any_line_is_bought_once(program, telephony_sandbox):
    purchases_after_a_kill = set()
    for nth in count(1):
        telephony_sandbox.reset()
        order = f"order-{nth}"
        first = program("buy_once.py", order, "--provider", "cartesia", dies=nth)
        if first.returncode != KILLED:
            break
        purchases_after_a_kill.add(len(telephony_sandbox.ledger("cartesia", "purchase")))

        again = program("buy_once.py", order, "--provider", "cartesia")

        (bought,) = telephony_sandbox.ledger("cartesia", "purchase")
        assert (again.returncode, again.stdout.strip()) == (0, bought.number), again.stderr
    # Some were killed before the request, some between the response and saving it.
    assert purchases_after_a_kill == {0, 1}


def test_an_order_that_is_killed_while_the_vendor_has_it_is_bought_once(
    program, telephony_sandbox, tmp_path
):
    telephony_sandbox.fail(Fault(kind="slow_headers", method="POST", seconds=60))
    command = [sys.executable, EXAMPLES / "buy_once.py", ORDER, "--provider", "cartesia"]
    environment = {"PATH": os.environ["PATH"], **telephony_sandbox.environment()}
    with subprocess.Popen(command, cwd=tmp_path, env=environment) as buyer:
        while not telephony_sandbox.ledger("cartesia", "purchase"):
            assert buyer.poll() is None
            time.sleep(0.01)
        buyer.kill()
    telephony_sandbox.heal()

    again = program("buy_once.py", ORDER, "--provider", "cartesia")

    (bought,) = telephony_sandbox.ledger("cartesia", "purchase")
    assert again.stdout.strip() == bought.number


def test_an_order_of_unknown_outcome_says_so_and_is_found_later(program, telephony_sandbox):
    telephony_sandbox.fail(Fault(kind="lost", method="POST"))
    telephony_sandbox.fail(Fault(kind="status", method="GET", skip=1, times=None))

    lost = program("buy_once.py", ORDER, "--provider", "cartesia")
    telephony_sandbox.heal()
    found = program("buy_once.py", ORDER, "--provider", "cartesia")

    assert lost.returncode == 1
    assert "Run this again" in lost.stderr
    assert found.stdout.strip() == telephony_sandbox.ledger("cartesia", "purchase")[0].number


# --- Call and read the transcript ----------------------------------------------------------------

CALLING = [
    name
    for name in registry.available()
    if registry.load(name).capabilities[Capability.GET_CALL].level is Level.FULL
]


@pytest.fixture
def calling(program, telephony_sandbox, telephony_connect):
    """Call a person from a new number of a vendor, while time passes at the vendor."""

    def call(vendor, *more):
        provider = telephony_connect(vendor)
        made = set_up(provider, telephony_sandbox, vendor)
        provider.assign_number(made.number, made.sample.target)
        url = ["--url", made.sample.call_url] if made.sample.call_url else []
        arguments = [vendor, made.number, PERSON, "--every", "0.01", *url, *more]
        with ThreadPoolExecutor(1) as threads:
            running = threads.submit(program, "call_and_transcript.py", *arguments)
            while not running.done():
                time.sleep(0.01)
                telephony_sandbox.advance(vendor, 1)
            return running.result()

    return call


@pytest.mark.parametrize("vendor", CALLING)
def test_a_call_is_followed_and_read(
    calling, telephony_sandbox, telephony_connect, tmp_path, vendor
):
    done = calling(vendor)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("completed 0:00:")
    assert len(telephony_sandbox.ledger(vendor, "call")) == 1
    if telephony_connect(vendor).supports(Capability.GET_TRANSCRIPT):
        assert "caller: Is five okay?" in done.stdout
    if telephony_connect(vendor).supports(Capability.GET_RECORDING):
        saved = Path(tmp_path / done.stdout.rpartition("Saved ")[2].strip())
        assert saved.read_bytes().startswith(b"RIFF")


@pytest.mark.parametrize("vendor", ["retell", "twilio", "vapi"])
def test_a_call_whose_response_is_lost_is_found_and_not_placed_again(
    calling, telephony_sandbox, vendor
):
    telephony_sandbox.fail(Fault(kind="lost", method="POST", path="(?i)call"))

    done = calling(vendor)

    assert (done.returncode, done.stderr) == (0, "")
    assert len(telephony_sandbox.ledger(vendor, "call")) == 1


def test_a_call_that_is_not_answered_is_a_failure(calling, telephony_sandbox):
    telephony_sandbox.vendors["twilio"].state.calls.outcomes.append(CallStatus.NO_ANSWER)

    done = calling("twilio")

    assert (done.returncode, done.stdout) == (1, "no_answer\n")


# --- Failover ------------------------------------------------------------------------------------

TEXT = "Your table is ready."


@pytest.fixture
def failover(program, telephony_sandbox, telephony_connect):
    """Text by AgentPhone, else by Twilio; returns the run and how many texts were sent there."""
    first = telephony_connect("agentphone").provision_number().number
    second = telephony_connect("twilio").provision_number().number
    routes = ["--route", "agentphone", first, "--route", "twilio", second]

    def send(*more, to=PERSON, **variables):
        done = program("failover.py", to, TEXT, *routes, *more, **variables)
        vendors = ("agentphone", "twilio")
        return done, [len(telephony_sandbox.ledger(name, "message")) for name in vendors]

    return send


def test_a_text_goes_through_the_first_vendor(failover):
    done, sent = failover()

    assert (done.returncode, sent) == (0, [1, 0])
    assert done.stdout.startswith("agentphone: ")


@pytest.mark.parametrize(
    "variables",
    [
        {"TELEPHONY_AGENTPHONE_BASE_URL": "http://127.0.0.1:9"},
        {"TELEPHONY_AGENTPHONE_API_KEY": "revoked"},
    ],
    ids=["unreachable", "refused"],
)
def test_a_text_goes_through_the_second_vendor_when_the_first_certainly_did_not_send_it(
    failover, variables
):
    done, sent = failover(**variables)

    assert (done.returncode, sent) == (0, [0, 1])
    assert done.stdout.startswith("twilio: ")
    assert "agentphone: send_message" in done.stderr


def test_a_text_goes_through_the_second_vendor_when_the_first_has_too_many(
    failover, telephony_sandbox
):
    too_many = Fault(kind="status", status=429, path="^/agentphone", times=None)
    telephony_sandbox.fail(too_many)

    done, sent = failover()

    assert (done.returncode, sent) == (0, [0, 1])


def test_what_is_wrong_with_a_text_is_wrong_anywhere(failover):
    done, sent = failover(to="somebody")

    assert (done.returncode, sent) == (1, [0, 0])
    assert "agentphone: send_message: " in done.stderr


@pytest.mark.parametrize("kind", ["lost", "cut", "malformed"])
def test_a_text_whose_response_is_lost_is_found_and_not_sent_again(
    failover, telephony_sandbox, kind
):
    telephony_sandbox.fail(Fault(kind=kind, method="POST", path="^/agentphone"))

    done, sent = failover()

    assert (done.returncode, sent) == (0, [1, 0])


@pytest.mark.parametrize("kind", ["lost", "status", "reset"])
@pytest.mark.parametrize("rather_twice", [False, True])
def test_a_text_that_may_have_been_sent_is_sent_again_only_by_decision(
    failover, telephony_sandbox, kind, rather_twice
):
    """The vendor fails altogether, so it cannot be asked what it did."""
    telephony_sandbox.fail(Fault(kind=kind, path="^/agentphone.*messages", times=None))

    done, sent = failover(*["--rather-twice"] * rather_twice)

    assert sent[0] == (kind == "lost")
    assert (done.returncode, sent[1]) == ((0, 1) if rather_twice else (3, 0)), done.stderr


# --- Move a number -------------------------------------------------------------------------------

NUMBER = "+14155550142"
OLD_URL = "https://api.cartesia.ai/twilio/voice"
TEXTS_URL = "https://example.com/texts"


class Moving:
    """A number at three vendors, and whether calls to it are answered after every request."""

    def __init__(self):
        self.unanswered = None  # while nobody looks
        self.sandbox = Sandbox(["cartesia", "livekit", "twilio"], on_response=self._look)

    def begin(self, program):
        self.unanswered = None
        self.sandbox.reset()
        twilio, cartesia = (self.sandbox.vendors[name] for name in ("twilio", "cartesia"))
        with telephony.connect("twilio", settings=self.sandbox.settings("twilio")) as carrier:
            carrier.provision_number(number=NUMBER, assign_to=Webhook(OLD_URL, TEXTS_URL))
        with telephony.connect("cartesia", settings=self.sandbox.settings("cartesia")) as voice:
            link = voice.link_carrier(cartesia.sample.carrier)
            source, agent = LinkedCarrier(link.id), cartesia.sample.target
            voice.import_number(NUMBER, source=source, assign_to=agent)
        self._trunk, self._program, self.unanswered = twilio.trunks[0], program, []

    def run(self, **more):
        arguments = [NUMBER, "--trunk", self._trunk, "--agent", "reception"]
        return self._program("move_a_number.py", *arguments, sandbox=self.sandbox, **more)

    @property
    def answered_by(self):
        """Follow a call from the number's route at Twilio to an agent."""
        twilio, cartesia, livekit = (
            self.sandbox.vendors[name].account for name in ("twilio", "cartesia", "livekit")
        )
        routed = twilio.holds(NUMBER)
        if routed["trunk_sid"] == self._trunk:
            trunks = {sid for sid, trunk in livekit.inbound.items() if NUMBER in trunk.numbers}
            ruled = any(trunks.intersection(rule.trunk_ids) for rule in livekit.rules.values())
            return "livekit" if ruled else None
        held = [one for one in cartesia.numbers.values() if one["number"] == NUMBER]
        agents = [one["agent"] for one in held if one["agent"]]
        return "cartesia" if routed["voice_url"] == OLD_URL and agents else None

    def holders(self):
        cartesia, livekit = (self.sandbox.vendors[name].account for name in ("cartesia", "livekit"))
        return {
            *("cartesia" for _ in cartesia.numbers),
            *("livekit" for _ in [*livekit.inbound, *livekit.rules]),
        }

    def _look(self, arrival):
        if self.unanswered is not None and self.answered_by is None:
            self.unanswered.append(f"{arrival.vendor} {arrival.method} {arrival.path}")


@pytest.fixture(scope="module")
def _moving():
    moving = Moving()
    with moving.sandbox:
        yield moving


@pytest.fixture
def moving(_moving, program):
    _moving.begin(program)
    yield _moving
    assert _moving.unanswered == []


def test_a_number_moves(moving):
    done = moving.run(stdin="y\n")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("Moved: livekit answers +14155550142.\n")
    assert (moving.answered_by, moving.holders()) == ("livekit", {"livekit"})


@pytest.mark.parametrize("answer", ["n\n", ""])
def test_a_number_goes_back_when_its_new_agent_does_not_answer(moving, tmp_path, answer):
    done = moving.run(stdin=answer)

    assert done.returncode == 1
    assert "Went back: cartesia answers" in done.stdout
    assert (moving.answered_by, moving.holders()) == ("cartesia", {"cartesia"})
    assert not list(tmp_path.glob("*.json"))


@pytest.mark.parametrize(("kind", "times"), [("status", 3), ("lost", 3), ("lost", None)])
@pytest.mark.parametrize("vendor", ["livekit", "twilio", "cartesia"])
def test_a_number_is_answered_whatever_fails(moving, program, vendor, times, kind):
    """Each of its requests to a vendor fails, and all retries of it, or all that follow."""
    for nth in count():
        moving.begin(program)
        before = len(moving.sandbox.arrivals(vendor))
        moving.sandbox.fail(Fault(kind=kind, path=f"^/{vendor}", skip=nth, times=times))
        failed = moving.run(stdin="y\n")
        if len(moving.sandbox.arrivals(vendor)) - before <= nth:
            break
        assert moving.answered_by, failed.stderr
        if times is None:
            moving.sandbox.heal()
            again = moving.run(stdin="y\n")
            assert again.returncode == 0, again.stderr
            assert (moving.answered_by, moving.holders()) == ("livekit", {"livekit"})
        assert moving.unanswered == []
    assert nth > 2


def test_a_number_is_answered_wherever_its_move_is_killed(moving, program):
    answering = set()
    for nth in count(1):
        moving.begin(program)
        if moving.run(stdin="y\n", dies=nth).returncode != KILLED:
            break
        answering.add(moving.answered_by)

        again = moving.run(stdin="y\n")

        assert again.returncode == 0, again.stderr
        assert (moving.answered_by, moving.holders()) == ("livekit", {"livekit"})
        assert moving.unanswered == []
    assert answering == {"cartesia", "livekit"}
