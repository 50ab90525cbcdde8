"""Recordings of calls, fetched from the vendor or from where it keeps them."""

from __future__ import annotations

from dataclasses import replace

from telephony.model import Recording
from telephony.wire import Operation, Request, unreadable

_LARGEST = 512 * 1024 * 1024  # an hour of 16 kHz stereo is half of it
# How files begin, for hosts that do not say what they send.
_BEGINNINGS = {
    b"RIFF": "audio/wav",
    b"ID3": "audio/mpeg",
    b"\xff\xfb": "audio/mpeg",
    b"\xff\xf3": "audio/mpeg",
    b"OggS": "audio/ogg",
    b"fLaC": "audio/flac",
}


def fetched(request: Request, call: str, provider: str) -> Operation[Recording]:
    """Return the recording that is the response to a request, or to which it redirects.

    A redirect is followed once, as an anonymous request. Where the vendor states the URL of the
    file in a field, that is ``Request("GET", url, anonymous=True)``.

    Args:
        call: the vendor's id of the call.
        provider: the name of the profile.

    Raises:
        InvalidResponseError: it is no sound file.
    """
    headers = {"Accept": "*/*"}
    response = yield replace(request, headers=headers, redirects=True, largest=_LARGEST)
    if response.status >= 300:
        link = response.headers.get("location", "")
        if "://" not in link:
            raise unreadable(response, "The response redirects to no URL")
        wanted = Request("GET", link, headers=headers, anonymous=True, largest=_LARGEST)
        response = yield wanted
    stated = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    begins = (kind for start, kind in _BEGINNINGS.items() if response.content.startswith(start))
    kind = stated if stated.startswith(("audio/", "video/")) else next(begins, None)
    if not response.content or kind is None:
        raise unreadable(response, "The response is not the recording that was expected")
    return Recording(content=response.content, media_type=kind, call=call, provider=provider)
