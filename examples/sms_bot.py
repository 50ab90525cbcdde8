"""A bot that takes bookings by text: one conversation for each person, kept in SQLite.

    uvicorn --app-dir examples sms_bot:app --port 8000

Its webhooks arrive at /webhooks/agentphone and /webhooks/twilio. SMS_BOT_PROVIDERS names other
profiles, SMS_BOT_DATABASE another file. Stop and start it as you like: conversations go on.
"""

import os
import sqlite3
from contextlib import closing

import telephony
from telephony import webhooks

PROVIDERS = os.environ.get("SMS_BOT_PROVIDERS", "agentphone twilio").split()
DATABASE = os.environ.get("SMS_BOT_DATABASE", "sms_bot.sqlite")
REPLIES = (
    "Hello! What is your name?",
    "Thank you, {1}. For which day?",
    "And at what time?",
    "Booked: {1}, {2} at {3}. Text again for another table.",
)
SCHEMA = """
CREATE TABLE IF NOT EXISTS texts (
    event TEXT PRIMARY KEY, number TEXT NOT NULL, person TEXT NOT NULL,
    body TEXT NOT NULL, reply TEXT
)
"""
# Carriers answer these words themselves; a reply to them would break their rules.
CARRIERS_OWN = {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "START", "HELP"}


def handle(event: webhooks.Event) -> webhooks.HandlerResult:
    """Reply to a text."""
    if not isinstance(event, webhooks.MessageReceived):
        return None
    message = event.message
    if message.sender is None or message.body.strip().upper() in CARRIERS_OWN:
        return None
    with closing(sqlite3.connect(DATABASE, timeout=30)) as texts, texts:
        return webhooks.Reply(reply_to(texts, webhooks.key_of(event), message))


def reply_to(texts: sqlite3.Connection, event: str, message: telephony.Message) -> str:
    """Return the reply to a text, in one transaction with keeping the text."""
    texts.execute(SCHEMA)
    conversation = (message.number, message.sender)
    kept = texts.execute(
        "INSERT OR IGNORE INTO texts (event, number, person, body) VALUES (?, ?, ?, ?)",
        (event, *conversation, message.body),
    )
    if not kept.rowcount:
        # It was handled, but the process ended before it could tell the vendor.
        found = texts.execute("SELECT reply FROM texts WHERE event = ?", (event,))
        return str(found.fetchone()[0])
    said = texts.execute(
        "SELECT body FROM texts WHERE number = ? AND person = ? ORDER BY rowid", conversation
    ).fetchall()
    nth = (len(said) - 1) % len(REPLIES)
    answers = [body for (body,) in said[len(said) - 1 - nth :]]
    reply = REPLIES[nth].format(*answers)
    texts.execute("UPDATE texts SET reply = ? WHERE event = ?", (reply, event))
    return reply


app = webhooks.asgi(
    map(telephony.connect, PROVIDERS),
    handle,
    # Shared by all workers of uvicorn: `--workers 4` handles each text once, too.
    store=webhooks.SQLiteStore(f"{DATABASE}.events"),
)
