"""The suite that every adapter must pass.

    from telephony.testing.conformance import AdapterConformance

    class TestAcme(AdapterConformance):
        adapter = "acme"

It needs the adapter and its sandbox installed under the entry-point groups ``telephony.adapters``
and ``telephony.sandboxes``. Every test runs blocking and asyncio. To reach the vendor's API in
another way, override the fixture `server`.
"""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest

import telephony
from telephony import Capability, CarrierOutcome, PhoneNumber, webhooks
from telephony.protocols import PhoneNumberProvider
from telephony.sandbox import Delivered, Fault, Sample, Sandbox
from telephony.testing.client import connect
from telephony.testing.matrix import CALLS, FAULTS, Run, Situation, situation, webhook_of

OTHER_PARTY = "+14155550199"
MANY = 105
NOBODY = "http://127.0.0.1:9/{provider}"
NAIVE = datetime.now(UTC).replace(tzinfo=None)


class AdapterConformance:
    """Subclass it and name the adapter."""

    adapter: ClassVar[str]

    @pytest.fixture
    def server(self, telephony_sandbox: Sandbox) -> Sandbox:
        return telephony_sandbox

    @pytest.fixture
    def sample(self, server: Sandbox) -> Sample:
        return server.vendors[self.adapter].sample

    @pytest.fixture(params=["blocking", "asyncio"])
    def mode(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def settings(self, server: Sandbox) -> dict[str, object]:
        return {**server.settings(self.adapter), "backoff": 0.0}

    @pytest.fixture
    def provider(self, mode: str, settings: dict[str, object]) -> Iterator[PhoneNumberProvider]:
        with connect(mode, self.adapter, **settings) as client:
            yield client.provider

    @pytest.fixture
    def made(self, provider: PhoneNumberProvider, server: Sandbox) -> Situation:
        return situation(provider, server, self.adapter)

    # --- What it says of itself ------------------------------------------------------------------

    def test_every_capability_is_declared(self, provider: PhoneNumberProvider) -> None:
        assert set(provider.capabilities) == set(Capability)
        for support in provider.capabilities.values():
            assert support.note or support.level is telephony.Level.FULL

    def test_it_is_a_provider(self, mode: str, settings: dict[str, object]) -> None:
        if mode == "blocking":
            with telephony.connect(self.adapter, **settings) as provider:
                assert isinstance(provider, telephony.PhoneNumberProvider)
        else:
            assert isinstance(
                telephony.connect_async(self.adapter, **settings),
                telephony.AsyncPhoneNumberProvider,
            )

    @pytest.mark.parametrize("operation", list(Capability))
    def test_what_is_not_offered_is_refused_before_any_request(
        self, provider: PhoneNumberProvider, server: Sandbox, sample: Sample, operation: Capability
    ) -> None:
        if provider.supports(operation):
            return
        with pytest.raises(telephony.UnsupportedOperationError) as caught:
            CALLS[operation](provider, Situation(OTHER_PARTY, sample, "c_1"))
        assert caught.value.operation == operation
        assert caught.value.instead
        assert server.requests(self.adapter) == []

    # --- The life of a number --------------------------------------------------------------------

    def test_the_whole_life_of_a_number(
        self, provider: PhoneNumberProvider, made: Situation, server: Sandbox, sample: Sample
    ) -> None:
        number = provider.get_number(made.number)
        assert number.number == made.number
        assert number.provider == provider.name
        assert number.raw
        assert [n.id for n in provider.list_numbers()] == [number.id]

        if provider.supports(Capability.UPDATE_NUMBER):
            assert provider.update_number(number, label="Front desk").label == "Front desk"
            assert provider.get_number(made.number).label == "Front desk"

        before = provider.unassign_number(made.number).assignment
        assert before is None
        assigned = provider.assign_number(made.number, sample.target)
        assert _same(assigned.assignment, sample.target)
        assert assigned.replaced is None
        moved = provider.assign_number(made.number, sample.other_target)
        assert _same(moved.assignment, sample.other_target)
        assert _same(moved.replaced, sample.target)
        assert _same(provider.get_number(made.number).assignment, sample.other_target)
        assert moved.replaced is not None
        restored = provider.assign_number(made.number, moved.replaced)
        assert _same(restored.assignment, sample.target)
        freed = provider.unassign_number(made.number)
        assert freed.assignment is None
        assert _same(freed.replaced, sample.target)
        assert provider.unassign_number(made.number).assignment is None

        if provider.supports(Capability.RELEASE_NUMBER):
            released = provider.release_number(made.number)
            assert released.number == made.number
            assert isinstance(released.at_carrier, CarrierOutcome)
            assert list(provider.list_numbers()) == []
            with pytest.raises(telephony.NotFoundError):
                provider.get_number(made.number)
            assert len(server.ledger(self.adapter, "release")) == 1

    def test_a_number_is_found_by_id_by_e164_and_by_itself(
        self, provider: PhoneNumberProvider, made: Situation
    ) -> None:
        by_number = provider.get_number(made.number)
        assert provider.get_number(by_number.id) == by_number
        assert provider.get_number(by_number) == by_number

    def test_a_number_of_another_provider_is_found_by_its_e164(
        self, provider: PhoneNumberProvider, made: Situation
    ) -> None:
        elsewhere = PhoneNumber(id="elsewhere_1", number=made.number, provider="elsewhere")
        assert provider.get_number(elsewhere).number == made.number

    def test_national_notation_is_read_when_the_region_is_set(
        self, mode: str, settings: dict[str, object], server: Sandbox
    ) -> None:
        with connect(mode, self.adapter, **settings, number_region="US") as client:
            made = situation(client.provider, server, self.adapter)
            written = f"({made.number[2:5]}) {made.number[5:8]}-{made.number[8:]}"
            assert client.provider.get_number(written).number == made.number

    def test_numbers_of_many_pages_come_once_each_and_no_page_too_many(
        self, provider: PhoneNumberProvider, server: Sandbox
    ) -> None:
        numbers = {situation(provider, server, self.adapter, nth).number for nth in range(MANY)}
        assert len(numbers) == MANY
        listed = [n.number for n in provider.list_numbers()]
        assert sorted(listed) == sorted(numbers)
        already = len(server.requests(self.adapter))
        assert len(list(provider.list_numbers(limit=3))) == 3
        first_page = len(server.requests(self.adapter)) - already
        list(provider.list_numbers())
        assert first_page <= len(server.requests(self.adapter)) - already - first_page
        assert provider.get_number(listed[-1]).number == listed[-1]

    def test_options_reach_the_vendor(
        self, provider: PhoneNumberProvider, made: Situation, server: Sandbox, sample: Sample
    ) -> None:
        provider.assign_number(made.number, sample.target, options={"xOption": "17"})
        bodies = [r.content for r in server.requests(self.adapter)]
        assert any(b"xOption" in body and b"17" in body for body in bodies)

    # --- Messages and calls ----------------------------------------------------------------------

    def test_messages_come_newest_first_within_bounds(
        self, provider: PhoneNumberProvider, made: Situation, server: Sandbox
    ) -> None:
        if not provider.supports(Capability.LIST_MESSAGES):
            return
        start = datetime(2026, 5, 1, 12, tzinfo=UTC)
        planted = [
            server.receive_message(
                self.adapter,
                made.number,
                sender=OTHER_PARTY,
                body=f"text {nth}",
                sent_at=start + timedelta(minutes=nth),
            )
            for nth in range(6)
        ]
        found = list(provider.list_messages(made.number))
        assert [m.id for m in found] == planted[::-1]
        assert {(m.sender, m.recipient, m.number) for m in found} == {
            (OTHER_PARTY, made.number, made.number)
        }
        assert found[0].body == "text 5"
        assert found[0].direction is telephony.Direction.INBOUND
        assert found[0].sent_at == start + timedelta(minutes=5)
        window = provider.list_messages(
            made.number, after=start + timedelta(minutes=1), before=start + timedelta(minutes=4)
        )
        assert [m.id for m in window] == planted[3:0:-1]
        assert [m.id for m in provider.list_messages(made.number, limit=2)] == planted[:3:-1]

    def test_a_message_is_sent_once_and_listed(
        self, provider: PhoneNumberProvider, made: Situation, server: Sandbox
    ) -> None:
        if not provider.supports(Capability.SEND_MESSAGE):
            return
        sent = provider.send_message(made.number, OTHER_PARTY, "On my way")
        assert (sent.sender, sent.recipient) == (made.number, OTHER_PARTY)
        assert sent.direction is telephony.Direction.OUTBOUND
        assert "On my way" not in repr(sent)
        assert [m.id for m in provider.list_messages(made.number)] == [sent.id]
        assert len(server.ledger(self.adapter, "message")) == 1

    def test_a_call_is_placed_once(
        self, provider: PhoneNumberProvider, made: Situation, server: Sandbox
    ) -> None:
        if not provider.supports(Capability.PLACE_CALL):
            return
        provider.assign_number(made.number, made.sample.target)
        call = CALLS[Capability.PLACE_CALL](provider, made)
        assert isinstance(call, telephony.Call)
        assert (call.number, call.recipient) == (made.number, OTHER_PARTY)
        assert len(server.ledger(self.adapter, "call")) == 1

    # --- Webhooks --------------------------------------------------------------------------------

    def test_a_text_that_a_webhook_tells_of_is_the_one_that_is_listed(
        self, provider: PhoneNumberProvider, made: Situation, server: Sandbox
    ) -> None:
        offered = map(provider.supports, (Capability.PARSE_WEBHOOK, Capability.LIST_MESSAGES))
        if not all(offered):
            return
        server.send_webhooks(NOBODY)
        server.receive_message(self.adapter, made.number, sender=OTHER_PARTY, body="Hello")
        tries = [self._parsed(provider, each) for each in server.delivered()]
        (event,) = tries[0]
        assert [again.id for (again,) in tries] == [event.id] * len(tries)
        assert isinstance(event, webhooks.MessageReceived)
        assert "Hello" not in repr(event)
        # What the webhook leaves out is None; the raw bodies are two.
        told = event.message.model_dump(exclude={"raw"}, exclude_none=True)
        (listed,) = provider.list_messages(made.number)
        assert told == listed.model_dump(include=set(told))

    def test_a_call_that_webhooks_tell_of_begins_and_ends(
        self, provider: PhoneNumberProvider, made: Situation, server: Sandbox, sample: Sample
    ) -> None:
        if not provider.supports(Capability.PARSE_WEBHOOK):
            return
        if not isinstance(sample.target, telephony.Webhook):
            provider.assign_number(made.number, sample.target)
        server.send_webhooks(NOBODY)
        called = server.receive_call(self.adapter, made.number, sender=OTHER_PARTY)
        events = {
            event.id: event for each in server.delivered() for event in self._parsed(provider, each)
        }
        first, *_, last = events.values()
        assert isinstance(first, webhooks.CallStarted | webhooks.CallTurn)
        assert isinstance(last, webhooks.CallEnded)
        for event in (first, last):
            assert (event.call.id, event.call.number) == (called, made.number)
            assert (event.call.sender, event.call.recipient) == (OTHER_PARTY, made.number)
            assert event.call.direction is telephony.Direction.INBOUND
        assert last.call.status is telephony.CallStatus.COMPLETED

    def test_a_webhook_that_nobody_signed_is_refused(self, provider: PhoneNumberProvider) -> None:
        if not provider.supports(Capability.PARSE_WEBHOOK):
            return
        for method in provider.adapter.webhook_methods:
            for kind in provider.adapter.webhook_types:
                with pytest.raises(telephony.SignatureError):
                    webhooks.parse(
                        provider,
                        method=method,
                        url="https://example.com/",
                        headers={"Content-Type": kind},
                        body=b"{}",
                    )

    def test_where_webhooks_go_is_set_once_and_replaced_only_when_told(
        self, provider: PhoneNumberProvider, made: Situation
    ) -> None:
        if not provider.supports(Capability.SET_WEBHOOK):
            return
        one, other, of = "https://example.com/1", "https://example.com/2", webhook_of(made)
        was = provider.get_webhook(of)
        first = provider.set_webhook(one, of=of, replace=was is not None)
        assert (first.url, first.provider) == (one, provider.name)
        assert (first.previous and first.previous.url) == (was and was.url)
        again = provider.set_webhook(one, of=of)
        assert (again.id, again.secret, again.previous) == (first.id, first.secret, None)
        with pytest.raises(telephony.ConflictError, match="replace=True"):
            provider.set_webhook(other, of=of)
        found = provider.get_webhook(of)
        assert found is not None
        assert found.url == one
        replaced = provider.set_webhook(other, of=of, replace=True)
        assert replaced.url == other
        assert replaced.previous is not None
        assert replaced.previous.url == one

    def _parsed(self, provider: PhoneNumberProvider, sent: Delivered) -> list[webhooks.Event]:
        return webhooks.parse(
            provider, method=sent.method, url=sent.url, headers=sent.headers, body=sent.body
        )

    # --- Bad input -------------------------------------------------------------------------------

    @pytest.mark.parametrize(
        ("argument", "call"),
        [
            ("number", lambda p: p.get_number("415 555 0123")),
            ("number", lambda p: p.get_number("+1")),
            ("number", lambda p: p.get_number(" ")),
            ("number", lambda p: p.import_number("4155550123")),
            ("label", lambda p: p.update_number("+14155550123", label=" ")),
            ("limit", lambda p: list(p.list_numbers(limit=0))),
            ("limit", lambda p: list(p.list_messages("+14155550123", limit=-1))),
            ("after", lambda p: list(p.list_messages("+14155550123", after=NAIVE))),
            (
                "after",
                lambda p: list(
                    p.list_messages(
                        "+14155550123",
                        after=datetime(2026, 1, 2, tzinfo=UTC),
                        before=datetime(2026, 1, 1, tzinfo=UTC),
                    )
                ),
            ),
            ("body", lambda p: p.send_message("+14155550123", OTHER_PARTY, "")),
            ("to", lambda p: p.place_call("+14155550123", "nobody")),
            ("to", lambda p: p.assign_number("+14155550123", "")),
            ("url", lambda p: p.set_webhook("http://example.com/", of="+14155550123")),
        ],
    )  # fmt: skip
    def test_bad_arguments_are_named_before_any_request(
        self,
        provider: PhoneNumberProvider,
        server: Sandbox,
        argument: str,
        call: Callable[[PhoneNumberProvider], object],
    ) -> None:
        with pytest.raises(
            (telephony.InvalidRequestError, telephony.UnsupportedOperationError)
        ) as caught:
            call(provider)
        if isinstance(caught.value, telephony.InvalidRequestError):
            assert caught.value.argument == argument
            assert argument in str(caught.value)
        assert server.requests(self.adapter) == []

    def test_an_unknown_setting_is_refused_with_the_nearest_name(
        self, settings: dict[str, object]
    ) -> None:
        with pytest.raises(telephony.ConfigurationError, match="base_url"):
            telephony.connect(self.adapter, **settings, base_ulr="https://example.com")

    # --- Errors ----------------------------------------------------------------------------------

    def test_a_wrong_key_is_an_authentication_error(
        self, mode: str, settings: dict[str, object]
    ) -> None:
        wrong = {name: f"wrong-{value}" for name, value in _secrets(self.adapter, settings).items()}
        with (
            connect(mode, self.adapter, **{**settings, **wrong}) as client,
            pytest.raises(telephony.AuthenticationError) as caught,
        ):
            list(client.provider.list_numbers())
        assert caught.value.status in {401, 403}
        assert caught.value.provider == self.adapter
        assert caught.value.operation == "list_numbers"

    def test_an_unknown_number_is_not_found(self, provider: PhoneNumberProvider) -> None:
        for number in (OTHER_PARTY, "no_such_id"):
            with pytest.raises(telephony.NotFoundError):
                provider.get_number(number)
            with pytest.raises(telephony.NotFoundError):
                provider.unassign_number(number)

    def test_nobody_listening_is_unavailable(self, mode: str, settings: dict[str, object]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        elsewhere = {**settings, "base_url": f"http://127.0.0.1:{port}", "retries": 0}
        with (
            connect(mode, self.adapter, **elsewhere) as client,
            pytest.raises(telephony.UnavailableError) as caught,
        ):
            list(client.provider.list_numbers())
        assert caught.value.retry_safe

    def test_no_answer_is_a_timeout(
        self, mode: str, settings: dict[str, object], server: Sandbox
    ) -> None:
        server.fail(Fault(kind="slow_headers", seconds=1, times=None))
        impatient = {**settings, "timeout": 0.05, "retries": 0}
        with (
            connect(mode, self.adapter, **impatient) as client,
            pytest.raises(telephony.ProviderTimeoutError),
        ):
            list(client.provider.list_numbers())

    @pytest.mark.parametrize("kind", ["html", "malformed", "empty", "cut"])
    def test_an_answer_that_cannot_be_read_is_said_to_be_so(
        self, provider: PhoneNumberProvider, made: Situation, server: Sandbox, kind: str
    ) -> None:
        server.fail(Fault.model_validate({"kind": kind, "times": None}))
        with pytest.raises(telephony.InvalidResponseError):
            list(provider.list_numbers())
        with pytest.raises(telephony.InvalidResponseError):
            provider.get_number(made.number)

    def test_a_passing_failure_of_a_read_is_retried(
        self, provider: PhoneNumberProvider, made: Situation, server: Sandbox
    ) -> None:
        assert made.number
        server.fail(Fault(kind="status", status=503))
        server.fail(Fault(kind="reset"))
        assert len(list(provider.list_numbers())) == 1

    def test_too_many_requests_say_how_long_to_wait(
        self, provider: PhoneNumberProvider, server: Sandbox
    ) -> None:
        server.fail(Fault(kind="status", status=429, headers={"Retry-After": "3600"}, times=None))
        with pytest.raises(telephony.RateLimitedError) as caught:
            list(provider.list_numbers())
        assert caught.value.retry_after == 3600
        assert caught.value.attempts == 1

    # --- Outcomes --------------------------------------------------------------------------------

    @pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.kind)
    @pytest.mark.parametrize("operation", sorted(set(CALLS) - {Capability.LIST_NUMBERS}))
    def test_nothing_is_done_twice_and_the_outcome_is_true(
        self,
        mode: str,
        settings: dict[str, object],
        server: Sandbox,
        operation: Capability,
        fault: Fault,
    ) -> None:
        with (
            connect(mode, self.adapter, **settings) as patient,
            connect(mode, self.adapter, **{**settings, "timeout": 0.1}) as tried,
        ):
            if patient.provider.supports(operation):
                run = Run(patient.provider, tried.provider, server, self.adapter)
                assert run.problems(operation, fault) == []

    # --- Secrets ---------------------------------------------------------------------------------

    def test_no_secret_comes_out(
        self,
        mode: str,
        settings: dict[str, object],
        server: Sandbox,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        secrets = _secrets(self.adapter, settings)
        seen: list[str] = []
        with caplog.at_level(logging.DEBUG), connect(mode, self.adapter, **settings) as client:
            provider = client.provider
            made = situation(provider, server, self.adapter)
            seen += [repr(provider), repr(provider.adapter), repr(provider.get_number(made.number))]
            seen.append(json.dumps(provider.get_number(made.number).raw))
            for echoed in (*map(str, secrets.values()), made.number):
                server.fail(Fault(kind="status", status=400, body=json.dumps({"message": echoed})))
                with pytest.raises(telephony.TelephonyError) as caught:
                    list(provider.list_numbers())
                if echoed != made.number:
                    seen += [str(caught.value), repr(vars(caught.value))]
        seen.append(caplog.text)
        for text in seen:
            for secret in secrets.values():
                assert str(secret) not in text


def _secrets(adapter: str, settings: Mapping[str, object]) -> dict[str, object]:
    """The settings that are secrets, and their values here."""
    from pydantic import SecretStr

    from telephony import registry

    fields = registry.load(adapter).Settings.model_fields
    return {
        name: value
        for name, value in settings.items()
        if "SecretStr" in str(fields[name].annotation or SecretStr)
    }


def _same(found: object, wanted: object) -> bool:
    """Whether an assignment is the wanted one; a vendor may add a name to it."""
    if isinstance(found, telephony.Agent) and isinstance(wanted, telephony.Agent):
        return found.id == wanted.id
    return found == wanted
