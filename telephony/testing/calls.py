"""The life of a call: placed, listed, followed to its end, or ended, and what was said in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

import telephony
from telephony import Call, CallStatus, Capability, Level, webhooks
from telephony.protocols import PhoneNumberProvider
from telephony.sandbox import Sandbox
from telephony.sandbox.calls import RINGS, SPOKEN, TALKS, sound
from telephony.testing.fault_matrix import OTHER_PARTY, Setup, place_call
from telephony.testing.fixtures import AdapterFixtures

UNDER_WAY = (CallStatus.QUEUED, CallStatus.RINGING, CallStatus.IN_PROGRESS)
HOUR = 3600.0
OF_ONE_CALL: dict[Capability, Callable[[PhoneNumberProvider, str], object]] = {
    Capability.GET_CALL: lambda p, call: p.get_call(call),
    Capability.END_CALL: lambda p, call: p.end_call(call),
    Capability.GET_TRANSCRIPT: lambda p, call: p.get_transcript(call),
    Capability.GET_RECORDING: lambda p, call: p.get_recording(call),
}


class CallConformance(AdapterFixtures):
    """Calls at every vendor; what a vendor has only partly may end with its call."""

    # --- From beginning to end -------------------------------------------------------------------

    def test_a_call_is_placed_once(
        self, provider: PhoneNumberProvider, made: Setup, server: Sandbox
    ) -> None:
        if not provider.supports(Capability.PLACE_CALL):
            return
        call = self._placed(provider, made)
        assert (call.number, call.recipient) == (made.number, OTHER_PARTY)
        assert len(server.ledger(self.adapter, "call")) == 1

    def test_a_call_is_followed_to_its_end(
        self, provider: PhoneNumberProvider, made: Setup, server: Sandbox
    ) -> None:
        if not self._all_supported(provider, Capability.PLACE_CALL, Capability.GET_CALL):
            return
        placed = self._placed(provider, made)
        found = provider.get_call(placed)
        assert found == provider.get_call(placed.id)
        assert (found.id, found.provider, found.recipient) == (
            placed.id, provider.name, OTHER_PARTY,
        )  # fmt: skip
        assert not found.status.is_final
        assert (found.ended_at, found.answered_at) == (None, None)

        call, seen = found, [placed.status]
        for _ in range(int(RINGS + TALKS)):
            seen.append(call.status)
            server.advance(self.adapter, 1)
            now = self._now(provider, placed)
            if now is None:
                return  # it is known only while it lasts
            call = now
        seen.append(call.status)
        assert [status for status in UNDER_WAY if status in seen] == list(dict.fromkeys(seen))[:-1]
        assert call.status is CallStatus.COMPLETED
        moments = [call.started_at, call.answered_at, call.ended_at]
        known = [moment for moment in moments if moment is not None]
        assert known == sorted(known)
        assert call.duration in (None, timedelta(seconds=TALKS), timedelta(seconds=RINGS + TALKS))

    def test_a_call_that_is_not_answered_is_not_completed(
        self, provider: PhoneNumberProvider, made: Setup, server: Sandbox
    ) -> None:
        if not self._all_supported(provider, Capability.PLACE_CALL, Capability.GET_CALL):
            return
        server.vendors[self.adapter].state.calls.outcomes.append(CallStatus.BUSY)
        placed = self._placed(provider, made)
        server.advance(self.adapter, RINGS)
        call = self._now(provider, placed)
        if call is not None:
            assert call.status in {CallStatus.BUSY, CallStatus.NO_ANSWER, CallStatus.FAILED}
            assert call.answered_at is None

    @pytest.mark.parametrize("argument", ["agent", "url", "metadata", "timeout", "idempotency_key"])
    def test_what_a_call_cannot_carry_is_refused_before_any_request(
        self, provider: PhoneNumberProvider, server: Sandbox, argument: str
    ) -> None:
        if argument in provider.adapter.place_call_arguments:
            return
        given = {
            "agent": "agent_1",
            "url": "https://example.com/",
            "metadata": {"ticket": "88"},
            "timeout": 17.0,
            "idempotency_key": "ticket-88",
        }
        with pytest.raises(telephony.UnsupportedOperationError):
            provider.place_call("+14155550123", OTHER_PARTY, **{argument: given[argument]})  # type: ignore[arg-type]
        assert server.requests(self.adapter) == []

    def test_a_key_finds_the_call_that_was_placed_with_it(
        self, provider: PhoneNumberProvider, made: Setup, server: Sandbox
    ) -> None:
        if "idempotency_key" not in provider.adapter.place_call_arguments:
            return
        provider.assign_number(made.number, made.sample.target)
        first = place_call(provider, made, key="ticket-88")
        again = place_call(provider, made, key="ticket-88")
        assert (again.id, again.recipient) == (first.id, OTHER_PARTY)
        other = place_call(provider, made, key="ticket-89")
        assert [entry.id for entry in server.ledger(self.adapter, "call")] == [first.id, other.id]

    def test_what_goes_with_a_call_reaches_the_vendor(
        self, provider: PhoneNumberProvider, made: Setup, server: Sandbox
    ) -> None:
        carried = provider.adapter.place_call_arguments
        provider.assign_number(made.number, made.sample.target)
        if "metadata" in carried:
            place_call(provider, made, metadata={"ticket": "ticket-88"})
            assert any(b"ticket-88" in sent.content for sent in server.requests(self.adapter))
        if "timeout" in carried:
            place_call(provider, made, timeout=17)
            assert any(b"17" in sent.content for sent in server.requests(self.adapter)[-2:])

    # --- Listed ----------------------------------------------------------------------------------

    def test_calls_come_newest_first_within_bounds(
        self, provider: PhoneNumberProvider, made: Setup, server: Sandbox
    ) -> None:
        if not self._all_supported(provider, Capability.PLACE_CALL, Capability.LIST_CALLS):
            return
        placed = [self._placed(provider, made)]
        if self._known_only_while_it_lasts(provider, Capability.LIST_CALLS):
            assert [call.id for call in provider.list_calls()] == [placed[0].id]
            return
        for _ in range(3):
            server.advance(self.adapter, HOUR)
            placed.append(self._placed(provider, made))
        ids = [call.id for call in reversed(placed)]
        found = list(provider.list_calls(made.number))
        assert [call.id for call in found] == ids
        assert {call.recipient for call in found} <= {OTHER_PARTY, None}
        assert [call.id for call in provider.list_calls()] == ids
        assert [call.id for call in provider.list_calls(made.number, limit=2)] == ids[:2]
        after, before = found[2].started_at, found[0].started_at
        window = provider.list_calls(made.number, after=after, before=before)
        assert [call.id for call in window] == ids[1:3]

    # --- Ended -----------------------------------------------------------------------------------

    @pytest.mark.parametrize("when", [0.0, RINGS + 10], ids=["unanswered", "answered"])
    def test_a_call_is_ended_once(
        self, provider: PhoneNumberProvider, made: Setup, server: Sandbox, when: float
    ) -> None:
        if not self._all_supported(provider, Capability.PLACE_CALL, Capability.END_CALL):
            return
        placed = self._placed(provider, made)
        server.advance(self.adapter, when)
        try:
            ended = provider.end_call(placed)
        except (telephony.ConflictError, telephony.UnsupportedOperationError):
            assert provider.capabilities[Capability.END_CALL].level is Level.PARTIAL
            return
        assert ended.id == placed.id
        assert provider.end_call(placed.id).id == placed.id
        server.advance(self.adapter, HOUR)
        assert provider.end_call(ended).id == placed.id
        assert [entry.id for entry in server.ledger(self.adapter, "end")] == [placed.id]
        if provider.supports(Capability.GET_CALL):
            call = self._now(provider, placed)
            assert call is None or call.status.is_final

    # --- What was said ---------------------------------------------------------------------------

    def test_what_was_said_is_read_and_shown_to_nobody(
        self, provider: PhoneNumberProvider, made: Setup, server: Sandbox
    ) -> None:
        if not self._all_supported(provider, Capability.PLACE_CALL, Capability.GET_TRANSCRIPT):
            return
        placed = self._placed(provider, made)
        server.advance(self.adapter, HOUR)
        transcript = provider.get_transcript(placed)
        assert (transcript.call, transcript.provider) == (placed.id, provider.name)
        assert [(turn.speaker, turn.text) for turn in transcript.turns] == [
            (speaker, text) for _, speaker, text in SPOKEN
        ]
        moments = [turn.at for turn in transcript.turns if turn.at is not None]
        assert moments == sorted(moments)
        for _, _, text in SPOKEN:
            assert text not in repr(transcript)

    def test_a_recording_is_fetched_and_saved(
        self, provider: PhoneNumberProvider, made: Setup, server: Sandbox, tmp_path: Path
    ) -> None:
        if not self._all_supported(provider, Capability.PLACE_CALL, Capability.GET_RECORDING):
            return
        placed = self._placed(provider, made)
        with pytest.raises(telephony.NotFoundError):
            provider.get_recording(placed)
        server.advance(self.adapter, HOUR)
        recording = provider.get_recording(placed.id)
        assert recording.media_type.startswith("audio/")
        assert (recording.call, recording.provider) == (placed.id, provider.name)
        assert recording.save(tmp_path / "call.wav").read_bytes() == sound()

    @pytest.mark.parametrize("operation", list(OF_ONE_CALL))
    def test_a_call_that_there_is_not_is_not_found(
        self, provider: PhoneNumberProvider, operation: Capability
    ) -> None:
        if provider.supports(operation):
            with pytest.raises(telephony.NotFoundError):
                OF_ONE_CALL[operation](provider, "no_such_call")

    def test_the_end_of_a_call_is_the_same_in_its_webhook_and_when_read(
        self, provider: PhoneNumberProvider, made: Setup, server: Sandbox
    ) -> None:
        if not self._all_supported(provider, Capability.PARSE_WEBHOOK, Capability.GET_CALL):
            return
        if not isinstance(made.sample.target, telephony.Webhook):
            provider.assign_number(made.number, made.sample.target)
        server.send_webhooks("http://127.0.0.1:9/{provider}")
        called = server.receive_call(self.adapter, made.number, sender=OTHER_PARTY)
        events = [
            event
            for sent in server.delivered()
            for event in webhooks.parse(
                provider, method=sent.method, url=sent.url, headers=sent.headers, body=sent.body
            )
        ]
        (ended, *_) = (event for event in events if isinstance(event, webhooks.CallEnded))
        call = self._now(provider, called)
        if call is not None:
            reported = ended.call.model_dump(exclude={"raw"}, exclude_none=True)
            read = call.model_dump(exclude={"raw"}, exclude_none=True)
            both = reported.keys() & read.keys()
            assert {name: reported[name] for name in both} == {name: read[name] for name in both}

    # --- Shared steps ----------------------------------------------------------------------------

    def _placed(self, provider: PhoneNumberProvider, made: Setup) -> Call:
        provider.assign_number(made.number, made.sample.target)
        return place_call(provider, made)

    @staticmethod
    def _all_supported(provider: PhoneNumberProvider, *operations: Capability) -> bool:
        return all(map(provider.supports, operations))

    @staticmethod
    def _known_only_while_it_lasts(provider: PhoneNumberProvider, operation: Capability) -> bool:
        return "while it lasts" in provider.capabilities[operation].note

    def _now(self, provider: PhoneNumberProvider, call: Call | str) -> Call | None:
        """Return a call as it is now; None where the vendor knows it only while it lasts."""
        try:
            return provider.get_call(call)
        except telephony.NotFoundError:
            assert self._known_only_while_it_lasts(provider, Capability.GET_CALL)
            return None
