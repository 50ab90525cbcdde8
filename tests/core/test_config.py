"""telephony.toml, the environment and arguments; and what is said when they are wrong."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import get_args, get_type_hints

import httpx
import pytest
from pydantic import SecretStr

import telephony
from telephony import config, registry, webhooks
from tests.conftest import USER_FOLDER, home
from tests.systems import FORK, SYMLINK

TOML = """
default = "support"

[providers.support]
adapter = "cartesia"
api_key = "env:SUPPORT_KEY"
timeout = 12

[providers.sales]
adapter = "cartesia"
api_key = "file:{secret}"
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Enter a working directory with a telephony.toml, with no other configuration."""
    secret = tmp_path / "secret"
    secret.write_text("from-file\n")
    (tmp_path / "telephony.toml").write_text(TOML.format(secret=secret))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SUPPORT_KEY", "from-env")
    for variable in USER_FOLDER:
        monkeypatch.setenv(variable, str(tmp_path / "user"))
    return tmp_path


def key(name=None, **arguments):
    found = config.resolve(name, arguments)
    return found.settings.api_key.get_secret_value()


def test_the_default_profile_and_a_named_one(here):
    assert key() == "from-env"
    assert key("sales") == "from-file"
    assert config.resolve(None, {}).settings.timeout == 12


def test_the_first_place_that_has_a_setting_wins(here, monkeypatch):
    monkeypatch.setenv("CARTESIA_API_KEY", "vendors-own")
    assert key("cartesia") == "vendors-own"
    assert key() == "from-env"
    monkeypatch.setenv("TELEPHONY_SUPPORT_API_KEY", "telephonys")
    assert key() == "telephonys"
    assert key(api_key="argument") == "argument"
    assert config.resolve(None, {}).origins["api_key"] == "TELEPHONY_SUPPORT_API_KEY"


def test_an_adapter_needs_no_file(here, monkeypatch):
    (here / "telephony.toml").unlink()
    monkeypatch.setenv("CARTESIA_API_KEY", "k")
    assert key("cartesia") == "k"
    monkeypatch.setenv("TELEPHONY_PROVIDER", "cartesia")
    assert key() == "k"


def test_the_users_file_serves_where_there_is_none_here(here, monkeypatch):
    user = here / "user" / "telephony"
    user.mkdir(parents=True)
    (here / "telephony.toml").rename(user / "telephony.toml")
    assert key() == "from-env"


def test_a_named_file_is_used(here, monkeypatch, tmp_path):
    other = tmp_path / "other.toml"
    other.write_text('[providers.only]\nadapter = "cartesia"\napi_key = "x"\n')
    monkeypatch.setenv("TELEPHONY_CONFIG", str(other))
    assert key() == "x"


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("[providers.a\n", "not TOML"),
        ("defualt = 'x'\n", "Did you mean 'default'"),
        ("[support]\nadapter = 'cartesia'\n", "write it as [providers.support]"),
        ("[provider.a]\nadapter = 'cartesia'\n", "Did you mean 'providers'"),
        ("[providers.a]\napi_key = 'x'\n", "no `adapter`"),
        ("[providers.a]\nadapter = 'cartesai'\n", "Did you mean 'cartesia'"),
        ("[providers.a]\nadapter = 'cartesia'\n", "`api_key` is missing"),
        ("[providers.a]\nadapter = 'cartesia'\napi_kye = 'x'\n", "Did you mean 'api_key'"),
        (
            "[providers.a]\nadapter = 'cartesia'\napi_key = 'env:NOWHERE'\n",
            "NOWHERE, which is not set",
        ),
        ("[providers.a]\nadapter = 'cartesia'\napi_key = 'file:/nowhere'\n", "No such file"),
        ("[providers.a]\nadapter = 'cartesia'\napi_key = 'x'\ntimeout = -1\n", "`timeout`"),
        ("[providers.a]\nadapter = 'cartesia'\napi_key = 'x'\nversion = 'new'\n", "`version`"),
        ("[providers.a]\nadapter = 'cartesia'\napi_key = 'x'\nbase_url = 'api'\n", "whole URL"),
        (
            "[providers.a]\nadapter = 'cartesia'\napi_key = 'x'\nbase_url = 'http://api.example.com'\n",
            "plain http",
        ),
        (
            "[providers.a]\nadapter = 'cartesia'\napi_key = 'x'\nprotected = ['+banana']\n",
            "`protected`: write the numbers in E.164 form",
        ),
        (
            "[providers.a]\nadapter = 'cartesia'\napi_key = 'x'\nnumber_region = 'UK'\n",
            "`number_region`: write the ISO 3166 code",
        ),
        ("", "no default"),
    ],
)
def test_a_configuration_error_is_one_line(here, monkeypatch, toml, said):
    monkeypatch.delenv("CARTESIA_API_KEY", raising=False)
    (here / "telephony.toml").write_text(toml)
    monkeypatch.setenv("TELEPHONY_CONFIG", "telephony.toml")
    with pytest.raises(telephony.ConfigurationError) as caught:
        telephony.connect()
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_mistaken_kind_of_value_is_not_a_misspelling(here):
    (here / "telephony.toml").write_text("providers = 3\n")
    with pytest.raises(telephony.ConfigurationError) as caught:
        telephony.connect()
    assert "Did you mean" not in str(caught.value)


def test_an_unknown_name_suggests_the_nearest(here):
    with pytest.raises(telephony.ConfigurationError, match="Did you mean 'support'"):
        telephony.connect("suport")


def test_a_secret_that_is_refused_is_not_shown(here):
    with pytest.raises(telephony.ConfigurationError) as caught:
        telephony.connect("cartesia", api_key=["canary-secret"])
    assert "canary" not in str(caught.value)


def test_plain_http_is_allowed_to_loopback_and_to_a_named_host():
    for settings in (
        {"base_url": "http://127.0.0.1:9"},
        {"base_url": "http://proxy.internal", "allow_insecure_http": "proxy.internal"},
    ):
        telephony.connect("cartesia", api_key="k", **settings).close()


@pytest.mark.parametrize("blank", ["", "  ", "\n"])
@pytest.mark.parametrize(
    ("adapter", "setting"),
    [("agentphone", "webhook_secret"), ("cartesia", "webhook_secret"), ("twilio", "auth_token")],
)
def test_a_blank_secret_counts_as_unset(adapter, setting, blank):
    given = {
        "agentphone": {"api_key": "k"},
        "cartesia": {"api_key": "k"},
        "twilio": {"account_sid": "AC" + "0f" * 16, "api_key_sid": "SK" + "1a" * 16,
                   "api_key_secret": "s"},
    }[adapter]  # fmt: skip
    for value in (blank, SecretStr(blank)):
        found = config.resolve(adapter, {**given, setting: value})
        assert getattr(found.settings, setting) is None


# --- Which account -------------------------------------------------------------------------------

SID, OTHER_SID = "AC" + "0f" * 16, "AC" + "1a" * 16


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Write a telephony.toml into the working directory, where nothing else is configured."""
    monkeypatch.chdir(tmp_path)
    for variable, folder in home(tmp_path.parent / "home").items():
        monkeypatch.setenv(variable, folder)
    return partial((tmp_path / "telephony.toml").write_text, encoding="utf-8")


