"""A number at Twilio, moved between every two vendors that can answer it."""

from __future__ import annotations

import itertools
import os
from contextlib import ExitStack, suppress

import pytest

import telephony
from telephony import fleet
from telephony.fleet import FleetError, MoveState, RunState
from telephony.fleet.targets import parts, text_of
from telephony.model import TwilioAccount, Webhook
from telephony.sandbox import Fault

SOAK = "TELEPHONY_SOAK" in os.environ
NUMBERS = [f"+1415555{number:04}" for number in range(101, 107)]
NUMBER = NUMBERS[0]
TEXTS = "https://example.com/sms"
SIP = {"livekit": "sip:acme.sip.livekit.cloud", "retell": "sip:sip.retellai.com"}
ANSWERERS = ("butter", "cartesia", "elevenlabs", "livekit", "retell", "vapi")
# `make soak` takes every two vendors, and a fault at every request.
PAIRS = [*itertools.permutations(ANSWERERS, 2)]
RING = list(zip(ANSWERERS, ANSWERERS[1:] + ANSWERERS[:1], strict=True))
# It has no API to remove a number, which stays there without an agent.
NOT_RELEASED = {"butter": {"butter": "-"}}


class Vendors:
    """Twilio and every vendor that can answer its numbers, each a profile of its own name."""

    def __init__(self, sandbox, folder):
        self.sandbox, self.path = sandbox, folder / "fleet.toml"
        self.twilio = sandbox.settings("twilio")
        twilio = sandbox.vendors["twilio"]
        self.trunks = dict(zip(SIP, twilio.trunks, strict=False))
        for at, (profile, trunk) in enumerate(self.trunks.items()):
            twilio.account.origination_urls[f"OU{at:032}"] = {
                "trunk_sid": trunk, "sip_url": SIP[profile], "priority": 1, "enabled": True,
            }  # fmt: skip
        (folder / "numbers").mkdir()

    def connect(self, profile):
        return telephony.connect(profile, backoff=0, retries=0, **self.sandbox.settings(profile))

    def target(self, profile):
        return self.sandbox.vendors[profile].sample.target

    def begin(self, *answerers, texts=TEXTS, numbers=1):
        with self.connect("twilio") as carrier:
            for number in NUMBERS[:numbers]:
                carrier.provision_number(number=number)
                carrier.unassign_number(number)
                if texts:
                    carrier.assign_number(number, Webhook(None, texts))
        tables = [self.table(profile) for profile in answerers]
        self.path.write_text("\n".join(["[owners.twilio]", *tables]))
        self.declare(*answerers[:numbers])

    def table(self, profile):
        account, token = self.twilio["account_sid"], self.twilio["auth_token"]
        key = self.twilio["api_key_sid"], self.twilio["api_key_secret"]
        linked = {
            "butter": TwilioAccount(account, auth_token=token),
            "cartesia": TwilioAccount(account, api_key_sid=key[0], api_key_secret=key[1]),
        }
        if profile in SIP:
            via = f'{{ trunk = "{self.trunks[profile]}" }}'
            source = '{ sip_trunk = { address = "acme.pstn.twilio.com" } }'
        elif profile in linked:
            with self.connect(profile) as provider:
                link = provider.link_carrier(linked[profile])
            via, source = '"self"', f'{{ linked = "{link.id}" }}'
        else:
            fields = f'account_sid = "{account}", auth_token = "env:TWILIO_TOKEN"'
            via, source = '"self"', f"{{ twilio = {{ {fields} }} }}"
        return f"[answerers.{profile}]\nvia = {via}\nsource = {source}"

    def declare(self, *profiles):
        rows = [
            f"{number},twilio,{profile},{text_of(self.target(profile))}\n"
            for number, profile in zip(NUMBERS, profiles, strict=False)
        ]
        header = "number,owner,answer_at,answer_to\n"
        (self.path.parent / "numbers" / "all.csv").write_text(header + "".join(rows))

    def images(self, *profiles):
        found = {}
        for profile in ("twilio", *profiles):
            with self.connect(profile) as provider:
                try:
                    found[profile] = text_of(provider.get_number(NUMBER).assignment)
                except telephony.NotFoundError:
                    found[profile] = None
        return found

    def texts(self):
        return parts(self.images()["twilio"])[1]


