"""What must be true of each operation's result, at every vendor, recorded or live."""

from __future__ import annotations

from collections.abc import Callable

import telephony
from telephony import Agent, Capability
from telephony.testing.fault_matrix import Setup


def _the_number(result, made):
    assert result.number == made.number
    assert result.raw


def _listed(result, made):
    assert made.number in [number.number for number in result]
    assert len({number.id for number in result}) == len(result)


def _found(result, _):
    assert result
    assert all(offer.number.startswith("+1") for offer in result)


def _bought(result, _):
    assert result.id
    # A vendor may give out the number later, as it activates it.
    pending = result.status is telephony.NumberStatus.PENDING
    assert result.number.startswith("+1") or (pending and not result.number)


def _imported(result, made):
    assert result.number in {made.importable, made.number}


def _renamed(result, made):
    _the_number(result, made)
    assert result.label == "New label"


def _assigned(result, made):
    _the_number(result, made)
    wanted = made.sample.target
    if isinstance(wanted, Agent):
        assert result.assignment.id == wanted.id
    else:
        assert result.assignment == wanted


def _freed(result, made):
    _the_number(result, made)
    assert result.assignment is None


def _released(result, made):
    assert result.number == made.number
    assert result.at_carrier in telephony.CarrierOutcome


def _messages(result, made):
    assert {message.number for message in result} == {made.number}
    times = [message.sent_at for message in result]
    assert times == sorted(times, reverse=True)


def _sent(result, made):
    assert (result.sender, result.recipient) == (made.number, made.other_party)
    assert result.direction is telephony.Direction.OUTBOUND


def _called(result, made):
    assert (result.number, result.recipient) == (made.number, made.other_party)
    assert result.id


def _the_call(result, made):
    assert result.id == made.call
    assert result.raw


def _calls(result, made):
    assert {call.number for call in result} <= {made.number}
    times = [call.started_at for call in result if call.started_at]
    assert times == sorted(times, reverse=True)


def _transcript(result, made):
    assert result.call == made.call
    assert {turn.speaker for turn in result.turns} <= set(telephony.Speaker)
    assert result.turns


def _recording(result, made):
    assert result.call == made.call
    assert result.content
    assert result.media_type.startswith("audio/")


def _the_message(result, made):
    assert result.id == made.message


def _all_messages(result, _):
    assert result
    times = [message.sent_at for message in result]
    assert times == sorted(times, reverse=True)


def _targets(result, _):
    assert result
    assert len(set(result)) == len(result)


def _carriers(result, made):
    assert made.carrier in [carrier.id for carrier in result]


def _linked(result, _):
    assert result.id


def _the_carrier(result, made):
    assert result.id == made.carrier


CHECKS: dict[Capability, Callable[[object, Setup], None]] = {
    Capability.LIST_NUMBERS: _listed,
    Capability.GET_NUMBER: _the_number,
    Capability.SEARCH_NUMBERS: _found,
    Capability.PROVISION_NUMBER: _bought,
    Capability.IMPORT_NUMBER: _imported,
    Capability.UPDATE_NUMBER: _renamed,
    Capability.ASSIGN_NUMBER: _assigned,
    Capability.UNASSIGN_NUMBER: _freed,
    Capability.RELEASE_NUMBER: _released,
    Capability.LIST_MESSAGES: _messages,
    Capability.SEND_MESSAGE: _sent,
    Capability.PLACE_CALL: _called,
    Capability.LIST_CALLS: _calls,
    Capability.GET_CALL: _the_call,
    Capability.END_CALL: _the_call,
    Capability.GET_TRANSCRIPT: _transcript,
    Capability.GET_RECORDING: _recording,
    Capability.GET_MESSAGE: _the_message,
    Capability.LIST_ALL_MESSAGES: _all_messages,
    Capability.LIST_TARGETS: _targets,
    Capability.LIST_CARRIERS: _carriers,
    Capability.LINK_CARRIER: _linked,
    Capability.ROTATE_CARRIER: _the_carrier,
    Capability.UNLINK_CARRIER: _the_carrier,
}
