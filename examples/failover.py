r"""Text somebody through a second vendor when the first fails, but not when it may have sent it.

    python examples/failover.py +14155550199 "Your table is ready." \
        --route agentphone +13125550000 --route twilio +14155550142

Exit code 0: sent. 1: not sent. 3: it may have been sent, and no vendor can tell; with
--rather-twice the next vendor sends it anyway.
"""

import argparse
import logging
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import telephony
from telephony import (
    AuthenticationError,
    Message,
    OutcomeUnknownError,
    PermissionDeniedError,
    PhoneNumberProvider,
    ProviderError,
    QuotaExceededError,
)

log = logging.getLogger("failover")

THIS_VENDOR_REFUSES = (AuthenticationError, PermissionDeniedError, QuotaExceededError)


def may_try_next(error: ProviderError) -> bool:
    """Return whether nothing was sent, and another vendor may well succeed.

    An error in the text itself, such as an invalid recipient, is an error at every vendor.
    """
    return error.retry_safe or isinstance(error, THIS_VENDOR_REFUSES)


def sent_after_all(
    provider: PhoneNumberProvider, number: str, to: str, body: str, began: datetime
) -> Message | None:
    """Return the text whose response was lost, if the vendor lists it."""
    try:
        for message in provider.list_messages(number, after=began, limit=100):
            if (message.recipient, message.body) == (to, body):
                return message
    except ProviderError:
        pass  # it still fails: the outcome stays unknown
    return None


def send(
    routes: Iterable[tuple[PhoneNumberProvider, str]], to: str, body: str, *, rather_twice: bool
) -> Message:
    """Send a text through the first vendor that can.

    Raises:
        OutcomeUnknownError: it may have been sent.
        ProviderError: nothing was sent; the last vendor's reason.
    """
    began = datetime.now(UTC) - timedelta(minutes=1)  # a vendor's clock may be behind
    unknown: OutcomeUnknownError | None = None
    failure: ProviderError | None = None
    for provider, number in routes:
        try:
            # Few retries: there is another vendor.
            quick = provider.with_options(timeout=5, retries=1, deadline=10)
            return quick.send_message(number, to, body)
        except OutcomeUnknownError as lost:
            found = sent_after_all(provider, number, to, body, began)
            if found is not None:
                return found
            if not rather_twice:
                raise
            failure = unknown = lost
        except ProviderError as refused:
            failure = refused
            if not may_try_next(refused):
                break
        log.warning("%s", failure)
    raise unknown or failure or ValueError("There are no routes.")


def main() -> None:
    """Send the text, and say through which vendor."""
    arguments = argparse.ArgumentParser(description="Text somebody through the first that can.")
    arguments.add_argument("to", help="E.164")
    arguments.add_argument("body", help="the text")
    arguments.add_argument(
        "--route", nargs=2, action="append", required=True, metavar=("PROVIDER", "NUMBER")
    )
    arguments.add_argument("--rather-twice", action="store_true", help="than not at all")
    given = arguments.parse_args()
    with ExitStack() as opened:
        routes = [
            (opened.enter_context(telephony.connect(name)), number) for name, number in given.route
        ]
        try:
            message = send(routes, given.to, given.body, rather_twice=given.rather_twice)
        except OutcomeUnknownError as lost:
            print(lost, file=sys.stderr)
            sys.exit(3)
        except ProviderError as failure:
            sys.exit(str(failure))
    print(f"{message.provider}: {message.status} {message.id}")


if __name__ == "__main__":
    main()
