"""Buy one number for an order, however often this runs, fails or is killed.

    python examples/buy_once.py order-17 --provider twilio --area-code 415

Run it again with the same order: it prints the same number and buys nothing. LiveKit sells only
exact numbers: choose one with `telephony numbers search`, and give it as --number.
"""

import argparse
import sqlite3
import sys
from contextlib import closing
from dataclasses import dataclass

import telephony

SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    name TEXT PRIMARY KEY, provider TEXT NOT NULL, area_code TEXT, number TEXT, bought TEXT
)
"""
MINUTE = 60.0


@dataclass(frozen=True)
class Order:
    """What to buy, decided once, before the first request; and the id of what was bought."""

    name: str
    provider: str
    area_code: str | None
    number: str | None
    bought: str | None


def opened(path: str) -> sqlite3.Connection:
    """Return the orders, in a file that survives this process."""
    orders = sqlite3.connect(path, timeout=5 * MINUTE, isolation_level=None)
    orders.execute(SCHEMA)
    return orders


def buy(orders: sqlite3.Connection, wanted: Order) -> telephony.PhoneNumber:
    """Return the number of an order, bought now or by an earlier run."""
    orders.execute(
        "INSERT OR IGNORE INTO orders (name, provider, area_code, number) VALUES (?, ?, ?, ?)",
        (wanted.name, wanted.provider, wanted.area_code, wanted.number),
    )
    # One buyer at a time: two calls at once could both find that nothing was bought yet. If this
    # process is killed, the system frees its lock.
    orders.execute("BEGIN IMMEDIATE")
    found = orders.execute("SELECT * FROM orders WHERE name = ?", (wanted.name,))
    order = Order(*found.fetchone())
    with telephony.connect(order.provider) as provider:
        if order.bought is not None:
            orders.execute("COMMIT")
            return provider.get_number(order.bought)
        number = provider.provision_number(
            number=order.number,
            area_code=order.area_code,
            idempotency_key=order.name,  # kept by the vendor: a later run finds what this one buys
        )
        orders.execute("UPDATE orders SET bought = ? WHERE name = ?", (number.id, order.name))
        orders.execute("COMMIT")
        return number


def main() -> None:
    """Buy, and print the number."""
    arguments = argparse.ArgumentParser(description="Buy one number for an order.")
    arguments.add_argument("order", help="its name, which is never used for another purchase")
    arguments.add_argument("--provider", required=True, help="an adapter, or a profile")
    arguments.add_argument("--area-code")
    arguments.add_argument("--number", help="exactly this one, E.164")
    arguments.add_argument("--orders", default="orders.sqlite", help="the file of all orders")
    given = arguments.parse_args()
    wanted = Order(given.order, given.provider, given.area_code, given.number, None)
    try:
        with closing(opened(given.orders)) as orders:
            number = buy(orders, wanted)
    except telephony.OutcomeUnknownError as error:
        sys.exit(f"{error}\nIt may be bought. Run this again in a minute: it looks before it buys.")
    except telephony.TelephonyError as error:
        sys.exit(f"{error}\nThis run bought nothing.")
    print(number.number or f"{number.id}: not active yet, run this again in a minute")


if __name__ == "__main__":
    main()
