"""What the files of a fleet declare. Empty texts are left alone; ``-`` means nothing."""

from __future__ import annotations

from msgspec import Struct

from telephony.fleet.declared.policy import Policy

ROW_COLUMNS = ("number", "owner", "label", "answer_at", "answer_to", "sms_to", "state")
ORDER_COLUMNS = ("order", "owner", "country", "area_code", "label", "answer_at", "answer_to")


class Row(Struct, frozen=True, gc=False):
    """A line of a file of numbers.

    Attributes:
        number: E.164.
        owner: the profile that holds it at its carrier; empty: none of the fleet's.
        label: its display name there.
        answer_at: the profile that answers its calls; ``-``: none.
        answer_to: the target there, as written; ``-``: nothing.
        sms_to: what answers its texts at the owner, as written; ``-``: nothing.
        released: whether it is to be released.
    """

    number: str
    owner: str = ""
    label: str = ""
    answer_at: str = ""
    answer_to: str = ""
    sms_to: str = ""
    released: bool = False


class Order(Struct, frozen=True, gc=False):
    """A line of a file of orders: a number to buy, once.

    Attributes:
        order: its id, which is the purchase's idempotency key.
        owner: the profile that buys it.
        country: ISO 3166 code.
        area_code: digits; empty: any.
        label: as in `Row`.
        answer_at: as in `Row`.
        answer_to: as in `Row`.
    """

    order: str
    owner: str
    country: str
    area_code: str = ""
    label: str = ""
    answer_at: str = ""
    answer_to: str = ""


class Declared(Struct, frozen=True):
    """A whole fleet, as its files declare it: no number and no order twice."""

    policy: Policy
    rows: tuple[Row, ...] = ()
    orders: tuple[Order, ...] = ()
