"""The suite that every adapter must pass.

    from telephony.testing.conformance import AdapterConformance

    class TestAcme(AdapterConformance):
        adapter = "acme"

It needs the adapter and its sandbox installed under the entry-point groups ``telephony.adapters``
and ``telephony.sandboxes``. Every test runs blocking and asyncio. To reach the vendor's API in
another way, override the fixture `server`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

import telephony
from telephony import Capability, CarrierOutcome, PhoneNumber, webhooks
from telephony.capabilities import MUTATING
from telephony.protocols import PhoneNumberProvider
from telephony.sandbox import DeliveryAttempt, Sample, Sandbox
from telephony.testing.calls import CallConformance
from telephony.testing.client import connect
from telephony.testing.fault_matrix import (
    CALLS,
    Setup,
    set_up,
    webhook_of,
)
from telephony.testing.refusals import RefusalConformance

OTHER_PARTY = "+14155550199"
MANY = 105
UNREACHABLE = "http://127.0.0.1:9/{provider}"


class AdapterConformance(CallConformance, RefusalConformance):
    """Subclass it and name the adapter."""

    # --- What it says of itself ------------------------------------------------------------------

    def test_every_capability_is_declared(self, provider: PhoneNumberProvider) -> None:
        assert set(provider.capabilities) == set(Capability)
        for support in provider.capabilities.values():
            assert support.note or support.level is telephony.Level.FULL

    def test_every_change_declares_its_outcome_when_the_response_is_lost(
        self, provider: PhoneNumberProvider
    ) -> None:
        offered = {capability for capability in MUTATING if provider.supports(capability)}
        assert offered <= set(provider.adapter.outcomes)
        assert all(outcome.resolution for outcome in provider.adapter.outcomes.values())

    def test_it_is_a_provider(self, mode: str, settings: dict[str, object]) -> None:
        if mode == "blocking":
            with telephony.connect(self.adapter, settings=settings) as provider:
                assert isinstance(provider, telephony.PhoneNumberProvider)
        else:
            assert isinstance(
                telephony.connect_async(self.adapter, settings=settings),
                telephony.AsyncPhoneNumberProvider,
            )

    @pytest.mark.parametrize("operation", list(Capability))
    def test_what_is_not_offered_is_refused_before_any_request(
        self, provider: PhoneNumberProvider, server: Sandbox, sample: Sample, operation: Capability
    ) -> None:
        if provider.supports(operation):
            return
        with pytest.raises(telephony.UnsupportedOperationError) as caught:
            CALLS[operation](provider, Setup(OTHER_PARTY, sample, "c_1"))
        assert caught.value.operation == operation
        assert caught.value.instead
        assert server.requests(self.adapter) == []

    # --- Lifecycle of a number --------------------------------------------------------------------

    def test_the_lifecycle_of_a_number(
        self, provider: PhoneNumberProvider, made: Setup, server: Sandbox, sample: Sample
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
        assert assigned.assignment == sample.target
        assert assigned.replaced is None
        moved = provider.assign_number(made.number, sample.other_target)
        assert moved.assignment == sample.other_target
        assert moved.replaced == sample.target
        assert provider.get_number(made.number).assignment == sample.other_target
        assert moved.replaced is not None
        restored = provider.assign_number(made.number, moved.replaced)
        assert restored.assignment == sample.target
        freed = provider.unassign_number(made.number)
        assert freed.assignment is None
        assert freed.replaced == sample.target
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
        self, provider: PhoneNumberProvider, made: Setup
    ) -> None:
        by_number = provider.get_number(made.number)
        assert provider.get_number(by_number.id) == by_number
        assert provider.get_number(by_number) == by_number

    def test_a_number_of_another_provider_is_found_by_its_e164(
        self, provider: PhoneNumberProvider, made: Setup
    ) -> None:
        elsewhere = PhoneNumber(id="elsewhere_1", number=made.number, provider="elsewhere")
        assert provider.get_number(elsewhere).number == made.number

    def test_national_notation_is_read_when_the_region_is_set(
        self, mode: str, settings: dict[str, object], server: Sandbox
    ) -> None:
        with connect(mode, self.adapter, **settings, number_region="US") as client:
            made = set_up(client.provider, server, self.adapter)
            written = f"({made.number[2:5]}) {made.number[5:8]}-{made.number[8:]}"
            assert client.provider.get_number(written).number == made.number

    def test_numbers_of_many_pages_come_once_each_and_no_page_too_many(
        self, provider: PhoneNumberProvider, server: Sandbox
    ) -> None:
        numbers = {set_up(provider, server, self.adapter, nth).number for nth in range(MANY)}
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
        self, provider: PhoneNumberProvider, made: Setup, server: Sandbox, sample: Sample
    ) -> None:
        provider.assign_number(made.number, sample.target, options={"xOption": "17"})
        bodies = [r.content for r in server.requests(self.adapter)]
        assert any(b"xOption" in body and b"17" in body for body in bodies)

    # --- Messages --------------------------------------------------------------------------------

    def test_messages_come_newest_first_within_bounds(
        self, provider: PhoneNumberProvider, made: Setup, server: Sandbox
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
        assert {(m.recipient, m.number) for m in found} == {(made.number, made.number)}
        # Not every vendor says with whom.
        assert {m.sender for m in found} <= {OTHER_PARTY, None}
        assert found[0].body == "text 5"
        assert found[0].direction is telephony.Direction.INBOUND
        assert found[0].sent_at == start + timedelta(minutes=5)
        window = provider.list_messages(
            made.number, after=start + timedelta(minutes=1), before=start + timedelta(minutes=4)
        )
        assert [m.id for m in window] == planted[3:0:-1]
        assert [m.id for m in provider.list_messages(made.number, limit=2)] == planted[:3:-1]

    def test_a_message_is_sent_once_and_listed(
        self, provider: PhoneNumberProvider, made: Setup, server: Sandbox
    ) -> None:
        if not provider.supports(Capability.SEND_MESSAGE):
            return
        sent = provider.send_message(made.number, OTHER_PARTY, "On my way")
        assert (sent.sender, sent.recipient) == (made.number, OTHER_PARTY)
        assert sent.direction is telephony.Direction.OUTBOUND
        assert "On my way" not in repr(sent)
        assert [m.id for m in provider.list_messages(made.number)] == [sent.id]
        assert len(server.ledger(self.adapter, "message")) == 1

    def test_a_message_is_read_again(self, provider: PhoneNumberProvider, made: Setup) -> None:
        if not provider.supports(Capability.GET_MESSAGE):
            return
        sent = provider.send_message(made.number, OTHER_PARTY, "On my way")
        found = provider.get_message(sent)
        assert found == provider.get_message(sent.id)
        assert (found.id, found.provider, found.body) == (sent.id, provider.name, "On my way")
        assert "On my way" not in repr(found)
        with pytest.raises(telephony.NotFoundError):
            provider.get_message("no_such_message")

    def test_all_messages_come_newest_first_within_bounds(
        self, provider: PhoneNumberProvider, made: Setup, server: Sandbox
    ) -> None:
        if not provider.supports(Capability.LIST_ALL_MESSAGES):
            return
        other = set_up(provider, server, self.adapter, 1)
        start = datetime(2026, 5, 1, 12, tzinfo=UTC)
        planted = [
            server.receive_message(
                self.adapter,
                number,
                sender=OTHER_PARTY,
                body="Hello",
                sent_at=start + timedelta(minutes=nth),
            )
            for nth, number in enumerate([made.number, other.number, made.number, other.number])
        ]
        found = list(provider.list_messages())
        assert [message.id for message in found] == planted[::-1]
        assert [message.number for message in found[:2]] == [other.number, made.number]
        assert [message.id for message in provider.list_messages(limit=1)] == planted[:2:-1]
        window = provider.list_messages(
            after=start + timedelta(minutes=1), before=start + timedelta(minutes=3)
        )
        assert [message.id for message in window] == planted[2:0:-1]

    def test_a_key_finds_the_message_that_was_sent_with_it(
        self, provider: PhoneNumberProvider, made: Setup, server: Sandbox
    ) -> None:
        if not provider.supports(Capability.SEND_MESSAGE):
            return
        if "idempotency_key" not in provider.adapter.send_message_arguments:
            with pytest.raises(telephony.UnsupportedOperationError):
                provider.send_message(made.number, OTHER_PARTY, "Hi", idempotency_key="ticket-88")
            assert server.ledger(self.adapter, "message") == []
            return
        sent = [
            provider.send_message(made.number, OTHER_PARTY, "Hi", idempotency_key=key)
            for key in ("ticket-88", "ticket-88", "ticket-89")
        ]
        assert sent[0].id == sent[1].id
        assert len(server.ledger(self.adapter, "message")) == 2

    # --- Targets ---------------------------------------------------------------------------------

    def test_the_targets_are_listed_and_the_nearest_is_named(
        self, provider: PhoneNumberProvider, made: Setup, sample: Sample
    ) -> None:
        if not provider.supports(Capability.LIST_TARGETS):
            return
        provider.assign_number(made.number, sample.target)
        found = list(provider.list_targets())
        assert all(isinstance(target, provider.adapter.targets) for target in found)
        if isinstance(sample.target, telephony.Webhook):
            return  # any URL
        assert sample.target in found
        assert list(provider.list_targets(limit=1)) == found[:1]
        if isinstance(sample.target, telephony.Agent):
            misspelt = f"{sample.target.id[:-1]}x"
            try:
                provider.assign_number(made.number, telephony.Agent(misspelt))
            except telephony.ProviderError as missing:
                nearest = [target.id for target in found if isinstance(target, telephony.Agent)]
                assert any(target in str(missing) for target in nearest)  # noqa: PT017

    # --- Webhooks --------------------------------------------------------------------------------

    def test_a_received_text_is_the_same_in_its_webhook_and_in_the_listing(
        self, provider: PhoneNumberProvider, made: Setup, server: Sandbox
    ) -> None:
        offered = map(provider.supports, (Capability.PARSE_WEBHOOK, Capability.LIST_MESSAGES))
        if not all(offered):
            return
        server.send_webhooks(UNREACHABLE)
        server.receive_message(self.adapter, made.number, sender=OTHER_PARTY, body="Hello")
        tries = [self._parsed(provider, each) for each in server.delivered()]
        if not tries:
            return  # the vendor reports no single texts
        (event,) = tries[0]
        assert [again.id for (again,) in tries] == [event.id] * len(tries)
        assert isinstance(event, webhooks.MessageReceived)
        assert "Hello" not in repr(event)
        # What the webhook leaves out is None; the raw bodies are two.
        received = event.message.model_dump(exclude={"raw"}, exclude_none=True)
        (listed,) = provider.list_messages(made.number)
        assert received == listed.model_dump(include=set(received))

    def test_webhooks_report_the_start_and_end_of_a_call(
        self, provider: PhoneNumberProvider, made: Setup, server: Sandbox, sample: Sample
    ) -> None:
        if not provider.supports(Capability.PARSE_WEBHOOK):
            return
        if not isinstance(sample.target, telephony.Webhook):
            provider.assign_number(made.number, sample.target)
        server.send_webhooks(UNREACHABLE)
        called = server.receive_call(self.adapter, made.number, sender=OTHER_PARTY)
        events = {
            event.id: event for each in server.delivered() for event in self._parsed(provider, each)
        }
        *begun, last = events.values()
        assert isinstance(last, webhooks.CallEnded)
        concerned: list[webhooks.CallStarted | webhooks.CallTurn | webhooks.CallEnded] = [last]
        note = provider.capabilities[Capability.PARSE_WEBHOOK].note
        if "nothing is sent when they begin" not in note:
            first = begun[0]
            assert isinstance(first, webhooks.CallStarted | webhooks.CallTurn)
            concerned.append(first)
        for event in concerned:
            assert (event.call.id, event.call.number) == (called, made.number)
            assert (event.call.sender, event.call.recipient) == (OTHER_PARTY, made.number)
            assert event.call.direction is telephony.Direction.INBOUND
        assert last.call.status is telephony.CallStatus.COMPLETED

    def test_an_unsigned_webhook_is_refused(self, provider: PhoneNumberProvider) -> None:
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

    def test_a_webhook_is_set_once_and_replaced_only_on_request(
        self, provider: PhoneNumberProvider, made: Setup
    ) -> None:
        if not provider.supports(Capability.SET_WEBHOOK):
            return
        one, other, of = "https://example.com/1", "https://example.com/2", webhook_of(made)
        was = provider.get_webhook(of)
        first = provider.set_webhook(one, of=of, replace=was is not None)
        assert (first.url, first.provider) == (one, provider.name)
        assert (first.previous and first.previous.url) == (was and was.url)
        again = provider.set_webhook(one, of=of)
        assert (again.id, again.previous) == (first.id, None)
        assert again.secret in {first.secret, None}  # some vendors show it once
        with pytest.raises(telephony.ConflictError, match="replace=True"):
            provider.set_webhook(other, of=of)
        found = provider.get_webhook(of)
        assert found is not None
        assert found.url == one
        replaced = provider.set_webhook(other, of=of, replace=True)
        assert replaced.url == other
        assert replaced.previous is not None
        assert replaced.previous.url == one

    def _parsed(self, provider: PhoneNumberProvider, sent: DeliveryAttempt) -> list[webhooks.Event]:
        return webhooks.parse(
            provider, method=sent.method, url=sent.url, headers=sent.headers, body=sent.body
        )
