"""A worker of `test_webhooks_load`: uvicorn on a socket that it inherits.

Arguments: the socket's descriptor, AgentPhone's webhook secret, the file that handled events are
written to, and the file of the store ("" for the one in memory).
"""

import contextlib
import os
import socket
import sys

import uvicorn

import telephony
from telephony import webhooks

descriptor, secret, handled, stored = sys.argv[1:]
log = os.open(handled, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
provider = telephony.connect("agentphone", api_key="k", webhook_secret=secret)
store = webhooks.SQLiteStore(stored) if stored else webhooks.MemoryStore()


async def handle(event: webhooks.Event) -> None:
    assert isinstance(event, webhooks.MessageReceived)
    os.write(log, f"{event.message.id}\n".encode())


app = webhooks.asgi([provider], handle, store=store)
config = uvicorn.Config(app, log_level="warning", access_log=False)
with contextlib.suppress(KeyboardInterrupt):
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=int(descriptor))])
if isinstance(store, webhooks.SQLiteStore):
    store.close()