def refused(name=None, **arguments):
    with pytest.raises(telephony.ConfigurationError) as caught:
        config.resolve(name, arguments)
    return str(caught.value)


def test_the_vendors_variables_never_change_the_account_of_a_profile(written, monkeypatch):
    written(f'[providers.staging]\nadapter = "twilio"\naccount_sid = "{SID}"\nauth_token = "t"\n')
    for name, value in (("ACCOUNT_SID", OTHER_SID), ("API_KEY", "SK" + "1a" * 16),
                        ("API_SECRET", "other"), ("AUTH_TOKEN", "other")):  # fmt: skip
        monkeypatch.setenv(f"TWILIO_{name}", value)
    found = config.resolve("staging", {}).settings
    assert (found.account_sid, found.login) == (SID, (SID, "t"))


def test_an_account_is_never_mixed_from_a_profile_and_the_vendors_variables(written, monkeypatch):
    written(f'[providers.staging]\nadapter = "twilio"\naccount_sid = "{SID}"\n')
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "canary-of-another-account")
    said = refused("staging")
    assert "`account_sid` comes from telephony.toml" in said
    assert "`auth_token` from TWILIO_AUTH_TOKEN" in said
    assert 'auth_token = "env:TWILIO_AUTH_TOKEN"' in said
    assert "canary" not in said

    written('[providers.staging]\nadapter = "twilio"\nauth_token = "t"\n')
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", OTHER_SID)
    assert "`account_sid` from TWILIO_ACCOUNT_SID" in refused("staging")
    assert "`auth_token` comes from argument" in refused("twilio", auth_token="t")

    written('[providers.rooms]\nadapter = "livekit"\nbase_url = "wss://a.livekit.cloud"\n')
    monkeypatch.setenv("LIVEKIT_API_KEY", "k")
    monkeypatch.setenv("LIVEKIT_API_SECRET", "s")
    said = refused("rooms")
    assert "`api_key` from LIVEKIT_API_KEY, `api_secret` from LIVEKIT_API_SECRET" in said


