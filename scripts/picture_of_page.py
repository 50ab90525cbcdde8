"""Photograph the sandbox's page, with a conversation on it (`make pictures`)."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import uvicorn
from playwright.sync_api import sync_playwright

import telephony
from telephony import webhooks
from telephony.sandbox import Fault, Sandbox

PERSON = "+14155550199"
_REPLIES = iter(
    ("Hello! For how many, and when?", "Booked: a table for two at 8 pm. See you tomorrow.")
)
_SPOKEN = "Five is fine for the window seat."
_WINDOW = {"width": 1440, "height": 960}


def photograph(picture: Path) -> None:
    """Write the picture as PNG. Raises `SystemExit` where there is no Chromium."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("Chromium is not installed: `make real` brings it where it can.")
    with Sandbox(port=4010, real_time=True) as sandbox, _application(sandbox) as url:
        sandbox.send_webhooks(url)
        shown = _converse(sandbox)
        with sync_playwright() as playwright:
            arguments = ["--headless", "--no-sandbox", "--disable-gpu"]
            browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
            page = browser.new_page(viewport=_WINDOW, reduced_motion="reduce")
            page.goto(f"{sandbox.url}/?vendor=agentphone&number=%2B{shown[1:]}")
            page.get_by_role("log").get_by_text(_SPOKEN).wait_for()
            page.screenshot(path=picture)
            browser.close()


def _converse(sandbox: Sandbox) -> str:
    """Let there be something to see; return the number that it is about."""
    with ExitStack() as opened:

        def connect(vendor: str) -> telephony.Provider:
            return opened.enter_context(
                telephony.connect(vendor, adapter=vendor, settings=sandbox.settings(vendor))
            )

        for vendor in ("livekit", "retell"):
            httpx.post(f"{sandbox.url}/_sandbox/{vendor}/numbers").raise_for_status()
        connect("cartesia").provision_number(label="Reception", assign_to="agent_reception")
        connect("twilio").provision_number(label="Orders")
        phone = connect("agentphone")
        number = phone.provision_number(assign_to="agt_front_desk").number
        for text in ("Do you have a table for tomorrow?", "Two people, 8 pm"):
            sandbox.receive_message("agentphone", number, sender=PERSON, body=text)
            sandbox.delivered()
        phone.send_message(number, PERSON, "A window seat has become free: it is yours.")
        sandbox.receive_call("agentphone", number, sender=PERSON, lasting=True)
        sandbox.advance("agentphone", 6)
        sandbox.delivered()
        sandbox.advance("agentphone", 9)
        sandbox.fail(Fault(kind="status", vendor="cartesia", status=503))
        with_fault = httpx.get(f"{sandbox.base_url('cartesia')}/agents")
        assert with_fault.status_code == 503  # noqa: S101 - it is to be seen
        sandbox.fail(Fault(kind="lost", vendor="twilio", method="POST", times=None))
    return number


@contextmanager
def _application(sandbox: Sandbox) -> Iterator[str]:
    """Run an application that takes bookings; return where its webhooks go."""

    def handle(event: webhooks.Event) -> webhooks.HandlerResult:
        match event:
            case webhooks.MessageReceived():
                return webhooks.Reply(next(_REPLIES))
            case webhooks.CallTurn():
                return webhooks.Reply(_SPOKEN)
        return None

    settings = sandbox.settings("agentphone")
    with telephony.connect("agentphone", settings=settings) as provider:
        served = webhooks.wsgi([provider], handle)
        config = uvicorn.Config(served, port=8000, interface="wsgi", log_level="critical")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        yield "http://localhost:8000/webhooks/{provider}"
        server.should_exit = True
        thread.join()


if __name__ == "__main__":
    photograph(Path(__file__).parents[1] / "docs" / "pictures" / "sandbox.png")
