"""A Flask application that takes the webhooks of AgentPhone and Cartesia.

flask --app examples/flask_app.py run --port 8000
"""

from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware

import telephony
from telephony import webhooks

NAMES = ["agentphone", "cartesia"]

app = Flask(__name__)
received: list[telephony.Message] = []


def handle(event: webhooks.Event) -> webhooks.HandlerResult:
    match event:
        case webhooks.MessageReceived(message=message):
            received.append(message)
        case webhooks.CallTurn(text=text):
            return webhooks.Reply(f"You said: {text}")
    return None


@app.get("/messages")
def messages() -> list[dict[str, object]]:
    return [message.model_dump(mode="json") for message in received]


# Several workers need a store that they share: store=webhooks.SQLiteStore("webhooks.sqlite").
vendors = webhooks.wsgi(map(telephony.connect, NAMES), handle, path="/{provider}")
app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/webhooks": vendors})  # type: ignore[method-assign]