def test_an_account_may_come_from_one_place_or_be_named_in_one(written, monkeypatch):
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", SID)
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "ambient")
    assert config.resolve("twilio", {"timeout": 3}).settings.login == (SID, "ambient")
    written('[providers.ambient]\nadapter = "twilio"\nregion = "ie1"\n')
    assert config.resolve("ambient", {}).settings.login == (SID, "ambient")
    written(
        f'[providers.named]\nadapter = "twilio"\naccount_sid = "{OTHER_SID}"\n'
        'auth_token = "env:TWILIO_AUTH_TOKEN"\n'
    )
    assert config.resolve("named", {}).settings.login == (OTHER_SID, "ambient")
    assert config.resolve("named", {"auth_token": "a"}).settings.login == (OTHER_SID, "a")
    monkeypatch.setenv("TELEPHONY_NAMED_AUTH_TOKEN", "ours")
    assert config.resolve("named", {}).settings.login == (OTHER_SID, "ours")


def test_a_secret_for_webhooks_is_not_taken_from_another_account(written, monkeypatch):
    written('[providers.staging]\nadapter = "cartesia"\napi_key = "staging"\n')
    monkeypatch.setenv("CARTESIA_WEBHOOK_SECRET", "of-production")
    monkeypatch.setenv("CARTESIA_BASE_URL", "https://proxy.example")
    found = config.resolve("staging", {}).settings
    assert found.webhook_secret is None
    assert found.base_url == "https://proxy.example"


def test_a_setting_that_refines_an_account_can_be_combined_with_the_vendors_variables(
    written, monkeypatch
):
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", SID)
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "of-the-main-account")
    monkeypatch.setenv("AGENTPHONE_API_KEY", "k")
    monkeypatch.setenv("TELEPHONY_TWILIO_AUTH_ACCOUNT_SID", OTHER_SID)
    monkeypatch.setenv("TELEPHONY_AGENTPHONE_WEBHOOK_SECRET", "whsec")
    found = config.resolve("twilio", {}).settings
    assert (found.account_sid, found.login) == (SID, (OTHER_SID, "of-the-main-account"))
    found = config.resolve("agentphone", {"sub_account_id": "sub_1"}).settings
    assert found.webhook_secret.get_secret_value() == "whsec"


BODY = b'{"event":"agent.message","data":{}}'


def _forged_at_agentphone(key):
    at = str(int(time.time()))
    mac = hmac.new(key, at.encode() + b"." + BODY, hashlib.sha256).hexdigest()
    return {"X-Webhook-Timestamp": at, "X-Webhook-Signature": f"sha256={mac}"}


def _forged_at_elevenlabs(key):
    at = str(int(time.time()))
    mac = hmac.new(key, at.encode() + b"." + BODY, hashlib.sha256).hexdigest()
    return {"ElevenLabs-Signature": f"t={at},v0={mac}"}


def _forged_at_twilio(key):
    mac = hmac.new(key, b"https://example.com/", hashlib.sha1).digest()
    return {"X-Twilio-Signature": base64.b64encode(mac).decode()}


