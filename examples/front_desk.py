"""The application that test_front_desk.py tests: a number for each customer, and answers to texts.

uvicorn --app-dir examples front_desk:app --port 8000
"""

import telephony
from telephony import webhooks

HOURS = "We are open from 9 to 18 o'clock."
WELCOME = "Welcome! Text us at this number."

provider = telephony.connect("agentphone")


def sign_up(customer: str, phone: str) -> telephony.PhoneNumber:
    """Give a customer a number, and text it to them. Call it again if it fails.

    Args:
        customer: your own id of the customer.
        phone: the customer's number, E.164.
    """
    number = provider.provision_number(idempotency_key=f"sign-up-{customer}")
    # An earlier call of this may have sent it, and lost the response.
    sent = provider.list_messages(number, limit=100)
    if not any((text.recipient, text.body) == (phone, WELCOME) for text in sent):
        provider.send_message(number, phone, WELCOME)
    return number


def handle(event: webhooks.Event) -> webhooks.HandlerResult:
    """Answer questions about the opening hours."""
    match event:
        case webhooks.MessageReceived(message=message) if "open" in message.body.lower():
            return webhooks.Reply(HOURS)
        case webhooks.CallTurn(text=text) if "open" in text.lower():
            return webhooks.Reply(HOURS)
    return None


app = webhooks.asgi([provider], handler=handle)
