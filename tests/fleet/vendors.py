"""Vendors in memory, written from what each verb is documented to do.

Calls to a number come to its carrier. `Exchange` is a carrier, whose numbers show what Twilio's
do; `Wired` writes the carrier's routing whenever it is assigned a number; `Pointed` is reached
where its carrier routes calls to; `Own` sells numbers and answers them itself.

What they hold is changed by operations of a plan (`World.apply`), or as providers do
(`World.call`).
"""

from __future__ import annotations

from typing import ClassVar

from telephony import Agent, Application, PhoneNumber, Split, Trunk, Webhook
from telephony.capabilities import Capability
from telephony.errors import ConflictError, InvalidRequestError, NotFoundError
from telephony.fleet.applying.steps import Call
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

    def __repr__(self):
        return self.name

    def holds(self):
        kept = {number: entry.kept for number, entry in self.held.items() if entry.kept}
        return {number: self.read(number) for number in self.held} | {"kept": kept}

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

    # --- As providers ----------------------------------------------------------------------------

    def found(self, ref):
        for number, entry in self.held.items():
            if ref in (number, entry.id):
                return number
        raise NotFoundError(f"{self.name} holds no {ref}")

    def get_number(self, number):
        found = self.found(number)
        entry = self.held[found]
        return PhoneNumber(
            id=entry.id,
            number=found,
            provider=self.name,
            label=entry.label,
            assignment=target_of(self.read(found)),
            overruled=entry.kept and Webhook(entry.kept),
        )

    def import_number(self, number, source, assign_to):
        assert source is None or source.kind in SOURCES
        if number in self.held:
            raise ConflictError(f"{self.name} holds {number} already")
        self.held[number] = Entry(f"{self.name}-{number}")
        if assign_to is not None:
            self.assign(number, assign_to)
        return self.get_number(number)

    def assign_number(self, number, to):
        found = self.found(number)
        self.assign(found, to)
        return self.get_number(found)

    def unassign_number(self, number):
        found = self.found(number)
        self.assign(found, None)
        return self.get_number(found)

    def release_number(self, number, unassign):
        assert unassign
        found = self.found(number)
        self.assign(found, None)
        self.release(found)
        self.world.released.append((self.name, found))


class Own(Vendor):
    lacks = frozenset({Capability.IMPORT_NUMBER})


class Pointed(Vendor):
    ingress: ClassVar = {"sip_trunk": "pointed"}


class Wired(Vendor):
    """It writes its URL, or its trunk, at the carrier.

    Args:
        trunk: the one that it writes, instead of a URL.
        careless: whether it cleans up whatever is there, and not only what it wrote.
        at_once: whether it cleans up when a number is unassigned, and not only when released.
    """

    ingress: ClassVar = {"twilio": "self_wired"}

    def __init__(self, name, *, trunk=None, careless=False, at_once=False, **more):
        super().__init__(name, **more)
        self.careless = careless
        self.at_once = at_once
        self.route = Trunk(trunk) if trunk else Webhook(f"https://{name}.example/voice")

    def __repr__(self):
        how = [*(["careless"] if self.careless else []), *(["at once"] if self.at_once else [])]
        return f"{self.name} writing {text_of(self.route)} {' '.join(how)}"

    def assign(self, number, target):
        super().assign(number, target)
        if target is not None:
            self.world.point(number, self.route)
        elif self.at_once:
            self._clean_up(number)

    def release(self, number):
        super().release(number)
        self._clean_up(number)

    def import_number(self, number, source, assign_to):
        if self.world.carrier_of(number) is None:
            raise InvalidRequestError(f"The linked carrier has no {number}")
        return super().import_number(number, source, assign_to)

    def _clean_up(self, number):
        self.world.unpoint(number, self.route, whatever=self.careless)


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
                self.held[number].kept = None
            case Split(voice=voice, sms=sms):
                self._call(number, voice)
                calls, texts = voice, sms
            case Webhook(voice_url=voice_url, sms_url=sms_url):
                if voice_url:
                    self._call(number, Webhook(voice_url))
                calls = Webhook(voice_url) if voice_url else calls
                texts = Webhook(None, sms_url) if sms_url else texts
            case Application():
                self._call(number, target)
                calls = texts = target
            case Trunk():
                self._call(number, target)
                calls = target
        self.held[number].assignment = None if calls is texts is None else (calls, texts)

    def _call(self, number, calls):
        """Keep the number's URL for calls beneath a trunk or an application."""
        entry = self.held[number]
        now, _ = entry.assignment or (None, None)
        if not isinstance(calls, Trunk | Application):
            entry.kept = None
        elif isinstance(now, Webhook):
            entry.kept = now.voice_url

    def uncover(self, number, seen):
        """Take a trunk or an application off what the number keeps beneath it, if still there."""
        entry = self.held[number]
        calls, texts = entry.assignment or (None, None)
        if text_of(calls) == seen:
            assert entry.kept is not None
            entry.assignment, entry.kept = (Webhook(entry.kept), texts), None

    def answers(self, number):
        calls, _ = (self.held[number].assignment if number in self.held else None) or (None, None)
        if calls is None:
            return False
        return all(
            self.world.vendors[name].answers(number)
            for name, route in self.world.routes.items()
            if route == calls
        )


class World:
    """All vendors, and who is really called.

    Attributes:
        routes: what leads calls at a carrier to a vendor; who is behind others answers.
    """

    def __init__(self, vendors, routes):
        self.vendors: dict[str, Vendor] = {vendor.name: vendor for vendor in vendors}
        for vendor in vendors:
            vendor.world = self
        self.routes = dict(routes)
        self.routes |= {one.name: one.route for one in vendors if isinstance(one, Wired)}
        self.purchases: list[str] = []
        self.released: list[tuple[str, str]] = []

    def __repr__(self):
        lines = [f"{vendor!r} {vendor.holds()}" for vendor in self.vendors.values() if vendor.held]
        return "\n".join(["World", *lines])

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

    def carrier_of(self, number):
        """Return what the carrier that holds a number has of it."""
        for vendor in self.vendors.values():
            if isinstance(vendor, Exchange) and number in vendor.held:
                return vendor.held[number]
        return None

    def point(self, number, route):
        """Write at the carrier that holds a number where its calls go: its trunk, or its URL."""
        entry = self.carrier_of(number)
        if entry is None:
            return
        calls, texts = entry.assignment or (None, None)
        if isinstance(route, Trunk):
            entry.kept = calls.voice_url if isinstance(calls, Webhook) else entry.kept
            entry.assignment = route, texts
        elif isinstance(calls, Trunk | Application):
            entry.kept = route.voice_url
        else:
            entry.assignment = route, texts

    def unpoint(self, number, route, *, whatever):
        """Clear a trunk or a URL at the carrier, or whatever trunk or URL is there."""
        entry = self.carrier_of(number)
        if entry is None:
            return
        calls, texts = entry.assignment or (None, None)
        if calls == route or (whatever and isinstance(calls, type(route))):
            calls = Webhook(entry.kept) if entry.kept else None
            entry.kept = None
        elif isinstance(route, Webhook) and (whatever or entry.kept == route.voice_url):
            entry.kept = None
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

    def call(self, call: Call):
        """Do what a provider's method does."""
        return getattr(self.vendors[call.profile], call.operation)(**call.arguments)

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
        if op.after == UNCOVERED:
            vendor.uncover(number, op.before)
            return
        self._expect(vendor, number, op)
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