FORGED = {
    "agentphone": ("POST", _forged_at_agentphone, {"api_key": "k"}),
    "cartesia": ("POST", lambda key: {"X-Webhook-Secret": key.decode()}, {"api_key": "k"}),
    "elevenlabs": ("POST", _forged_at_elevenlabs, {"api_key": "k"}),
    "vapi": ("POST", lambda key: {"X-Vapi-Secret": key.decode()}, {"api_key": "k"}),
    "twilio": ("GET", _forged_at_twilio, {
        "account_sid": SID, "api_key_sid": "SK" + "1a" * 16, "api_key_secret": "s"}),
}  # fmt: skip


@pytest.mark.parametrize("blank", ["", "  "])
@pytest.mark.parametrize("name", FORGED)
def test_a_blank_webhook_secret_does_not_let_webhooks_be_forged(written, monkeypatch, name, blank):
    method, forged, settings = FORGED[name]
    monkeypatch.setenv(f"TELEPHONY_{name.upper()}_WEBHOOK_SECRET", blank)
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", blank)
    with telephony.connect(name, settings=settings) as provider:
        for key in (b"", blank.encode()):
            with pytest.raises(telephony.ConfigurationError, match="webhook_secret"):
                webhooks.parse(
                    provider,
                    method=method,
                    url="https://example.com/",
                    headers={"Content-Type": "application/json", **forged(key)},
                    body=BODY if method == "POST" else b"",
                )


@pytest.mark.parametrize("blank", ["", "  ", "\t\n"])
def test_a_blank_value_counts_as_unset_in_every_source(written, tmp_path, monkeypatch, blank):
    monkeypatch.setenv("TELEPHONY_DESK_API_KEY", blank)
    monkeypatch.setenv("CARTESIA_API_KEY", blank)
    monkeypatch.setenv("TELEPHONY_PROVIDER", blank)
    monkeypatch.setenv("TELEPHONY_CONFIG", blank)
    monkeypatch.setenv("EMPTY", blank)
    (tmp_path / "empty").write_text(blank)
    profile = '[providers.desk]\nadapter = "cartesia"\n'
    written(f'{profile}api_key = "  "\n')
    assert "`api_key` is missing" in refused(api_key=blank)
    written(f'{profile}api_key = "env:EMPTY"\n')
    assert "variable EMPTY, which is empty" in refused()
    written(f'{profile}api_key = "file:empty"\n')
    assert "it is empty" in refused()
    written(f'{profile}api_key = "k"\nversion = ""\n')
    assert config.resolve(None, {"version": blank}).settings.version == "2026-03-01"


def test_none_means_not_given_except_where_it_is_a_value(written):
    written('[providers.desk]\nadapter = "cartesia"\napi_key = "k"\ndeadline = 9\ntimeout = 8\n')
    found = config.resolve("desk", {"deadline": None, "timeout": None}).settings
    assert (found.deadline, found.timeout) == (None, 8)


# --- A file that was only found ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("adapter", "url"),
    [
        ("cartesia", "https://collect.example"),
        ("cartesia", "https://api.cartesia.ai.collect.example"),
        ("cartesia", "https://notapi.cartesia.ai.example/"),
        ("cartesia", "https://169.254.169.254"),
        ("livekit", "wss://livekit.cloud.collect.example"),
        ("livekit", "https://collect.example\\\\.livekit.cloud"),
        ("twilio", "https://nottwilio.com"),
    ],
)
def test_a_found_file_sends_no_key_to_a_host_of_its_choice(written, monkeypatch, adapter, url):
    for name in ("CARTESIA_API_KEY", "LIVEKIT_API_SECRET", "TWILIO_AUTH_TOKEN", "URL"):
        monkeypatch.setenv(name, "https://collect.example" if name == "URL" else "canary")
    for said in (url, "env:URL"):
        written(f'[providers.{adapter}]\nadapter = "{adapter}"\nbase_url = "{said}"\n')
        problem = refused(adapter)
        assert "`base_url` in telephony.toml may only name the vendor's own hosts" in problem
        assert (
            "TELEPHONY_CONFIG=telephony.toml, or run telephony --config telephony.toml" in problem
        )
        assert "collect.example" not in problem


