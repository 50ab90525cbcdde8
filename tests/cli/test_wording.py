"""The library's messages as the command line prints them."""

from __future__ import annotations

import re

import pytest

from telephony import Capability, _tables
from telephony.cli.wording import COMMANDS, on_the_command_line

# A call, a keyword argument, or the name of a method.
_PYTHON = re.compile(rf"\w+\(|(?<!--option )\b[a-z_]+=\w|\b(?:{'|'.join(Capability)})\b")


@pytest.mark.parametrize(
    ("library", "command_line"),
    [
        (
            "Give source=LinkedCarrier(id) with the id of link_carrier(), or SipTrunk(…).",
            "Give --carrier ID with the id of `telephony carriers link`, or --sip-address HOST.",
        ),
        (
            "butter: import_number with source=TwilioAccount(…) is not offered by this vendor. "
            "Here `source` can be: LinkedCarrier or SipTrunk.",
            "butter: numbers import with --twilio-account AC… is not offered by this vendor. "
            "Give --carrier ID or --sip-address HOST.",
        ),
        (
            "Import it once more with inbound=False and source=SipTrunk(address=…).",
            "Import it once more with --no-inbound and --sip-address HOST.",
        ),
        (
            "`area_code` is not made of digits. Write it like 415.",
            "--area-code is not made of digits. Write it like 415.",
        ),
        (
            "Give an `auth_token` to TwilioAccount(…).",
            "Give an --auth-token to --twilio-account AC….",
        ),
        (
            "It may have been done: look in list_calls(number) before you repeat it.",
            "It may have been done: look in `telephony calls list NUMBER` before you repeat it.",
        ),
        (
            "acme: place_call with metadata is not offered by this vendor. Leave `metadata` out.",
            "acme: call with --metadata is not offered by this vendor. Leave --metadata out.",
        ),
        (
            "Try again, or raise the `timeout` setting.",
            "Try again, or raise the `timeout` setting.",
        ),
        # What only looks like Python is left alone.
        (
            "The header X-Webhook-Signature is missing.",
            "The header X-Webhook-Signature is missing.",
        ),
        (
            "Agent or Room is unknown: /a?to=Agent&url=3",
            "Agent or Room is unknown: /a?to=Agent&url=3",
        ),
    ],
)
def test_messages_name_flags_and_commands(library, command_line):
    assert on_the_command_line(library) == command_line


def test_no_reason_of_any_vendor_names_python():
    for vendor, supports in _tables.matrix().items():
        for support in supports.values():
            said = on_the_command_line(support.note)
            assert not _PYTHON.search(said.replace("`telephony call`", "")), (vendor, said)


def test_every_operation_has_a_command():
    assert set(COMMANDS) == set(Capability)
