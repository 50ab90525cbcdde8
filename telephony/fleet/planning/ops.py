"""What planning reads and makes: holdings, a snapshot of them, operations and the plan.

Everything here is narrow and made of text, so that hundreds of thousands fit into memory and into a
journal. A target is text too (`telephony.fleet.targets`): ``-`` means that nothing answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct


class Verb(StrEnum):
    """What an operation does, in the order in which a lane does them: make before break."""

    BUY = "buy"
    LABEL = "label"
    IMPORT = "import"
    ASSIGN = "assign"
    ROUTE = "route"
    CHECK = "check"
    UNASSIGN = "unassign"
    DETACH = "detach"
    RELEASE = "release"


class Holding(Struct, frozen=True, kw_only=True, gc=False):
    """A number as one profile holds it.

    Attributes:
        profile: where it was read.
        id: the vendor's id of it there.
        number: E.164.
        label: its display name there.
        assignment: the target that answers it there, as text; ``-`` where nothing does.
        carrier: the account at the carrier that it comes from, where the vendor names one.
        mark: the stored form of the idempotency key it was bought with, where one is found.
    """

    profile: str
    id: str
    number: str
    label: str | None = None
    assignment: str = "-"
    carrier: str | None = None
    mark: str | None = None


class Snapshot(Struct, frozen=True, kw_only=True):
    """What every profile holds.

    Attributes:
        holdings: all of them, of the profiles that could be read.
        unreadable: why a profile could not be read, by profile.
        previous: how many numbers the last complete listing of each profile had.
        bought: the numbers that orders have bought, by order: what the journal knows, as some
            vendors keep no mark.
        wired: by number, what it read as at its owner after the vendor that answers it had last
            written its routing: what the journal knows.
        protected: the numbers that were protected when the last plan was made.
        basis: the id of the last run; empty where there was none.
    """

    holdings: tuple[Holding, ...]
    unreadable: Mapping[str, str]
    previous: Mapping[str, int]
    bought: Mapping[str, str] = {}
    wired: Mapping[str, str] = {}
    protected: frozenset[str] = frozenset()
    basis: str = ""


class Op(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One change at one vendor, or one check.

    Attributes:
        id: unique in its plan, the same for the same change: ``label/+14155550100@carrier``.
        verb: what it does.
        profile: where it is sent.
        lane: operations of one lane follow each other; lanes do not wait for each other.
        number: E.164; empty while it is to be bought.
        holding: the vendor's id of the number there; None where it is not held there yet.
        before: the label or target that was read; None: whatever it is then.
        after: the label or target that is wanted; of a check, None: whatever there is; of an
            import, what it is assigned to from the start; of an assignment that equals `before`,
            what is written again, so that the vendor routes the number again.
        order: the order that a purchase is for; it is the idempotency key.
        source: the answerer whose declared source a number is imported from.
        country: of a purchase.
        area_code: of a purchase.
    """

    id: str
    verb: Verb
    profile: str
    lane: str
    number: str = ""
    holding: str | None = None
    before: str | None = None
    after: str | None = None
    order: str | None = None
    source: str | None = None
    country: str | None = None
    area_code: str | None = None