@pytest.mark.parametrize(
    ("adapter", "url"),
    [
        ("cartesia", "https://api.cartesia.ai"),
        ("cartesia", "http://127.0.0.1:9"),
        ("livekit", "wss://acme.livekit.cloud"),
        ("livekit", "ws://localhost:7880"),
        ("livekit", "env:LIVEKIT_URL"),
        ("twilio", "https://api.dublin.ie1.twilio.com"),
    ],
)
def test_a_found_file_may_choose_the_vendors_hosts_and_loopback(written, monkeypatch, adapter, url):
    monkeypatch.setenv("LIVEKIT_URL", "wss://livekit.example.com")
    secrets = {
        "cartesia": {"api_key": "k"},
        "livekit": {"api_key": "k", "api_secret": "s"},
        "twilio": {"account_sid": SID, "auth_token": "t"},
    }[adapter]
    written(f'[providers.desk]\nadapter = "{adapter}"\nbase_url = "{url}"\n')
    config.resolve("desk", secrets)


@pytest.mark.parametrize(
    "line",
    [
        'allow_insecure_http = "collect.example"',
        'proxy = "http://collect.example"',
        "verify = false",
        'client_certificate = "mine.pem"',
    ],
)
def test_a_found_file_does_not_weaken_the_connection(written, monkeypatch, line):
    written(f'[providers.desk]\nadapter = "cartesia"\napi_key = "k"\n{line}\n')
    assert "may not be set in telephony.toml" in refused("desk")


@SYMLINK
def test_a_found_file_reads_files_of_its_own_folder_only(written, tmp_path):
    outside = tmp_path.parent / "outside-secret"
    outside.write_text("canary")
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "key").write_text("from-inside")
    (tmp_path / "link").symlink_to(outside)
    (tmp_path / "folder").symlink_to(tmp_path.parent)
    for path in (outside, "../outside-secret", "link", "folder/outside-secret", "~/.ssh/id"):
        written(f'[providers.desk]\nadapter = "cartesia"\napi_key = "file:{path}"\n')
        said = refused("desk")
        assert "outside its folder" in said
        assert "canary" not in said
    written('[providers.desk]\nadapter = "cartesia"\napi_key = "file:inside/key"\n')
    assert key("desk") == "from-inside"


def test_a_file_is_trusted_once_it_is_named_or_is_the_users_own(written, tmp_path, monkeypatch):
    toml = (
        '[providers.desk]\nadapter = "cartesia"\nbase_url = "https://proxy.example"\n'
        'api_key = "file:../outside-key"\n'
    )
    (tmp_path.parent / "outside-key").write_text("k")
    written(toml)
    refused("desk")
    monkeypatch.setenv("TELEPHONY_CONFIG", "telephony.toml")
    assert key("desk") == "k"
    monkeypatch.delenv("TELEPHONY_CONFIG")
    own = tmp_path / "user" / "telephony"
    own.mkdir(parents=True)
    (tmp_path / "telephony.toml").rename(own / "telephony.toml")
    (own.parent / "outside-key").write_text("of-the-user")
    for variable in USER_FOLDER:
        monkeypatch.setenv(variable, str(tmp_path / "user"))
    assert key("desk") == "of-the-user"
    monkeypatch.chdir(own)
    assert key("desk") == "of-the-user"


# --- Names and files -----------------------------------------------------------------------------


def test_a_tenant_needs_no_file(written, monkeypatch):
    written("this is not TOML")
    for tenant, sid in (("tenant-a", SID), ("tenant-b", OTHER_SID)):
        with telephony.connect(tenant, adapter="twilio", account_sid=sid, auth_token="t") as one:
            assert one.name == tenant
        assert config.resolve(
            tenant, {"account_sid": sid, "auth_token": "t"}, adapter="twilio"
        ).settings.login == (sid, "t")
    assert telephony.connect_async("tenant-a", adapter="cartesia", api_key="k").name == "tenant-a"
    with telephony.connect(adapter="cartesia", api_key="k") as provider:
        assert provider.name == "cartesia"
    with pytest.raises(telephony.ConfigurationError, match="Did you mean 'twilio'"):
        telephony.connect("tenant-a", adapter="twillio")


