"""The sandbox's page in a real browser, as people use it."""

from __future__ import annotations

import httpx
import pytest

from .conftest import ELSEWHERE

pytestmark = pytest.mark.browser
sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
expect = sync_api.expect
expect.set_options(timeout=30_000)

PERSON = "+14155550199"
LONG = "https://example.com/" + "a-very-long-word-without-any-space" * 8


def get_number(sandbox, vendor):
    return sandbox.client.post(f"/_sandbox/{vendor}/numbers").json()["number"]


def text(sandbox, vendor, number, body):
    body = {"to": number, "from": PERSON, "body": body}
    assert sandbox.client.post(f"/_sandbox/{vendor}/messages", json=body).status_code == 200


def fill(sandbox):
    """Let there be something in every section."""
    number = get_number(sandbox, "twilio")
    get_number(sandbox, "livekit")
    sandbox.client.put("/_sandbox/webhook", json={"url": "http://127.0.0.1:9/{provider}"})
    text(sandbox, "twilio", number, "Is my order ready?")
    text(sandbox, "twilio", number, LONG)
    call = {"to": number, "from": PERSON, "lasting": True}
    sandbox.client.post("/_sandbox/twilio/calls", json=call)
    sandbox.client.post("/cartesia/agents", json={"wrong": LONG})
    fault = {"kind": "slow_body", "vendor": "vapi", "times": None}
    sandbox.client.post("/_sandbox/faults", json=fault)


def violations(page):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    # An element that fades in has less contrast for a moment.
    page.evaluate("Promise.all(document.getAnimations().map((each) => each.finished))")
    found = axe.run(page).response["violations"]
    return [(each["id"], [node["html"] for node in each["nodes"]]) for each in found]


@pytest.mark.parametrize("vendor", ["agentphone", "twilio"])
def test_a_newcomer_texts_a_number_and_an_application_replies(browse, bot, vendor):
    page = browse()
    page.get_by_role("button", name=f"Get a number at {vendor}").last.click()
    page.get_by_label("Where your application takes them").fill(bot)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Saved")

    conversation = page.get_by_role("log")
    page.get_by_role("textbox", name="Text").fill("A table, please")
    page.get_by_role("button", name="Send").click()
    expect(conversation).to_contain_text("Hello! What is your name?")
    page.get_by_role("textbox", name="Text").fill("Ann <script>alert(1)</script>")
    page.get_by_role("textbox", name="Text").press("Enter")
    expect(conversation).to_contain_text("Thank you, Ann <script>alert(1)</script>.")
    expect(page.get_by_role("textbox", name="Text")).to_have_value("")

    row = page.locator("#traffic > li.webhook").first
    expect(row).to_contain_text(f"from {vendor}")
    row.locator("summary").first.click()
    expect(row).to_contain_text("Ann <script>")


def test_a_call_is_heard_and_hung_up(browse, sandbox):
    get_number(sandbox, "agentphone")
    page = browse()
    page.get_by_role("button", name="Call", exact=True).click()
    conversation = page.get_by_role("log")
    expect(conversation).to_contain_text("You called")
    sandbox.client.post("/_sandbox/agentphone/clock", json={"seconds": 12})
    expect(conversation).to_contain_text("Is five okay?")
    page.get_by_role("button", name="Hang up").click()
    expect(conversation).to_contain_text("Ended")
    expect(page.get_by_role("button", name="Hang up")).to_have_count(0)


def test_what_an_application_does_appears_and_disturbs_nobody(browse, sandbox):
    import telephony

    number = get_number(sandbox, "agentphone")
    settings = sandbox.client.get("/_sandbox").json()["vendors"]["agentphone"]
    page = browse()
    page.get_by_role("textbox", name="Text").fill("A draft")
    page.locator("#faults summary").first.click()
    with telephony.connect("agentphone", adapter="agentphone", settings=settings) as provider:
        provider.send_message(number, PERSON, "Your table is ready")
        expect(page.get_by_role("log")).to_contain_text("Your table is ready")
        page.locator("#traffic summary").first.click()
        provider.place_call(number, PERSON)
        expect(page.get_by_role("log")).to_contain_text("Called you")
    expect(page.get_by_role("textbox", name="Text")).to_have_value("A draft")
    expect(page.get_by_label("What happens")).to_be_visible()
    expect(page.locator("#traffic")).to_contain_text('"body": "Your table is ready"')


def test_a_fault_is_switched_on_seen_by_a_client_and_healed(browse, sandbox):
    page = browse()
    page.get_by_text("Switch one on").click()
    page.get_by_label("What happens").select_option(label="Respond with an error status")
    page.get_by_label("At", exact=True).select_option("twilio")
    page.get_by_label("How often").select_option(label="Every request, until healed")
    page.get_by_text("More", exact=True).click()
    page.get_by_label("Status").fill("429")
    page.get_by_role("button", name="Switch on").click()
    expect(page.locator("#faults")).to_contain_text("twilio · every request")
    assert httpx.get(f"{sandbox.url}/twilio/x").status_code == 429
    assert httpx.get(f"{sandbox.url}/vapi/x").status_code != 429
    expect(page.locator("#traffic")).to_contain_text("429")

    page.get_by_role("button", name="Heal").click()
    expect(page.locator("#faults")).to_contain_text("None is on")
    assert httpx.get(f"{sandbox.url}/twilio/x").status_code != 429