@pytest.fixture
def vendors(telephony_sandbox, tmp_path, monkeypatch):
    vendors = Vendors(telephony_sandbox, tmp_path)
    monkeypatch.setenv("TWILIO_TOKEN", vendors.twilio["auth_token"])
    return vendors


@pytest.fixture
def always_answered(telephony_sandbox):
    gaps = []

    def look(arrival):
        if telephony_sandbox.answerer(NUMBER) is None:
            gaps.append(arrival)

    def begin():
        telephony_sandbox._arrivals.on_response = look

    yield begin
    telephony_sandbox._arrivals.on_response = None
    assert gaps == []


@pytest.mark.parametrize(
    ("former", "to"), PAIRS if SOAK else [*RING, *((to, former) for former, to in RING)]
)
def test_it_is_answered_all_the_time(vendors, former, to, always_answered, telephony_sandbox):
    vendors.begin(former, to)
    with fleet.open(vendors.path, connect=vendors.connect) as opened:
        plan = opened.plan()
        assert plan.problems == ()
        assert opened.apply(plan).state is RunState.FINISHED
        before = vendors.images(former, to)
        assert telephony_sandbox.answerer(NUMBER).vendor == former
        always_answered()

        move = opened.move(NUMBER, to=to, target=text_of(vendors.target(to)))
        assert (move.state, move.reason) == (MoveState.MOVED, "")
        assert telephony_sandbox.answerer(NUMBER).vendor == to
        assert vendors.texts() == text_of(Webhook(None, TEXTS))
        vendors.declare(to)
        assert opened.plan().ops == ()
        assert opened.where(NUMBER)[0].path.split(" > ")[1] == to

        undone = opened.move_back()
        assert (undone.state, undone.reason) == (MoveState.ROLLED_BACK, "")
        assert telephony_sandbox.answerer(NUMBER).vendor == former
        assert vendors.images(former, to) == before | NOT_RELEASED.get(to, {})
        vendors.declare(former)
        assert opened.plan().ops == ()

        vendors.declare(to)
        assert opened.apply(opened.plan()).state is RunState.FINISHED
        assert telephony_sandbox.answerer(NUMBER).vendor == to
        assert vendors.texts() == text_of(Webhook(None, TEXTS))
        assert opened.plan().ops == ()


def carried(opened, to, target):
    """Move the number until that is ended; return how it ended."""
    for _ in range(6):
        with suppress(telephony.TelephonyError):
            move = opened.move(NUMBER, to=to, target=target)
            if move.ended:
                return move.state
    return None


@pytest.mark.parametrize(("former", "to"), PAIRS if SOAK else RING)
@pytest.mark.parametrize("kind", ["lost", "reset", "status"] if SOAK else ["lost"])
def test_a_fault_on_the_way_leaves_it_answered(
    telephony_sandbox, tmp_path, monkeypatch, always_answered, former, to, kind
):
    for skip in itertools.count(step=1 if SOAK else 4):
        telephony_sandbox._arrivals.on_response = None
        telephony_sandbox.reset()
        (tmp_path / str(skip)).mkdir()
        vendors = Vendors(telephony_sandbox, tmp_path / str(skip))
        monkeypatch.setenv("TWILIO_TOKEN", vendors.twilio["auth_token"])
        vendors.begin(former, to)
        with fleet.open(vendors.path, connect=vendors.connect) as opened:
            opened.apply(opened.plan())
            before = vendors.images(former, to)
            always_answered()
            telephony_sandbox.fail(Fault(kind=kind, status=500, times=1, skip=skip))

            state = carried(opened, to, text_of(vendors.target(to)))

            passed = bool(telephony_sandbox.faults())
            telephony_sandbox.heal()
            answerer, after = telephony_sandbox.answerer(NUMBER), vendors.images(former, to)
        if state is MoveState.MOVED:
            assert answerer.vendor == to
        else:
            assert state is MoveState.ROLLED_BACK
            assert after in (before, before | NOT_RELEASED.get(to, {}))
        assert not telephony_sandbox.ledger("twilio", "release")
        if passed:
            return


