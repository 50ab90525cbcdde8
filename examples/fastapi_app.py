"""A FastAPI application, with asyncio throughout: texts and calls in, calls out.

    uvicorn --app-dir examples fastapi_app:app --port 8000

The webhooks of AgentPhone and Cartesia arrive at /webhooks/agentphone and /webhooks/cartesia, and
GET /messages lists what they brought. POST /calls places a call and follows it in the background;
GET /calls/{id} says how far it has got, and what was said.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

import telephony
from telephony import Capability, webhooks

EVERY = 1.0  # seconds between two looks at a call

# Made once, and used by every request: a provider keeps its connections open.
providers = {name: telephony.connect_async(name) for name in ("agentphone", "cartesia")}
received: list[telephony.Message] = []


class CallRequest(BaseModel):
    """A call to place."""

    provider: str = "cartesia"
    number: str
    to: str
    agent: str | None = None


class FollowedCall(BaseModel):
    """A call, and what was said once it has ended."""

    call: telephony.Call
    transcript: telephony.Transcript | None = None
    error: str | None = None


calls: dict[str, FollowedCall] = {}
background: set[asyncio.Task[None]] = set()


async def handle(event: webhooks.Event) -> webhooks.HandlerResult:
    """Keep texts, and reply to what a caller said."""
    match event:
        case webhooks.MessageReceived(message=message):
            received.append(message)
        case webhooks.CallTurn(text=text):
            return webhooks.Reply(f"You said: {text}")
    return None


async def follow(followed: FollowedCall, provider: telephony.AsyncProvider) -> None:
    """Look at a call until it has ended, then read what was said."""
    try:
        while not followed.call.status.is_final:
            await asyncio.sleep(EVERY)
            followed.call = await provider.get_call(followed.call)
        if provider.supports(Capability.GET_TRANSCRIPT):
            followed.transcript = await provider.get_transcript(followed.call)
    except telephony.TelephonyError as error:  # raised in a task, nobody would see it
        followed.error = str(error)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """At the end, stop the background tasks and close the connections."""
    yield
    for task in background:
        task.cancel()
    await asyncio.gather(*background, return_exceptions=True)
    for provider in providers.values():
        await provider.close()


app = FastAPI(lifespan=lifespan)
app.mount("/webhooks", webhooks.asgi(providers.values(), handle, path="/{provider}"))


@app.get("/messages")
async def messages() -> list[telephony.Message]:
    """List the texts that came in."""
    return received


@app.post("/calls", status_code=202)
async def place_call(wanted: CallRequest) -> FollowedCall:
    """Place a call, and follow it in the background."""
    if wanted.provider not in providers:
        raise HTTPException(404, f"Give one of {', '.join(providers)}.")
    provider = providers[wanted.provider]
    try:
        call = await provider.place_call(wanted.number, wanted.to, agent=wanted.agent)
    except telephony.OutcomeUnknownError as error:
        raise HTTPException(504, f"{error} It may be ringing: do not just repeat this.") from error
    except telephony.TelephonyError as error:
        raise HTTPException(502, str(error)) from error
    calls[call.id] = FollowedCall(call=call)
    task = asyncio.create_task(follow(calls[call.id], provider))
    background.add(task)  # asyncio itself keeps no task alive
    task.add_done_callback(background.discard)
    return calls[call.id]


@app.get("/calls/{call_id}")
async def get_call(call_id: str) -> FollowedCall:
    """Return a call as it was last seen."""
    if call_id not in calls:
        raise HTTPException(404, "There is no such call.")
    return calls[call_id]