def test_a_reset_asks_first(browse, sandbox):
    get_number(sandbox, "twilio")
    page = browse()
    page.get_by_role("button", name="Reset").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("log")).to_be_visible()

    page.get_by_role("button", name="Reset").click()
    page.get_by_role("dialog").get_by_role("button", name="Reset").click()
    expect(page.locator("#phone")).to_contain_text("No numbers yet")


def test_a_refusal_is_said_and_the_text_kept(browse, sandbox):
    number = get_number(sandbox, "twilio")
    page = browse(errors=True)
    page.get_by_label("Your number").fill("not a number")
    page.get_by_role("button", name="Use this number").click()
    page.get_by_role("textbox", name="Text").fill("Hello")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert")).to_contain_text("not a telephone number")
    expect(page.get_by_role("textbox", name="Text")).to_have_value("Hello")
    assert number[-4:] in page.title()


def test_everything_is_reached_by_keyboard_and_seen_to_be(browse, sandbox):
    page = browse()

    def tab_to(name):
        for _ in range(60):
            page.keyboard.press("Tab")
            focused = page.locator(":focus")
            outline = focused.evaluate("(element) => getComputedStyle(element).outlineStyle")
            assert outline != "none", focused.evaluate("(element) => element.outerHTML")
            said = focused.evaluate(
                "(element) => element.ariaLabel || element.labels?.[0]?.innerText "
                "|| element.innerText"
            )
            if said.startswith(name):
                return
        raise AssertionError(f"{name} was not reached")

    tab_to("Skip to the phone")
    tab_to("Get a number at agentphone")
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name="Text")).to_be_focused()
    page.keyboard.type("By keyboard")
    page.keyboard.press("Enter")
    expect(page.get_by_role("log")).to_contain_text("By keyboard")
    expect(page.get_by_role("textbox", name="Text")).to_be_focused()
    tab_to("Call")
    page.keyboard.press("Enter")
    expect(page.get_by_role("log")).to_contain_text("You called")
    tab_to("Switch one on")
    page.keyboard.press("Enter")
    tab_to("What happens")
    page.keyboard.press("Escape")
    page.locator("header button").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("width", [375, 700, 1100, 1600])
def test_nothing_is_wider_than_the_window(browse, sandbox, width):
    fill(sandbox)
    page = browse(viewport={"width": width, "height": 812})
    for summary in page.locator("#faults summary, #traffic > li > details > summary").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    wide = "[...document.querySelectorAll('.panel')].filter((e) => e.scrollWidth > e.clientWidth)"
    assert page.evaluate(f"{wide}.map((e) => e.id)") == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("content", ["nothing", "everything"])
def test_the_page_is_accessible(browse, sandbox, scheme, content):
    if content == "everything":
        fill(sandbox)
    page = browse(color_scheme=scheme, reduced_motion="reduce")
    for summary in page.locator("#faults summary, #traffic > li > details > summary").all():
        summary.click()
    assert violations(page) == []
    page.get_by_role("button", name="Reset").click()
    assert violations(page) == []


def test_light_and_dark_differ_and_motion_can_be_off(browse, sandbox):
    get_number(sandbox, "twilio")
    grounds = {
        browse(color_scheme=scheme).evaluate("getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    }
    assert len(grounds) == 2
    text(sandbox, "twilio", get_number(sandbox, "twilio"), "Hello")
    still = browse(reduced_motion="reduce")
    assert still.evaluate("document.getAnimations().length") == 0


def test_it_can_be_read_without_javascript(browse, sandbox):
    number = get_number(sandbox, "twilio")
    text(sandbox, "twilio", number, "Is my order ready?")
    page = browse(java_script_enabled=False)
    expect(page.get_by_role("log")).to_contain_text("Is my order ready?")
    page.locator("#numbers a").first.click()
    expect(page.get_by_role("log")).to_contain_text("Is my order ready?")


def test_pages_from_elsewhere_change_nothing(browse, sandbox, serve_wsgi, chromium):
    def attack(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/html")])
        return [b"<!doctype html><title>Elsewhere</title>"]

    get_number(sandbox, "twilio")
    port = sandbox.url.rpartition(":")[2]
    page = chromium.new_page()
    try:
        rebound = page.goto(f"http://{ELSEWHERE}:{port}/")
        assert rebound.status == 403
        page.goto(serve_wsgi(attack))
        for path in ("/_sandbox/reset", "/twilio/2010-04-01/Accounts.json"):
            page.evaluate(
                "(url) => fetch(url, {method: 'POST', mode: 'no-cors', body: '{}'})"
                ".catch(() => null)",
                f"{sandbox.url}{path}",
            )
        page.evaluate(
            "(url) => { const form = document.createElement('form'); form.method = 'POST';"
            " form.action = url; document.body.append(form); form.submit(); }",
            f"{sandbox.url}/_sandbox/reset",
        )
        page.wait_for_url(f"{sandbox.url}/**")
        expect(page.locator("body")).to_contain_text("takes no requests from pages of")
    finally:
        page.close()
    expect(browse().get_by_role("log")).to_be_visible()


def test_a_sandbox_that_is_away_for_a_while_is_said_and_found_again(browse, sandbox):
    page = browse(errors=True)
    page.context.set_offline(True)
    expect(page.get_by_role("alert")).to_contain_text("does not respond")
    get_number(sandbox, "twilio")
    page.context.set_offline(False)
    expect(page.locator("#numbers")).to_contain_text("+1 415-555-0100")
    expect(page.locator("#failure")).to_be_hidden()
