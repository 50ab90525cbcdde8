"""The access tokens of requests. Source: docs.livekit.io/home/get-started/authentication.

livekit-api makes the same, but loads its own HTTP client for it, which takes as long as ours.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64encode

from pydantic import SecretStr

from telephony.wire import Json

# Seconds; longer than any operation, its retries included. A stolen token is soon worth nothing.
_LIFE = 600


def signed(grants: Json, key: str, secret: SecretStr) -> str:
    """Return a token that allows what `grants` names, and nothing else."""
    now = int(time.time())
    header = _encoded({"alg": "HS256", "typ": "JWT"})
    claims = _encoded({"iss": key, "nbf": now, "exp": now + _LIFE, **grants})
    content = f"{header}.{claims}"
    signature = hmac.digest(secret.get_secret_value().encode(), content.encode(), hashlib.sha256)
    return f"{content}.{_base64(signature)}"


def _encoded(value: Json) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
