"""Tests that record their traffic with a vendor once, and replay it from then on.

    CARTESIA_API_KEY=… pytest --record-mode=once examples/test_cassettes.py    # records
    pytest examples/test_cassettes.py                                          # replays

The first writes examples/cassettes/test_cassettes/*.yaml, without anything secret or private.
Commit them. The second needs neither a key nor a network, and fails if the program would send
other requests. To record anew, delete them.
"""

import os
from pathlib import Path

import pytest

import telephony
from telephony.testing.leaks import leaks_in
from telephony.testing.scrubbing import Scrubber

CASSETTES = Path(__file__).parent / "cassettes" / Path(__file__).stem


@pytest.fixture
def vcr_config() -> dict[str, object]:
    """Take out keys, texts and people's numbers before anything is written."""
    # Name what the scrubber cannot know to be private.
    scrubber = Scrubber(replaced={"Ada Lovelace": "Customer"}, text_names=["label"])
    return scrubber.vcr_config()


@pytest.mark.vcr
@pytest.mark.block_network
def test_every_number_is_assigned() -> None:
    """This reads the vendor's own bodies, not what we believe they are."""
    key = os.environ.get("CARTESIA_API_KEY", "any will do to replay")
    with telephony.connect("cartesia", api_key=key) as provider:
        numbers = list(provider.list_numbers())
    assert numbers
    assert all(number.assignment for number in numbers)


@pytest.mark.vcr
@pytest.mark.block_network
def test_a_number_that_is_not_there_is_not_found() -> None:
    """Errors are recorded too."""
    key = os.environ.get("CARTESIA_API_KEY", "any will do to replay")
    with (
        telephony.connect("cartesia", api_key=key) as provider,
        pytest.raises(telephony.NotFoundError),
    ):
        provider.get_number("+14155550100")


def test_no_cassette_holds_a_secret() -> None:
    """Look for what the scrubber may have missed, by other means."""
    assert leaks_in(CASSETTES) == {}
