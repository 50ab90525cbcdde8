"""Print a failure as one line or one JSON document on stderr, and choose the exit code."""

from __future__ import annotations

from collections.abc import Mapping

import telephony
from telephony.cli.output import as_json, errors, note, plain
from telephony.cli.wording import COMMANDS, flag_of, on_the_command_line

EXIT_CODES: tuple[tuple[type[Exception], int], ...] = (
    (telephony.ConfigurationError, 2),
    (telephony.InvalidRequestError, 2),
    (telephony.AuthenticationError, 3),
    (telephony.PermissionDeniedError, 3),
    (telephony.NotFoundError, 4),
    (telephony.ConflictError, 5),
    (telephony.UnsupportedOperationError, 6),
    (telephony.RateLimitedError, 7),
    (telephony.OutcomeUnknownError, 8),
    (telephony.UnavailableError, 9),
    (telephony.ProviderTimeoutError, 9),
    (telephony.TelephonyError, 1),
)
INTERRUPTED = 130
UNKNOWN = 8
DIFFERS, UNSAFE, PARTLY = 10, 11, 12
OF_A_FLEET: Mapping[int, str] = {
    UNKNOWN: "operations of a fleet may have been done: the outcome is unknown",
    DIFFERS: "`fleet plan --check`: the vendors do not hold what is declared",
    UNSAFE: "a fleet's plan needs a flag, or has problems",
    PARTLY: "a fleet's plan was not fully applied, or a move was undone or is not finished",
}
"""What a fleet's commands exit with, beside the codes of errors."""


def fail(error: telephony.TelephonyError, *, wants_json: bool) -> int:
    """Print what went wrong and what to do next; return the exit code."""
    code = next(code for kind, code in EXIT_CODES if isinstance(error, kind))
    if wants_json:
        note(as_json({"error": _described(error, code)}, errors))
    else:
        say_error(_message(error))
    return code


def fail_otherwise(
    kind: str,
    message: str,
    code: int,
    *,
    wants_json: bool,
    more: Mapping[str, object] | None = None,
) -> int:
    """Print a failure of its own exit code, and return that; `more` is for programs alone."""
    if wants_json:
        found = {"type": kind, "message": message, "exit_code": code, **(more or {})}
        note(as_json({"error": found}, errors))
    else:
        say_error(message)
    return code


def say_error(text: str) -> None:
    errors.print(f"error: {plain(' '.join(text.split()))}", style="red", soft_wrap=True)


def _message(error: telephony.TelephonyError) -> str:
    # Settings have the names of arguments, but no flags.
    is_setting = isinstance(error, telephony.ConfigurationError)
    return str(error) if is_setting else on_the_command_line(str(error))


def _described(error: telephony.TelephonyError, code: int) -> dict[str, object]:
    found: dict[str, object] = {
        "type": type(error).__name__,
        "message": _message(error),
        "exit_code": code,
    }
    match error:
        case telephony.UnsupportedOperationError():
            found |= {
                "provider": error.provider,
                "command": on_the_command_line(error.operation),
                "hint": on_the_command_line(error.instead),
            }
        case telephony.ProviderError():
            found |= {
                "message": on_the_command_line(error.message),
                "hint": on_the_command_line(error.hint),
                "provider": error.provider or None,
                "command": COMMANDS.get(error.operation),
                "status": error.status,
                "code": error.code,
                "request_id": error.request_id,
                "retry_safe": error.retry_safe,
                "attempts": error.attempts,
            }
    if isinstance(error, telephony.InvalidRequestError):
        found["argument"] = flag_of(error.argument, error.operation)
    if isinstance(error, telephony.RateLimitedError):
        found["retry_after"] = error.retry_after
    return found
