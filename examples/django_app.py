"""A Django project in one file that takes the webhooks of AgentPhone and Cartesia.

In your own project, `vendors` and `application` belong in its wsgi.py.

python examples/django_app.py runserver 8000
"""

import sys
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from django.conf import settings
from django.core.management import execute_from_command_line
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

import telephony
from telephony import webhooks

NAMES = ["agentphone", "cartesia"]

received: list[telephony.Message] = []


def handle(event: webhooks.Event) -> webhooks.HandlerResult:
    match event:
        case webhooks.MessageReceived(message=message):
            received.append(message)
        case webhooks.CallTurn(text=text):
            return webhooks.Reply(f"You said: {text}")
    return None


def messages(_: HttpRequest) -> JsonResponse:
    return JsonResponse([message.model_dump(mode="json") for message in received], safe=False)


urlpatterns = [path("messages", messages)]
settings.configure(
    ROOT_URLCONF=__name__,
    WSGI_APPLICATION=f"{__name__}.application",
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
)
project = get_wsgi_application()
# Several workers need a store that they share: store=webhooks.SQLiteStore("webhooks.sqlite").
vendors = webhooks.wsgi(map(telephony.connect, NAMES), handle)


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    ours = environ["PATH_INFO"].startswith("/webhooks/")
    return (vendors if ours else project)(environ, start_response)


if __name__ == "__main__":
    execute_from_command_line(sys.argv)
