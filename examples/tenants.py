r"""Several customers in one process, each with accounts, numbers and webhooks of their own.

    uvicorn --app-dir examples tenants:app --port 8000

    curl -X PUT http://127.0.0.1:8000/tenants/acme -H 'content-type: application/json' \
        -d '{"adapter": "twilio", "settings": {"account_sid": "AC…", "auth_token": "…"}}'

PUT registers a tenant or changes its keys, GET /tenants/acme/numbers lists its numbers, and its
vendor's webhooks arrive at /webhooks/tenant-acme. Keep the file of TENANTS_DATABASE as safe as the
keys that are in it, and let only your own services reach /tenants.
"""

import json
import os
import sqlite3
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from typing import Annotated

from fastapi import FastAPI, HTTPException, Path
from pydantic import BaseModel, Field
from starlette.types import ASGIApp, Receive, Scope, Send

import telephony
from telephony import registry, webhooks

DATABASE = os.environ.get("TENANTS_DATABASE", "tenants.sqlite")
Name = Annotated[str, Path(pattern="^[a-z0-9-]+$")]
SCHEMA = "CREATE TABLE IF NOT EXISTS tenants (name TEXT PRIMARY KEY, adapter TEXT, settings TEXT)"


class Tenant(BaseModel):
    """The account of a customer."""

    adapter: str
    settings: dict[str, str] = Field(repr=False)


class Tenants:
    """The tenants that are connected, by name."""

    def __init__(self) -> None:
        self.providers: dict[str, telephony.AsyncProvider] = {}
        self.received: defaultdict[str, list[telephony.Message]] = defaultdict(list)
        self._endpoints: dict[str, ASGIApp] = {}
        self._store = webhooks.SQLiteStore(f"{DATABASE}.events")
        self._none = webhooks.asgi([], self.handle)

    async def connect(self, name: str, tenant: Tenant) -> None:
        """Connect a tenant, replacing a former connection.

        Raises:
            ConfigurationError: its settings are wrong or incomplete.
        """
        # Without one of these, telephony would take those of the environment, our own account's.
        account = registry.load(tenant.adapter).Settings.account
        if not any(tenant.settings.get(setting, "").strip() for setting in account):
            raise telephony.ConfigurationError(f"Give the tenant's own {' or '.join(account)}.")
        # For a profile called "twilio", TELEPHONY_TWILIO_… would be settings, and may be ours.
        called = f"tenant-{name}"
        provider = telephony.connect_async(called, adapter=tenant.adapter, settings=tenant.settings)
        self._endpoints[called] = webhooks.asgi(
            [provider], self.handle, path="/{provider}", store=self._store
        )
        former, self.providers[name] = self.providers.get(name), provider
        if former is not None:
            await former.close()

    async def handle(self, event: webhooks.Event) -> webhooks.HandlerResult:
        """Keep a text where only its tenant finds it."""
        if isinstance(event, webhooks.MessageReceived):
            self.received[event.provider.removeprefix("tenant-")].append(event.message)
        return None

    async def webhook(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a webhook to its tenant, whose secret must have signed it."""
        called = scope["path"].rpartition("/")[2]
        await self._endpoints.get(called, self._none)(scope, receive, send)


tenants = Tenants()


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Connect every tenant at the start, and close the connections at the end."""
    with closing(sqlite3.connect(DATABASE)) as database:
        database.execute(SCHEMA)
        rows = database.execute("SELECT name, adapter, settings FROM tenants").fetchall()
    for name, adapter, settings in rows:
        await tenants.connect(name, Tenant(adapter=adapter, settings=json.loads(settings)))
    yield
    for provider in tenants.providers.values():
        await provider.close()


app = FastAPI(lifespan=lifespan)
app.mount("/webhooks", tenants.webhook)


@app.put("/tenants/{name}", status_code=204)
async def register(name: Name, tenant: Tenant) -> None:
    """Register a tenant."""
    try:
        await tenants.connect(name, tenant)
    except telephony.TelephonyError as error:
        raise HTTPException(422, str(error)) from error
    with closing(sqlite3.connect(DATABASE)) as database, database:
        row = (name, tenant.adapter, json.dumps(tenant.settings))
        database.execute("INSERT OR REPLACE INTO tenants VALUES (?, ?, ?)", row)


@app.get("/tenants/{name}/numbers")
async def numbers(name: str) -> list[telephony.PhoneNumber]:
    """List a tenant's numbers, with the tenant's own keys."""
    if name not in tenants.providers:
        raise HTTPException(404, "There is no such tenant.")
    try:
        return [number async for number in tenants.providers[name].list_numbers()]
    except telephony.ProviderError as error:
        raise HTTPException(502, str(error)) from error


@app.get("/tenants/{name}/messages")
async def messages(name: str) -> list[telephony.Message]:
    """List the texts that came in since the start."""
    return tenants.received.get(name, [])
