"""Keep httpcore's debug log out of our requests: it shows whole answers' headers."""

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
def quiet() -> Iterator[None]:
    """Everybody else's requests are logged as before."""
    token = _OURS.set(True)
    try:
        yield
    finally:
        _OURS.reset(token)
