"""Vendors in memory, written from what each verb is documented to do.

Calls to a number come to its carrier. `Exchange` is a carrier, whose numbers show what Twilio's
do; `Wired` writes the carrier's routing whenever it is assigned a number; `Trunked` is reached
through one trunk; `Own` sells numbers and answers them itself.
"""

from __future__ import annotations

from typing import ClassVar

from telephony import Agent, Application, Split, Trunk, Webhook
from telephony.capabilities import Capability
from telephony.fleet.planning.ops import Holding, Op, Snapshot, Verb
from telephony.fleet.planning.plan import Offer
from telephony.fleet.targets import UNCOVERED, target_of, text_of
from telephony.idempotency import key_digest

SOURCES = frozenset({"linked_carrier", "sip_trunk"})


class ChangedError(Exception):
    """The vendor's value is neither the one that was read nor the one that is wanted."""


class Entry:
    """A number as one vendor holds it."""

    def __init__(self, identifier, label=None, assignment=None, mark=None):
        self.id = identifier
        self.label = label
        self.assignment = assignment
        self.mark = mark
        self.kept = None  # a carrier's URL for calls, beneath a trunk or an application

    def state(self):
        return (self.label, self.assignment, self.mark)


class Vendor:
    """What all of them do alike."""

    kinds = frozenset({"agent"})
    ingress: ClassVar = {}
    lacks = frozenset({Capability.PROVISION_NUMBER})

    def __init__(self, name, *, shared=False, lacks=frozenset()):
        self.name = name
        self.shared = shared
        self.lacks = frozenset(self.lacks | lacks)
        self.held: dict[str, Entry] = {}
        self.world: World

    def offer(self):
        return Offer(
            profile=self.name,
            vendor=self.name.title(),
            account=f"account of {self.name}",
            capabilities=frozenset(set(Capability) - self.lacks),
            instead=dict.fromkeys(self.lacks, "Use its dashboard."),
            targets=self.kinds,
            sources=SOURCES if Capability.IMPORT_NUMBER not in self.lacks else frozenset(),
            ingress=self.ingress,
            shared=self.shared,
            target=self.word,
        )

    def word(self, text):
        return Agent(text)

    def holdings(self):
        for number, entry in self.held.items():
            yield Holding(
                profile=self.name,
                id=entry.id,
                number=number,
                label=entry.label,
                assignment=self.read(number),
                mark=entry.mark,
            )

    def read(self, number):
        return text_of(self.held[number].assignment)

    def assign(self, number, target):
        self.held[number].assignment = target

    def release(self, number):
        del self.held[number]

    def answers(self, number):
        return number in self.held and self.held[number].assignment is not None


class Own(Vendor):
    lacks = frozenset({Capability.IMPORT_NUMBER})


class Trunked(Vendor):
    ingress: ClassVar = {"sip_trunk": "pointed"}


class Wired(Vendor):
    ingress: ClassVar = {"twilio": "self_wired"}

    @property
    def url(self):
        return f"https://{self.name}.example/voice"

    def assign(self, number, target):
        super().assign(number, target)
        if target is not None:
            self.world.point(number, self.url)

    def release(self, number):
        super().release(number)
        # It cleans up what it wrote, where that still stands.
        self.world.point(number, None, instead_of=self.url)


class Exchange(Vendor):
    """A carrier: it keeps apart what answers calls and what answers texts, and shows less."""

    kinds = frozenset({"webhook", "trunk", "application", "split"})
    lacks = frozenset({Capability.IMPORT_NUMBER})

    def word(self, text):
        return Webhook(text) if text.startswith("https:") else Application(text)

    def read(self, number):
        calls, texts = self.held[number].assignment or (None, None)
        if isinstance(calls, Webhook | None) and isinstance(texts, Webhook | None):
            both = Webhook(calls and calls.voice_url, texts and texts.sms_url)
            return text_of(None if both == Webhook() else both)
        alone = calls == texts or (isinstance(calls, Trunk) and texts is None)
        return text_of(calls if alone else Split(calls, texts))

    def assign(self, number, target):
        calls, texts = self.held[number].assignment or (None, None)
        match target:
            case None:
                calls = texts = None
            case Split(voice=voice, sms=sms):
                calls, texts = voice, sms
            case Webhook(voice_url=voice_url, sms_url=sms_url):
                calls = Webhook(voice_url) if voice_url else calls
                texts = Webhook(None, sms_url) if sms_url else texts
            case Application():
                calls = texts = target
            case Trunk():
                calls = target
        self.held[number].assignment = None if calls is texts is None else (calls, texts)

    def uncover(self, number):
        """Take a trunk or an application off what the number keeps beneath it."""
        entry = self.held[number]
        calls, texts = entry.assignment or (None, None)
        if isinstance(calls, Trunk | Application):
            assert entry.kept is not None
            entry.assignment, entry.kept = (Webhook(entry.kept), texts), None

    def answers(self, number):
        calls, _ = (self.held[number].assignment if number in self.held else None) or (None, None)
        match calls:
            case None:
                return False
            case Webhook(voice_url=url):
                wired = [one for one in self.world.vendors.values() if isinstance(one, Wired)]
                return all(one.answers(number) for one in wired if one.url == url)
            case Trunk(id=trunk):
                return all(
                    self.world.vendors[name].answers(number)
                    for name, via in self.world.trunks.items()
                    if via == trunk
                )
        return True


