"""Keep our requests out of httpcore's debug log, which shows the headers of responses."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_OURS: ContextVar[bool] = ContextVar("telephony_request", default=False)


def _not_ours(_: logging.LogRecord) -> bool:
    return not _OURS.get()


# A filter is not inherited by the loggers below.
for _name in ("connection", "http11", "proxy", "socks"):
    logging.getLogger(f"httpcore.{_name}").addFilter(_not_ours)


@contextmanager
def muted() -> Iterator[None]:
    """Log nothing of the request made inside; requests of other code are logged as before."""
    token = _OURS.set(True)
    try:
        yield
    finally:
        _OURS.reset(token)
