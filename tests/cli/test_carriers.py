"""Accounts at carriers, named by flags, with their secrets from the environment."""

from __future__ import annotations

import json

import pytest

from tests.conftest import inherited

SID = "AC" + "0f" * 16


@pytest.fixture
def vapi(python, telephony_sandbox, tmp_path):
    """Run `telephony …` at Vapi; return the process, and the body of the last request."""
    kept = inherited()
    # Not the variables of the carriers' own tools, which are secrets here.
    given = telephony_sandbox.environment().items()
    kept |= {name: value for name, value in given if name.startswith("TELEPHONY_")}

    def run(*words, **environment):
        given = {"cwd": tmp_path, "env": {**kept, **environment}}
        done = python("-m", "telephony", *words, "-p", "vapi", **given)
        sent = telephony_sandbox.requests("vapi")
        return done, sent[-1].json() if sent and sent[-1].content else None

    return run


@pytest.mark.parametrize(
    ("flags", "environment", "sent"),
    [
        (
            ["--vonage-account", "a1b2c3d4"],
            {"VONAGE_API_SECRET": "s3cret"},
            {"provider": "vonage", "apiKey": "a1b2c3d4", "apiSecret": "s3cret"},
        ),
        (["--telnyx"], {"TELNYX_API_KEY": "s3cret"}, {"provider": "telnyx", "apiKey": "s3cret"}),
    ],
)
def test_an_account_is_linked_and_rotated_with_a_secret_of_the_environment(
    vapi, flags, environment, sent
):
    done, linked = vapi("carriers", "link", *flags, "--json", **environment)
    assert (done.returncode, linked) == (0, sent), done.stderr
    assert "s3cret" not in done.stdout
    id_ = json.loads(done.stdout)["id"]

    done, rotated = vapi("carriers", "rotate", id_, *flags, **environment)
    assert (done.returncode, rotated) == (0, sent), done.stderr


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--vonage-account", "a1b2c3d4"], "--vonage-secret is missing"),
        (["--telnyx"], "--telnyx-key is missing"),
        (["--telnyx", "--vonage-account", "a1b2c3d4"], "are given together"),
        (["--twilio-account", SID], "Give --vonage-account KEY or --telnyx or --sip-address HOST"),
    ],
)
def test_what_is_not_enough_to_link_is_said(vapi, flags, said):
    done, sent = vapi("carriers", "link", *flags)

    assert (done.returncode in {2, 6}, sent) == (True, None)
    assert said in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("flags", "environment", "sent"),
    [
        ([], {"TWILIO_AUTH_TOKEN": "t0ken"}, {"twilioAuthToken": "t0ken"}),
        (
            [],
            {"TWILIO_API_KEY": "SK1", "TWILIO_API_SECRET": "s3cret", "TWILIO_AUTH_TOKEN": "t0ken"},
            {"twilioApiKey": "SK1", "twilioApiSecret": "s3cret"},
        ),
        (
            ["--auth-token", "written"],
            {"TWILIO_API_KEY": "SK1", "TWILIO_API_SECRET": "s3cret"},
            {"twilioAuthToken": "written"},
        ),
    ],
)
def test_a_number_is_imported_with_the_credentials_of_its_account(vapi, flags, environment, sent):
    number = "+14155550142"
    words = ("numbers", "import", number, "--twilio-account", SID, *flags)

    done, imported = vapi(*words, **environment)

    assert done.returncode == 0, done.stderr
    assert imported == {"provider": "twilio", "number": number, "twilioAccountSid": SID, **sent}