class World:
    """All vendors, and who is really called."""

    def __init__(self, vendors, trunks):
        self.vendors: dict[str, Vendor] = {vendor.name: vendor for vendor in vendors}
        for vendor in vendors:
            vendor.world = self
        self.trunks = trunks
        self.purchases: list[str] = []
        self.released: list[tuple[str, str]] = []

    @property
    def offers(self):
        return {name: vendor.offer() for name, vendor in self.vendors.items()}

    def snapshot(self):
        holdings = [one for vendor in self.vendors.values() for one in vendor.holdings()]
        return Snapshot(holdings=tuple(holdings), unreadable={}, previous={})

    def state(self):
        return {
            (name, number): entry.state()
            for name, vendor in self.vendors.items()
            for number, entry in vendor.held.items()
        }

    def numbers(self):
        return {number for vendor in self.vendors.values() for number in vendor.held}

    def point(self, number, url, *, instead_of=None):
        """Write at the carrier that holds a number where its calls go."""
        for vendor in self.vendors.values():
            if isinstance(vendor, Exchange) and number in vendor.held:
                entry = vendor.held[number]
                calls, texts = entry.assignment or (None, None)
                if isinstance(calls, Trunk | Application):
                    if instead_of in (None, entry.kept):
                        entry.kept = url
                elif instead_of is None or calls == Webhook(instead_of):
                    calls = Webhook(url) if url else None
                    entry.assignment = None if calls is texts is None else (calls, texts)

    def is_answered(self, number):
        """Return whether somebody answers calls; of a carrier elsewhere nothing is known."""
        carriers = [
            vendor
            for vendor in self.vendors.values()
            if isinstance(vendor, Exchange | Own) and number in vendor.held
        ]
        asked = carriers or self.vendors.values()
        return any(vendor.answers(number) for vendor in asked)

    # --- Operations ------------------------------------------------------------------------------

    def apply(self, op: Op, bought: dict[str, str]):
        """Do one operation as an executor does: what was read must still be there."""
        vendor = self.vendors[op.profile]
        if op.verb is Verb.BUY:
            bought[op.lane] = self._buy(vendor, op)
            return
        number = op.number or bought[op.lane]
        if op.verb is Verb.IMPORT:
            if number not in vendor.held:
                vendor.held[number] = Entry(f"{op.profile}-{number}")
                if op.after is not None:
                    vendor.assign(number, target_of(op.after))
            return
        if op.verb is Verb.CHECK:
            if _calls(vendor.read(number)) != _calls(op.after):
                raise ChangedError(op.id, vendor.read(number))
            return
        if op.verb in {Verb.DETACH, Verb.RELEASE}:
            if number in vendor.held:
                self._expect(vendor, number, op)
                vendor.release(number)
                self.released.append((op.profile, number))
            return
        if op.verb is Verb.LABEL:
            vendor.held[number].label = op.after
            return
        self._expect(vendor, number, op)
        if op.after == UNCOVERED:
            vendor.uncover(number)
        else:
            vendor.assign(number, target_of(op.after))

    def _expect(self, vendor, number, op):
        read = vendor.read(number)
        if op.before is not None and read != op.before:
            raise ChangedError(op.id, read)

    def _buy(self, vendor, op):
        mark = key_digest(op.order)
        for number, entry in vendor.held.items():
            if entry.mark == mark:
                return number
        number = f"+1650555{len(self.purchases) + 1000:04}"
        self.purchases.append(op.order)
        # Fresh numbers of a carrier answer with its own greeting.
        greeting = (
            Webhook("https://demo.example/voice"),
            Webhook(None, "https://demo.example/sms"),
        )
        first = greeting if isinstance(vendor, Exchange) else None
        vendor.held[number] = Entry(f"{op.profile}-{number}", assignment=first, mark=mark)
        return number


def _calls(text):
    """Return what answers calls, in the words of targets alone."""
    target = target_of(text)
    match target:
        case Split(voice=voice):
            return voice
        case Webhook(voice_url=url):
            return url and Webhook(url)
    return target
