"""Hosts and credentials of a Twilio connection."""

from __future__ import annotations

import base64
import logging

import pytest
from telephony.adapters.twilio import Twilio, TwilioSettings

import telephony

NUMBER = "+14155550123"
ACCOUNT = "AC" + "0f" * 16


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "https://api.twilio.com"),
        ({"region": "ie1"}, "https://api.dublin.ie1.twilio.com"),
        ({"region": "au1"}, "https://api.sydney.au1.twilio.com"),
        ({"region": "us1", "edge": "frankfurt"}, "https://api.frankfurt.us1.twilio.com"),
        ({"edge": "tokyo"}, "https://api.tokyo.us1.twilio.com"),
        ({"region": "ie1", "base_url": "https://proxy.example/tw/"}, "https://proxy.example/tw"),
    ],
)
def test_the_host_follows_from_region_and_edge_unless_it_is_given(settings, expected):
    settings = TwilioSettings(account_sid=ACCOUNT, auth_token="t0ken-of-main", **settings)

    assert Twilio(settings, name="twilio").base_url == expected


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({}, "credentials are missing"),
        ({"api_key_sid": "SK" + "1a" * 16}, "go together"),
        ({"auth_token": "t0ken-of-main", "region": "jp1"}, "name the `edge`"),
        ({"auth_token": "t0ken-of-main", "region": "evil.example/"}, "region"),
        ({"auth_token": "t0ken-of-main", "account_sid": "AC1"}, "account_sid"),
    ],
)
def test_settings_that_cannot_work_are_one_clear_line(monkeypatch, settings, complaint):
    for name in ("AUTH_TOKEN", "API_KEY", "API_SECRET", "REGION", "EDGE"):
        monkeypatch.delenv(f"TWILIO_{name}", raising=False)

    with pytest.raises(telephony.ConfigurationError, match=complaint) as caught:
        telephony.connect("twilio", **{"account_sid": ACCOUNT, **settings})

    assert "t0ken" not in str(caught.value)


def test_an_api_key_goes_before_an_auth_token():
    settings = TwilioSettings(
        account_sid=ACCOUNT,
        auth_token="t0ken-of-main",
        api_key_sid="SK" + "1a" * 16,
        api_key_secret="s3cret-of-key",
    )

    assert settings.login == ("SK" + "1a" * 16, "s3cret-of-key")


def test_credentials_of_the_main_account_reach_a_subaccount(telephony_connect, vendor):
    sub = vendor.subaccount
    by_key = telephony_connect("twilio", account_sid=sub.sid)
    bought = by_key.provision_number(number=NUMBER)

    by_token = TwilioSettings(
        account_sid=sub.sid,
        auth_account_sid=vendor.account.sid,
        auth_token="sandbox-auth-token",
        base_url=by_key.adapter.base_url,
    )
    with telephony.Provider(Twilio(by_token, name="sub"), by_token) as provider:
        assert [found.id for found in provider.list_numbers()] == [bought.id]
    assert list(telephony_connect("twilio").list_numbers()) == []


def test_credentials_are_never_shown(provider, telephony_connect, caplog):
    caplog.set_level(logging.DEBUG, "telephony")
    list(provider.list_numbers())
    refused = telephony_connect("twilio", api_key_secret="wr0ng-secret")

    with pytest.raises(telephony.AuthenticationError) as caught:
        list(refused.list_numbers())

    encoded = base64.b64encode(f"SK{'5c' * 16}:wr0ng-secret".encode()).decode()
    seen = f"{caplog.text} {caught.value} {caught.value.raw} {provider!r} {refused!r}"
    assert (caught.value.code, caught.value.status) == ("20003", 401)
    assert caught.value.request_id.startswith("RQ")
    for secret in ("wr0ng-secret", "sandbox-key-secret", encoded):
        assert secret not in seen
