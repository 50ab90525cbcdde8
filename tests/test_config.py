"""telephony.toml, the environment and arguments; and what is said when they are wrong."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

import telephony
from telephony import config

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
    """A working directory with a telephony.toml, and an environment that says nothing else."""
    secret = tmp_path / "secret"
    secret.write_text("from-file\n")
    (tmp_path / "telephony.toml").write_text(TOML.format(secret=secret))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SUPPORT_KEY", "from-env")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
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
def test_what_is_wrong_is_said_in_one_line(here, monkeypatch, toml, said):
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
def test_a_blank_secret_is_no_secret(adapter, setting, blank):
    given = {
        "agentphone": {"api_key": "k"},
        "cartesia": {"api_key": "k"},
        "twilio": {"account_sid": "AC" + "0f" * 16, "api_key_sid": "SK" + "1a" * 16,
                   "api_key_secret": "s"},
    }[adapter]  # fmt: skip
    for value in (blank, SecretStr(blank)):
        found = config.resolve(adapter, {**given, setting: value})
        assert getattr(found.settings, setting) is None