@pytest.mark.parametrize(
    "url",
    ["https://api.example.com:99999", "https://api.example.com:x", "https://[::1", "https://..",
     "https://api.exam ple.com", "https://api.exa\tmple.com", "https://a\\b.example", "https://"],
)  # fmt: skip
def test_an_invalid_base_url_raises_when_connecting(url):
    with pytest.raises(telephony.ConfigurationError, match="write a whole URL"):
        telephony.connect("cartesia", api_key="k", base_url=url)


@pytest.mark.parametrize("url", ["https://u:canary@x.example", "https://:canary@x.example"])
def test_credentials_in_a_url_are_refused_and_not_shown(url):
    with pytest.raises(telephony.ConfigurationError, match="without credentials") as caught:
        telephony.connect("cartesia", api_key="k", base_url=url)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("setting", ["timeout", "requests_per_second", "backoff"])
def test_an_endless_number_in_json_is_refused(setting):
    with pytest.raises(telephony.ConfigurationError, match=f"`{setting}`: write a number"):
        telephony.connect("cartesia", settings={"api_key": "k", setting: float("inf")})


def test_a_name_that_is_no_text_is_refused():
    for name, adapter in ((3, None), (None, 3)):
        with pytest.raises(telephony.ConfigurationError, match="is a text, not"):
            telephony.connect(name, adapter=adapter)


def test_tenants_of_one_vendor_take_webhooks_side_by_side(serve_asgi):
    tokens = {"tenant-a": "token-of-a", "tenant-b": "token-of-b"}
    heard = []
    with contextlib.ExitStack() as opened:
        tenants = [
            opened.enter_context(
                telephony.connect(name, adapter="twilio", account_sid=SID, auth_token=token)
            )
            for name, token in tokens.items()
        ]
        url = serve_asgi(webhooks.asgi(tenants, heard.append))

        def deliver(tenant, token):
            to = f"{url}/webhooks/{tenant}?MessageSid=SM1&From=%2B14155550199&To=%2B14155550123"
            mac = hmac.new(token.encode(), to.encode(), hashlib.sha1).digest()
            signature = base64.b64encode(mac).decode()
            return httpx.get(to, headers={"X-Twilio-Signature": signature}).status_code

        assert [deliver(*one) for one in tokens.items()] == [200, 200]
        assert deliver("tenant-a", "token-of-b") == 401
    assert len(heard) == 2


def test_what_an_applications_users_give_reads_neither_files_nor_variables(written, tmp_path):
    (tmp_path / "secret").write_text("canary")
    for value in ("file:secret", "env:HOME"):
        assert "Pass the value itself" in refused("cartesia", api_key=value)


@pytest.mark.parametrize(
    ("name", "variable"),
    [("büro-2", "TELEPHONY_BURO_2_API_KEY"), ("Zürich Süd", "TELEPHONY_ZURICH_SUD_API_KEY"),
     ("東京", "TELEPHONY____API_KEY")],
)  # fmt: skip
def test_a_profile_of_any_name_has_variables(written, monkeypatch, name, variable):
    written(f'[providers."{name}"]\nadapter = "cartesia"\n')
    monkeypatch.setenv(variable, "k")
    assert key(name) == "k"


def test_a_variable_that_two_profiles_could_mean_is_refused(written, monkeypatch):
    written(
        '[providers.a-b]\nadapter = "cartesia"\napi_key = "1"\n'
        '[providers.a_b]\nadapter = "cartesia"\napi_key = "2"\n'
    )
    assert (key("a-b"), key("a_b")) == ("1", "2")
    monkeypatch.setenv("TELEPHONY_A_B_API_KEY", "whose")
    said = refused("a-b")
    assert "TELEPHONY_A_B_API_KEY could be meant for 'a-b' or for 'a_b'" in said


def test_a_variable_of_a_longer_name_may_belong_to_the_shorter(written, monkeypatch):
    written(
        f'[providers.desk]\nadapter = "twilio"\naccount_sid = "{SID}"\nauth_token = "1"\n'
        '[providers.desk-auth]\nadapter = "twilio"\nauth_token = "2"\n'
    )
    monkeypatch.setenv("TELEPHONY_DESK_AUTH_ACCOUNT_SID", OTHER_SID)
    for name, other in (("desk", "desk-auth"), ("desk-auth", "desk")):
        assert f"could be meant for '{name}' or for '{other}'" in refused(name)


