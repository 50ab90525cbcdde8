"""Read failed attempts: whether the vendor may have seen the request, and which error it is."""

from __future__ import annotations

import ssl

import httpx

from telephony._transport.content import UnreadableContentError
from telephony._transport.retry import NoResponse
from telephony.errors import (
    InvalidResponseError,
    ProviderError,
    ProviderTimeoutError,
    UnavailableError,
)
from telephony.redaction import chain


def no_response(failure: BaseException, *, sent: bool, response_begun: bool) -> NoResponse | None:
    """Return `failure` as an event for the retry policy; None if it is to be raised as it is.

    Once any of the request was sent, every exception means a lost response.

    Args:
        failure: what ended the attempt.
        sent: whether any of the request was sent.
        response_begun: whether any of the response had arrived.
    """
    if not isinstance(failure, Exception):
        return None  # an interruption, which the driver reports
    if isinstance(failure, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
        sent = False
    elif not sent and not isinstance(failure, httpx.HTTPError | OSError):
        return None
    error = _error(failure, sent=sent, response_begun=response_begun)
    error.__cause__ = failure
    return NoResponse(error, sent=sent)


def _error(failure: Exception, *, sent: bool, response_begun: bool) -> ProviderError:
    kind = type(failure).__name__
    if isinstance(failure, httpx.TimeoutException | TimeoutError):
        return ProviderTimeoutError("No response in time" if sent else "No connection in time")
    if isinstance(failure, UnreadableContentError):
        return InvalidResponseError(f"The response's body cannot be read: {failure}")
    if response_begun:
        return InvalidResponseError(f"The response breaks off ({kind})")
    untrusted = next(
        (one for one in chain(failure) if isinstance(one, ssl.SSLCertVerificationError)), None
    )
    if untrusted is not None:
        return UnavailableError(
            f"The server's certificate is not trusted: {untrusted.verify_message}",
            hint="Check `base_url`. Behind a proxy with a certificate authority of its own, name "
            "that authority's file in the setting `verify` or in SSL_CERT_FILE.",
        )
    message = "The connection broke" if sent else "No connection could be made"
    return UnavailableError(f"{message} ({kind})")
