"""The files that declare a fleet as it is: a plan made of them has nothing to do.

What owns a number and what answers it is guessed from what the vendors say. A number of which the
guess is not how things are, such as one that two vendors answer, is declared with its owner alone.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from msgspec.structs import replace

from telephony.capabilities import Capability
from telephony.fleet.declared.files import csv_of
from telephony.fleet.declared.lines import quoted, text
from telephony.fleet.declared.model import Declared, Row
from telephony.fleet.declared.policy import SELF, Answerer, Owner, Policy
from telephony.fleet.declared.rows import is_label
from telephony.fleet.errors import FleetError
from telephony.fleet.planning.diff import plan
from telephony.fleet.planning.ops import Holding, Snapshot
from telephony.fleet.planning.plan import Offer
from telephony.fleet.targets import NOTHING, parts, target_of
from telephony.model import Ingress, Webhook
from telephony.numbers import is_e164

_ANSWERS = frozenset({"agent", "room"})
_ROUTES = ("trunk", "webhook", "application")


def dump(snapshot: Snapshot, offers: Mapping[str, Offer]) -> Mapping[str, str]:
    """Return the contents of files by their paths: fleet.toml and ``numbers/*.csv``.

    Raises:
        FleetError: a profile could not be read, so that its numbers would be left out.
    """
    if snapshot.unreadable:
        said = ". ".join(f"{name}: {why}" for name, why in sorted(snapshot.unreadable.items()))
        raise FleetError(f"Nothing was written, as not every profile could be read. {said}.")
    held: defaultdict[str, list[Holding]] = defaultdict(list)
    for holding in sorted(snapshot.holdings, key=lambda one: (one.profile, one.id)):
        if is_e164(holding.number):
            held[holding.number].append(holding)
    owned = {number: (_owner(one, offers), one) for number, one in held.items()}
    rows = [_row(owner, one) for owner, one in owned.values()]
    policy = _policy(rows, owned, offers)
    # Twice: first with its owner alone, then, where that is wrong too, not at all.
    for weaker in (_owner_alone, None):
        made = plan(Declared(policy, tuple(rows)), snapshot, offers)
        wrong = {op.number for op in made.ops} | {one.number for one in made.problems}
        changed = (row if row.number not in wrong else weaker and weaker(row) for row in rows)
        rows = [row for row in changed if row]
    files: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        files[f"numbers/{re.sub('[^A-Za-z0-9._-]', '-', row.owner)}.csv"].append(row)
    written = {path: csv_of(found) for path, found in sorted(files.items())}
    return {"fleet.toml": _toml(policy, offers), **(written or {"numbers/none.csv": csv_of(())})}


def _owner(holdings: Sequence[Holding], offers: Mapping[str, Offer]) -> Holding:
    """Return the holding of who holds a number at its carrier, as far as the vendors say."""
    accounts = {one.carrier for one in holdings if one.carrier}

    def likeliness(one: Holding) -> tuple[bool, bool, bool, bool, str]:
        offer = offers[one.profile]
        return (
            offer.account not in accounts,
            not _ANSWERS.isdisjoint(offer.targets),
            Capability.IMPORT_NUMBER in offer.capabilities,
            one.carrier is not None or Capability.PROVISION_NUMBER not in offer.capabilities,
            one.profile,
        )

    return min(holdings, key=likeliness)


def _row(owner: Holding, holdings: Sequence[Holding]) -> Row:
    others = [one for one in holdings if one is not owner]
    answering = [one for one in others if one.assignment != NOTHING]
    calls, texts = parts(owner.assignment)
    if not others:
        at, to = (owner.profile, calls) if calls != NOTHING else ("", "")
    elif len(answering) == 1:
        at, to = answering[0].profile, answering[0].assignment
    else:
        at = to = ""
    label = (owner.label or "").strip()
    with_calls = texts in (NOTHING, calls) or (bool(answering) and _has_one_host(owner))
    return Row(
        number=owner.number,
        owner=owner.profile,
        label=label if is_label(label) else "",
        answer_at=at,
        answer_to=to,
        sms_to="" if with_calls else _texts(texts),
    )


def _texts(texts: str) -> str:
    target = target_of(texts)
    return f"webhook:{target.sms_url}" if isinstance(target, Webhook) else texts


def _has_one_host(owner: Holding) -> bool:
    """Return whether one host gets calls and texts: who answers the calls wrote both URLs."""
    target = target_of(owner.assignment)
    return (
        isinstance(target, Webhook)
        and target.voice_url is not None
        and target.sms_url is not None
        and urlsplit(target.voice_url).hostname == urlsplit(target.sms_url).hostname
    )


def _owner_alone(row: Row) -> Row:
    return replace(row, answer_at="", answer_to="", sms_to="")


def _policy(
    rows: Iterable[Row],
    owned: Mapping[str, tuple[Holding, Sequence[Holding]]],
    offers: Mapping[str, Offer],
) -> Policy:
    routes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        if row.answer_at not in ("", row.owner):
            routes[row.answer_at][parts(owned[row.number][0].assignment)[0]] += 1
    owners = sorted({row.owner for row in rows})
    held = {one.profile for _, holdings in owned.values() for one in holdings}
    return Policy(
        owners={profile: Owner() for profile in owners},
        answerers={
            profile: Answerer.model_construct(via=_via(offers[profile], routes[profile]))
            for profile in sorted(held - set(owners) | routes.keys())
        },
    )


def _via(offer: Offer, routes: Counter[str]) -> str | None:
    """Return how calls get to an answerer, from where its numbers' owners send them."""
    most = max(sorted(routes), key=lambda route: routes[route], default=NOTHING)
    wired = Ingress.SELF_WIRED in offer.ingress.values()
    if wired and not most.startswith("trunk:"):
        return SELF
    pointed = Ingress.POINTED in offer.ingress.values() and most.startswith(
        tuple(f"{kind}:" for kind in _ROUTES)
    )
    return most if pointed else None


def _toml(policy: Policy, offers: Mapping[str, Offer]) -> str:
    return "\n".join(
        [
            "# Who holds numbers, and who answers them: names are profiles of telephony.toml.",
            "[fleet]",
            f"state = {text(policy.fleet.state)}",
            f"numbers = {json.dumps(policy.fleet.numbers)}",
            *(f"\n[owners.{quoted(profile)}]" for profile in policy.owners),
            *(
                line
                for profile, answerer in policy.answerers.items()
                for line in _answerer(profile, answerer, offers[profile])
            ),
            "",
        ]
    )


def _answerer(profile: str, answerer: Answerer, offer: Offer) -> Iterator[str]:
    yield f"\n[answerers.{quoted(profile)}]"
    if answerer.via == SELF:
        yield f'via = "{SELF}"'
    elif answerer.via is not None:
        kind, _, value = answerer.via.partition(":")
        yield f"via = {{ {kind} = {text(value)} }}"
    if offer.sources:
        yield f"# source: where numbers are imported from ({', '.join(sorted(offer.sources))})"