def test_a_byte_order_mark_in_a_file_is_ignored(written, tmp_path):
    (tmp_path / "telephony.toml").write_bytes(
        b'\xef\xbb\xbf[providers.desk]\nadapter = "cartesia"\napi_key = "file:key"\n'
    )
    (tmp_path / "key").write_bytes(b"\xef\xbb\xbfk\r\n")
    assert key() == "k"


def test_one_broken_profile_does_not_break_another(written):
    written('[providers]\nodd = 3\n[providers.desk]\nadapter = "cartesia"\napi_key = "k"\n')
    assert key("desk") == "k"
    assert "[providers.odd] is not a table" in refused("odd")


# As root every folder can be read, so the process gives that up, once all of Python is loaded.
_AS_ANOTHER_USER = """
import os, platformdirs.unix, telephony
telephony.connect("tenant", adapter="cartesia", api_key="k").close()
if os.geteuid() == 0:
    os.setuid(65534)
telephony.connect("cartesia", api_key="k").close()
print("connected")
"""


@FORK  # where a user is a number, and a home a variable
@pytest.mark.parametrize("home", ["unreadable", "missing", "relative", "unset"])
def test_a_home_that_cannot_be_read_does_not_matter(tmp_path, home):
    locked = tmp_path / "locked"
    (locked / ".config" / "telephony").mkdir(parents=True)
    locked.chmod(0)
    homes = {"unreadable": str(locked), "missing": str(tmp_path / "none"), "relative": "."}
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)}
    if home in homes:
        environment["HOME"] = homes[home]
    done = subprocess.run(
        [sys.executable, "-P", "-c", _AS_ANOTHER_USER],
        capture_output=True, text=True, cwd="/", env=environment,
    )  # fmt: skip
    locked.chmod(0o700)
    assert done.stdout == "connected\n", done.stderr


def test_without_a_home_no_file_is_trusted(written, tmp_path, monkeypatch):
    planted = tmp_path / "telephony"
    planted.mkdir()
    (planted / "telephony.toml").write_text(
        '[providers.desk]\nadapter = "cartesia"\nbase_url = "https://collect.example"\n'
    )
    monkeypatch.setenv("XDG_CONFIG_HOME", ".")
    monkeypatch.setenv("CARTESIA_API_KEY", "canary")
    assert "There is no profile or adapter 'desk'" in refused("desk")


def test_a_working_directory_that_was_removed_does_not_matter(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    telephony.connect("cartesia", api_key="k").close()


# --- Types ---------------------------------------------------------------------------------------


def test_every_setting_of_every_adapter_is_a_typed_keyword():
    wanted = {}
    for name in registry.available():
        adapter = registry.load(name)
        if adapter.__module__.startswith("telephony."):
            for setting, info in adapter.Settings.model_fields.items():
                types = get_args(info.annotation) or (info.annotation,)
                wanted.setdefault(setting, set()).update(types)
    keywords = get_type_hints(config.Settings)
    assert set(keywords) == set(wanted)
    for setting, types in wanted.items():
        missing = types & {str, int, float, bool, Path, SecretStr} - set(
            get_args(keywords[setting])
        )
        assert not missing, setting


def test_settings_of_other_packages_are_given_as_a_mapping():
    telephony.connect("cartesia", settings={"api_key": "k"}, timeout=3).close()
    with pytest.raises(telephony.ConfigurationError, match="there is no setting `tenant`"):
        telephony.connect("cartesia", settings={"api_key": "k", "tenant": "x"})


def test_every_adapter_declares_its_account(adapter):
    model = registry.load(adapter).Settings
    assert model.account
    assert set(model.account) <= set(model.model_fields)


def test_certificates_are_looked_for_beside_the_file_that_names_them(
    written, tmp_path, monkeypatch
):
    written('[providers.desk]\nadapter = "cartesia"\napi_key = "k"\nverify = "ca.pem"\n')
    monkeypatch.setenv("TELEPHONY_CONFIG", str(tmp_path / "telephony.toml"))
    monkeypatch.chdir("/")
    assert config.resolve("desk", {}).settings.verify == tmp_path / "ca.pem"
