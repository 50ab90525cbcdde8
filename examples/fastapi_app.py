"""A FastAPI application that takes the webhooks of AgentPhone and Cartesia.

uvicorn --app-dir examples fastapi_app:app --port 8000
"""

from fastapi import FastAPI

import telephony
from telephony import webhooks

NAMES = ["agentphone", "cartesia"]

app = FastAPI()
received: list[telephony.Message] = []


async def handle(event: webhooks.Event) -> webhooks.HandlerResult:
    match event:
        case webhooks.MessageReceived(message=message):
            received.append(message)
        case webhooks.CallTurn(text=text):
            return webhooks.Reply(f"You said: {text}")
    return None


@app.get("/messages")
def messages() -> list[telephony.Message]:
    return received


app.mount("/webhooks", webhooks.asgi(map(telephony.connect, NAMES), handle, path="/{provider}"))