@pytest.mark.parametrize(("former", "to"), [("livekit", "vapi"), ("butter", "elevenlabs")])
def test_texts_that_nothing_answered_are_given_back_with_the_calls(vendors, former, to):
    vendors.begin(former, to, texts=None)
    with fleet.open(vendors.path, connect=vendors.connect) as opened:
        opened.apply(opened.plan())
        before = vendors.images(former, to)

        opened.move(NUMBER, to=to, target=text_of(vendors.target(to)))
        assert vendors.texts() != "-"

        assert opened.move_back().state is MoveState.ROLLED_BACK
    assert vendors.images(former, to) == before


def test_texts_that_somebody_has_routed_since_stay(vendors, telephony_sandbox):
    vendors.begin("cartesia", "elevenlabs")
    with fleet.open(vendors.path, connect=vendors.connect) as opened:
        opened.apply(opened.plan())
        opened.move(NUMBER, to="elevenlabs", target=text_of(vendors.target("elevenlabs")))
        with vendors.connect("twilio") as carrier:
            carrier.assign_number(NUMBER, Webhook(None, "https://example.com/newer"))

        assert opened.move_back().state is MoveState.ROLLED_BACK
    assert telephony_sandbox.answerer(NUMBER).vendor == "cartesia"
    assert vendors.texts() == text_of(Webhook(None, "https://example.com/newer"))


def test_a_number_that_a_vendor_cannot_remove_is_not_retired(vendors, telephony_sandbox):
    vendors.begin("butter", "livekit")
    with fleet.open(vendors.path, connect=vendors.connect) as opened:
        opened.apply(opened.plan())
        with pytest.raises(FleetError, match=r"butter cannot give .* dashboard"):
            opened.move(NUMBER, to="livekit", target="reception", retire=True)
    assert telephony_sandbox.answerer(NUMBER).vendor == "butter"


@pytest.mark.parametrize("seller", ["agentphone", "cartesia", "livekit", "retell", "vapi"])
def test_a_number_is_ordered_and_released_where_it_is_sold(vendors, seller, telephony_sandbox):
    folder, target = vendors.path.parent, text_of(vendors.target(seller))
    rows, header = folder / "numbers" / "all.csv", "number,owner,answer_at,answer_to,state"
    vendors.path.write_text(f'[fleet]\norders = ["orders.csv"]\n[owners.{seller}]\n')
    rows.write_text(f"{header}\n")
    (folder / "orders.csv").write_text(
        "order,owner,country,area_code,label,answer_at,answer_to\n"
        f"order-1,{seller},US,,,{seller},{target}\n"
    )
    with fleet.open(vendors.path, connect=vendors.connect) as opened:
        assert opened.apply(opened.plan(), buy=1).state is RunState.FINISHED
        (bought,) = telephony_sandbox.ledger(seller, "purchase")
        (place,) = opened.where()
        assert (place.owner.id, place.owner.assignment) == (bought.id, target)
        assert opened.plan().ops == ()

        rows.write_text(f"{header}\n{place.number},{seller},,,released\n")
        assert opened.apply(opened.plan(), release=1).state is RunState.FINISHED
        assert [one.id for one in telephony_sandbox.ledger(seller, "release")] == [bought.id]
        assert opened.plan().ops == ()


def test_what_is_there_is_dumped_as_it_is(vendors, tmp_path):
    vendors.begin(*ANSWERERS, numbers=len(ANSWERERS))
    with fleet.open(vendors.path, connect=vendors.connect) as opened:
        opened.apply(opened.plan())
        assert opened.where()[0].drift == ()
        places = [place.path for place in opened.where()]
    with ExitStack() as stack:
        profiles = ["twilio", *ANSWERERS]
        providers = {name: stack.enter_context(vendors.connect(name)) for name in profiles}
        sold = [providers[name].provision_number() for name in ("livekit", "retell")]
        fleet.dump(providers, tmp_path / "dumped")

    with fleet.open(tmp_path / "dumped" / "fleet.toml", connect=vendors.connect) as opened:
        plan = opened.plan()
        found = {place.number: place for place in opened.where()}
    assert (plan.ops, plan.problems) == ((), ())
    assert [found[number].path for number in NUMBERS] == places
    assert [found[number].owner.profile for number in NUMBERS] == ["twilio"] * len(NUMBERS)
    assert [found[one.number].owner.profile for one in sold] == ["livekit", "retell"]
    assert {number: found[number].drift for number in NUMBERS if found[number].drift} == {}
