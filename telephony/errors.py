"""The errors of this library, as a tree.

TelephonyError
├── ConfigurationError          a setting, profile or adapter is missing or wrong
├── UnsupportedOperationError   the vendor has no such operation; nothing was sent
├── SignatureError              a webhook could not be proven to come from the vendor
└── ProviderError               everything that concerns one operation at one vendor
    ├── AuthenticationError     the credentials were refused
    ├── PermissionDeniedError   the credentials are valid, but not allowed to do this
    ├── NotFoundError           no such number, call, message, agent or carrier account
    ├── ConflictError           the vendor's state forbids it (already imported, still assigned)
    ├── InvalidRequestError     an argument is wrong; `argument` names it when we found it ourselves
    ├── QuotaExceededError      the plan, the balance or an account limit is used up
    ├── RateLimitedError        too many requests; `retry_after` says how long to wait
    ├── UnavailableError        the vendor could not be reached, or is failing
    ├── ProviderTimeoutError    no response in time
    ├── InvalidResponseError    a response that cannot be understood
    └── OutcomeUnknownError     it may have been done: check before you repeat it

Every `ProviderError` says whether the same call can safely be made again (`retry_safe`).
No error carries a secret or the text of a message.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar, TypeVar

from pydantic import JsonValue

from telephony.redaction import masked, masked_code

_LONGEST = 500


class TelephonyError(Exception):
    """The base of everything this library raises on purpose.

    Catch it where you report a failure, and a class below it where you can do something about it.
    """


class ConfigurationError(TelephonyError):
    """A setting, a profile or an adapter is missing or wrong. The message says what to change."""


class SignatureError(TelephonyError):
    """A webhook is not proven to be the vendor's. The message says which check failed.

    Refuse it with status 401, as `telephony.webhooks` does. If it is the vendor's, the setting of
    the secret is wrong, or a proxy changed the URL or the body that the vendor signed.
    """


class UnsupportedOperationError(TelephonyError):
    """The vendor offers no such operation. Raised before any request is sent.

    Do what `instead` says, or ask `supports` before you call.

    Attributes:
        provider: the configured name of the provider.
        operation: the operation that was called, such as ``send_message``.
        instead: what to use in its place.
    """

    def __init__(self, provider: str, operation: str, instead: str) -> None:
        super().__init__(
            f"{provider}: {operation} is not offered by this vendor. {instead}".strip()
        )
        self.provider = provider
        self.operation = operation
        self.instead = instead

    def __reduce__(self) -> tuple[type[UnsupportedOperationError], tuple[str, str, str]]:
        return type(self), (self.provider, self.operation, self.instead)


@dataclass(eq=False, repr=False)
class ProviderError(TelephonyError):
    """An operation at a vendor did not succeed.

    Do what `hint` says. With `retry_safe` the same call can be made again at once or later.

    Attributes:
        message: what happened, in the vendor's words where it gave any.
        hint: what to do next.
        provider: the configured name of the provider.
        operation: the operation that failed, such as ``assign_number``.
        status: the HTTP status, or None when there was no response.
        code: the vendor's own error code, as a string.
        request_id: the vendor's id of the request, for its support.
        retry_safe: True when making the same call again cannot do the work twice.
        attempts: how many HTTP attempts were made, 0 when none was.
        raw: the vendor's error body, secrets removed.
    """

    default_hint: ClassVar[str] = ""

    message: str
    _: KW_ONLY
    hint: str = ""
    provider: str = ""
    operation: str = ""
    status: int | None = None
    code: str | None = None
    request_id: str | None = None
    retry_safe: bool = False
    attempts: int = 0
    raw: JsonValue = None

    def __post_init__(self) -> None:
        self.hint = self.hint or self.default_hint

    def __str__(self) -> str:
        where = ": ".join(part for part in (self.provider, self.operation) if part)
        facts = [f"HTTP {self.status}"] if self.status else []
        facts += [f"code {self.code}"] if self.code else []
        facts += [f"request {self.request_id}"] if self.request_id else []
        text = self.message.rstrip(".")
        said = f"{text} ({', '.join(facts)})." if facts else f"{text}."
        return " ".join(part for part in (f"{where}:" if where else "", said, self.hint) if part)

    def add_context(
        self, provider: str, operation: str, secrets: Iterable[str], texts: Iterable[str] = ()
    ) -> None:
        """Add where it happened, and remove the secrets and texts that the vendor echoed."""
        self.provider = self.provider or provider
        self.operation = self.operation or operation
        known, written = tuple(secrets), tuple(texts)
        # Cut only now: half a secret would not be found.
        self.message = str(masked(self.message, known, written))[:_LONGEST]
        if self.code is not None:
            # As a fact, in which a word of the text may stand by chance.
            self.code = masked_code(self.code, known, written)
        self.raw = masked(self.raw, known, written)
        super().__init__(self.message)


class AuthenticationError(ProviderError):
    """The credentials were refused.

    Correct them: ``telephony config check`` shows where each of them came from.
    """

    default_hint: ClassVar[str] = (
        "Check the credentials of this provider with `telephony config check`."
    )


class PermissionDeniedError(ProviderError):
    """The credentials are valid, but not allowed to do this.

    Use a key with more rights, or remove the number from the setting `protected`.
    """

    default_hint: ClassVar[str] = "Use credentials that are allowed to do this."


@dataclass(eq=False, repr=False)
class NotFoundError(ProviderError):
    """There is no such number, call, message, agent or carrier account.

    Correct the id: the listings, such as `list_numbers`, return those that exist.

    Attributes:
        argument: the name of the argument that names it, where that is not obvious.
    """

    default_hint: ClassVar[str] = "Check the id: the listings return those that exist."

    argument: str | None = None


class ConflictError(ProviderError):
    """The vendor's state forbids it: already imported, or still assigned.

    Read the state, for example with `get_number`, and decide from there.
    """

    default_hint: ClassVar[str] = "Read the current state with get_number() and decide from there."


@dataclass(eq=False, repr=False)
class InvalidRequestError(ProviderError):
    """An argument is wrong.

    Correct it; the same call fails again.

    Attributes:
        argument: its name, when the library itself refused it before sending anything.
    """

    argument: str | None = None


class QuotaExceededError(ProviderError):
    """The plan, the balance or a limit of the account is used up.

    Raise the limit at the vendor, or release numbers that you no longer need.
    """

    default_hint: ClassVar[str] = (
        "Raise the plan or the balance at the vendor, or release numbers you no longer need."
    )


@dataclass(eq=False, repr=False)
class RateLimitedError(ProviderError):
    """The vendor refused to take more requests for now.

    Wait `retry_after` seconds, then make the same call again; the library's own retries are used
    up. The setting `requests_per_second` keeps you below the limit.

    Attributes:
        retry_after: seconds to wait before the next try, or None when the vendor did not say.
    """

    default_hint: ClassVar[str] = "Wait, then make the same call again."

    retry_safe: bool = True
    retry_after: float | None = None


class UnavailableError(ProviderError):
    """The vendor could not be reached, or is failing.

    Try again later if `retry_safe` is set: the library's own retries are used up.
    """

    default_hint: ClassVar[str] = "The vendor may be down: check its status page, then try again."


class ProviderTimeoutError(ProviderError):
    """There was no response, or no connection, in time.

    Try again if `retry_safe` is set, or raise the settings `timeout` and `deadline`.
    """

    default_hint: ClassVar[str] = "Try again, or raise the `timeout` setting."


class InvalidResponseError(ProviderError):
    """The vendor's response cannot be understood.

    Check that `base_url` is the vendor's API, and not a proxy or a web page. If it is, the vendor
    has changed its responses: report it with the `request_id`.
    """

    default_hint: ClassVar[str] = (
        "Check that `base_url` points at the vendor's API and not at a proxy or a web page."
    )


class OutcomeUnknownError(ProviderError):
    """The work may have been done: the response was lost or could not be read.

    With `retry_safe` the same call can be made again: a second time changes nothing more. Without
    it, check at the vendor before you repeat the call, for example with ``list_numbers()``.
    """

    default_hint: ClassVar[str] = "It may have been done: check at the vendor before you repeat it."


E = TypeVar("E", bound=ProviderError)


def reclassified(
    error: ProviderError,
    kind: type[E],
    message: str = "",
    *,
    hint: str = "",
    retry_safe: bool = False,
) -> E:
    """Return an error of another kind with the facts of `error`, and its message unless given."""
    return kind(
        message or error.message,
        hint=hint,
        status=error.status,
        code=error.code,
        request_id=error.request_id,
        retry_safe=retry_safe,
        attempts=error.attempts,
        raw=error.raw,
    )


_BY_STATUS: dict[int, type[ProviderError]] = {
    401: AuthenticationError,
    402: QuotaExceededError,
    403: PermissionDeniedError,
    404: NotFoundError,
    408: ProviderTimeoutError,
    409: ConflictError,
    429: RateLimitedError,
}


def class_for(status: int) -> type[ProviderError]:
    """Return the error class of an HTTP status, for vendors that say nothing more precise."""
    if status >= 500:
        return UnavailableError
    return _BY_STATUS.get(status, InvalidRequestError)
