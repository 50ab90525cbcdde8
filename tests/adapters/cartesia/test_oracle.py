"""The vendor's own SDK, unmodified, as the judge of the sandbox and of our requests.

It knows agents and calls; of calls it can list, show and download.
"""

from __future__ import annotations

import asyncio

import cartesia
import pytest

from telephony import CallStatus, Speaker
from telephony.sandbox.calls import RINGS

AGENT, OTHER = "agent_reception", "agent_sales"
PERSON = "+14155550199"


@pytest.fixture(params=["blocking", "asyncio"])
def sdk(request, telephony_sandbox):
    """``sdk(lambda client: …)`` does something with the vendor's SDK and returns the result."""
    given = telephony_sandbox.settings("cartesia")
    # Strict: a response that does not fit its types fails.
    settings = {
        "api_key": given["api_key"],
        "base_url": given["base_url"],
        "_strict_response_validation": True,
    }

    async def asynchronous(work):
        async with cartesia.AsyncCartesia(**settings) as client:
            return await work(client)

    def blocking(work):
        with cartesia.Cartesia(**settings) as client:
            return work(client)

    if request.param == "blocking":
        return blocking
    return lambda work: asyncio.run(asynchronous(work))


@pytest.fixture
def provider(telephony_connect):
    return telephony_connect("cartesia")


@pytest.fixture
def number(provider):
    return provider.provision_number(assign_to=AGENT)


@pytest.fixture
def call(provider, number, telephony_sandbox):
    """Return a call that has ended."""
    made = provider.place_call(number, PERSON)
    telephony_sandbox.advance("cartesia", 3600)
    return made


@pytest.fixture
def sent(telephony_sandbox):
    """``sent(work)`` returns the requests that it sends, as far as Cartesia looks at them."""

    def requests(work):
        before = len(telephony_sandbox.requests("cartesia"))
        work()
        return [
            (one.method, one.path, sorted(one.query), one.content)
            for one in telephony_sandbox.requests("cartesia")[before:]
        ]

    return requests


def test_the_sdk_reads_what_the_sandbox_plays(sdk, provider, number, call, telephony_sandbox):
    agents = {agent.id: agent for agent in sdk(lambda c: c.agents.list()).summaries}
    assert {agent.id: agent.name for agent in agents.values()} == {
        agent.id: agent.name for agent in provider.list_targets()
    }
    assert [held.number for held in agents[AGENT].phone_numbers] == [number.number]

    theirs, ours = sdk(lambda c: c.agents.calls.retrieve(call.id)), provider.get_call(call)
    assert (theirs.id, theirs.agent_id, theirs.status) == (ours.id, ours.agent, "completed")
    assert (theirs.start_time, theirs.end_time) == (ours.started_at, ours.ended_at)
    assert theirs.telephony_params.from_ == ours.number == number.number
    assert theirs.telephony_params.to == ours.recipient == PERSON

    turns = provider.get_transcript(call).turns
    roles = {"assistant": Speaker.AGENT, "user": Speaker.CALLER}
    assert [(roles[said.role], said.text) for said in theirs.transcript] == [
        (turn.speaker, turn.text) for turn in turns
    ]
    assert [said.start_timestamp for said in theirs.transcript] == [
        (turn.at - ours.started_at).total_seconds() for turn in turns
    ]


def test_the_sdk_downloads_the_same_recording(sdk, provider, call):
    theirs = sdk(lambda c: c.agents.calls.with_raw_response.download_audio(call.id))

    assert theirs.http_response.content == provider.get_recording(call).content
    assert theirs.headers["content-type"] == "audio/wav"


def test_the_sdk_pages_through_the_same_calls(provider, number, telephony_sandbox):
    placed = [provider.place_call(number, PERSON).id for _ in range(12)]
    telephony_sandbox.vendors["cartesia"].state.calls.outcomes.append(CallStatus.BUSY)
    placed.append(provider.place_call(number, PERSON).id)
    telephony_sandbox.advance("cartesia", 3600)
    settings = telephony_sandbox.settings("cartesia")
    with cartesia.Cartesia(
        api_key=settings["api_key"],
        base_url=settings["base_url"],
        _strict_response_validation=True,
    ) as client:
        theirs = list(client.agents.calls.list(agent_id=AGENT, limit=5))

    assert [one.id for one in theirs] == [one.id for one in provider.list_calls()] == placed[::-1]
    assert [one.status for one in theirs] == ["failed", *["completed"] * 12]
    assert not any(one.transcript for one in theirs)


def test_the_sdk_gets_the_refusals_of_the_vendor(sdk, provider, number, telephony_sandbox):
    ringing = provider.place_call(number, PERSON)
    for missing in ("ac_none", ringing.id):
        with pytest.raises(cartesia.NotFoundError):
            sdk(lambda c, missing=missing: c.agents.calls.download_audio(missing))
    telephony_sandbox.advance("cartesia", RINGS)
    with pytest.raises(cartesia.NotFoundError):
        sdk(lambda c: c.agents.calls.retrieve("ac_none"))


OPERATIONS = {
    "get": (lambda c, call: c.agents.calls.retrieve(call), lambda p, call: p.get_call(call)),
    "transcript": (
        lambda c, call: c.agents.calls.retrieve(call),
        lambda p, call: p.get_transcript(call),
    ),
    "recording": (
        lambda c, call: c.agents.calls.download_audio(call),
        lambda p, call: p.get_recording(call),
    ),
    "targets": (lambda c, _: c.agents.list(), lambda p, _: list(p.list_targets())),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_our_requests_are_those_of_the_sdk(operation, sdk, provider, call, sent):
    theirs, ours = OPERATIONS[operation]

    expected = sent(lambda: sdk(lambda c: theirs(c, call.id)))

    assert sent(lambda: ours(provider, call.id)) == expected
    assert len(expected) == 1


def test_our_listing_asks_each_agent_as_the_sdk_does(provider, number, sent, telephony_sandbox):
    for _ in range(103):
        provider.place_call(number, PERSON)
    settings = telephony_sandbox.settings("cartesia")
    with cartesia.Cartesia(api_key=settings["api_key"], base_url=settings["base_url"]) as client:
        agents, *expected = sent(
            lambda: [
                list(client.agents.calls.list(agent_id=agent.id, limit=100))
                for agent in client.agents.list().summaries
            ]
        )

    first, *listings = sent(lambda: list(provider.list_calls(number)))

    assert first == agents
    # The SDK reads on until a page is empty; we stop where the vendor says that nothing follows.
    assert len(listings) == 3
    assert all(one in expected for one in listings)
