"""The repository's cassettes hold no secret and no person's number."""

from __future__ import annotations

import base64
import json

import pytest
import yaml

from telephony.testing.leaks import leaks, leaks_in

from . import tape

HEX = "0123456789abcdef0123456789abcdef"
PLANTED = {
    "bearer": {"headers": {"authorization": ["Bearer 0123456789abcdef"]}},
    "basic": {"headers": {"authorization": ["Basic " + base64.b64encode(b"AC1:pw").decode()]}},
    "api key header": {"headers": {"x-api-key": ["swordfish"]}},
    "cookie": {"headers": {"set-cookie": ["session=swordfish; Path=/"]}},
    "query": {"uri": "https://api.example.com/x?AuthToken=swordfish"},
    "login in a URL": {"uri": "https://user:swordfish@api.example.com/x"},
    "quoted login": {"body": "Url=https%3A%2F%2Fuser%3Aswordfish%40example.com"},
    "form": {"body": "To=x&Password=swordfish"},
    "JSON": {"body": json.dumps({"a": [{"client_secret": "swordfish"}]})},
    "compact JSON": {"body": '{"auth_password":"swordfish"}'},
    "JSON in JSON": {"body": json.dumps({"a": json.dumps({"apiKey": "swordfish"})})},
    "JSON Web Token": {"body": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ2ZW5kb3IifQ.c2lnbmF0dXJl"},
    "Cartesia": {"body": "the key sk_car_Ab12Cd34Ef56"},
    "AgentPhone": {"body": "the key sk_live_0123456789ab"},
    "Butter": {"body": "the key bk_live_0123456789ab"},
    "Twilio key": {"body": f"the key SK{HEX}"},
    "Twilio token": {"body": f"the token is {HEX}"},
    "LiveKit secret": {"body": "signed with q8Xw2Lk0Zr5Tn7Vb1Yc4Md6Hs9Jf3Ga"},
    "AWS": {"body": "AKIAIOSFODNN7EXAMPLE"},
    "GitHub": {"body": "ghp_0123456789abcdefghijABCDEFGHIJ012345"},
    "Slack": {"body": "xoxb-123456789012-abcdef"},
    "Google": {"body": "AIzaSyA0123456789abcdefghijklmnopqrstuv"},
    "private key": {"body": "-----BEGIN RSA PRIVATE KEY-----\nMIIE"},
    "number": {"body": "called +14158675309"},
    "number in a URL": {"uri": "https://api.example.com/?To=%2B14158675309"},
    "number without plus": {"body": '{"numbers":["14158675309"]}'},
}


def test_the_cassettes_hold_no_secrets():
    assert leaks_in(tape.FOLDER) == {}


@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED)
def test_a_planted_secret_is_found(planted, tmp_path):
    good = next(tape.FOLDER.glob("*/list_numbers.yaml")).read_text("utf-8")
    content = yaml.safe_load(good)
    content["interactions"][0]["request"] |= planted
    file = tmp_path / "vendor" / "operation.yaml"
    file.parent.mkdir()
    file.write_text(yaml.safe_dump(content))

    (found,) = leaks_in(tmp_path).values()

    # Enough to find it, too little to use it.
    assert "swordfish" not in str(found[0])
    assert HEX not in str(found[0])


@pytest.mark.parametrize(
    "harmless",
    [
        "authorization:\n- Bearer **********",
        '"auth_password": "**********"',
        '"auth_password":"", "auth_realm":""',
        "PageToken=PA0123456789",
        '"token_type": "bearer"',
        '"sid": "AC5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"',
        '"id": "550e8400-e29b-41d4-a716-446655440000"',
        "+14155550123 14155550123",
        '"message": "The API key is not valid."',
    ],
)
def test_what_is_no_secret_is_not_reported(harmless):
    assert leaks(harmless) == []
