"""``telephony config`` as processes in a folder, with an environment."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.conftest import home, inherited
from tests.systems import INTERRUPT, TERMINAL

GUIDE = Path(__file__).parents[2] / "docs" / "configuration.md"
SID = "AC" + "0f" * 16


@pytest.fixture
def cli(python, tmp_path):
    """Run `telephony …` in an empty folder, with only the given environment."""

    def run(*arguments, **environment):
        variables = {**inherited(), **home(tmp_path), "COLUMNS": "80", **environment}
        return python("-m", "telephony", *arguments, cwd=tmp_path, env=variables)

    return run


@pytest.fixture
def write(tmp_path):
    return partial((tmp_path / "telephony.toml").write_text, encoding="utf-8")


def profiles(done):
    return {report["profile"]: report for report in json.loads(done.stdout)["profiles"]}


def test_the_guides_own_file_is_valid_once_its_variables_are_set(cli, write):
    (toml,) = re.findall(r"```toml\n(default.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    write(toml)
    variables = dict.fromkeys(re.findall(r"env:(\w+)", toml), "x")
    given = {**variables, "TWILIO_ACCOUNT_SID": SID, "CARTESIA_API_KEY": "canary-of-cartesia"}

    done = cli("config", "check", **given)

    assert done.returncode == 0, done.stdout
    assert "canary" not in done.stdout
    assert "env:CARTESIA_API_KEY" in done.stdout
    bare = cli("config", "check", "--json")
    assert bare.returncode == 2
    said = " ".join(problem for one in profiles(bare).values() for problem in one["problems"])
    assert all(f"{name}, which is not set" in said for name in variables)


def test_a_variable_of_a_vendor_is_no_profile(cli, write):
    write('[providers.desk]\nadapter = "cartesia"\napi_key = "k"\n')
    done = cli("config", "check", "--json", TWILIO_ACCOUNT_SID=SID, LIVEKIT_API_KEY="half")
    assert done.returncode == 0
    assert list(profiles(done)) == ["desk"]


def test_every_problem_is_reported_at_once_and_in_words(cli, write):
    write(
        '[providers.desk]\nadapter = "twilio"\naccount_sid = "AC1"\nauth_token = "env:UNSET_ONE"\n'
        'webhook_secret = "env:UNSET_TWO"\ntimeout = "soon"\nretries = 99\nprotected = 3\n'
        'edgee = "x"\nnumber_region = "usa"\n'
        '[providers.empty]\n[providers.other]\nadapter = "cartesai"\n'
    )
    done = cli("config", "check", "--json")
    found = {name: " ".join(report["problems"]) for name, report in profiles(done).items()}
    assert done.returncode == 2
    for said in (
        "UNSET_ONE, which is not set", "UNSET_TWO, which is not set",
        "`account_sid`: write AC and 32 hexadecimal digits", "`timeout`: write a number",
        "`retries`: write a number of at most 10", "`protected`: write true, false, or a list",
        "Did you mean 'edge'", "`number_region`: write the ISO 3166 code",
    ):  # fmt: skip
        assert said in found["desk"]
    assert "no `adapter`" in found["empty"]
    assert "Did you mean 'cartesia'" in found["other"]
    assert not re.search(r"pattern|Input should|Extra inputs|\^AC|\[a-f", done.stdout)


def test_the_origin_of_each_value_is_shown_and_secrets_are_not(cli, write):
    write(
        '[providers.desk]\nadapter = "twilio"\naccount_sid = "env:SID"\nregion = "ie1"\n'
        'auth_token = "canary-in-the-file"\n'
    )
    done = cli("config", "check", "--json", SID=SID, TELEPHONY_DESK_EDGE="dublin",
               TWILIO_AUTH_TOKEN="canary-ambient", TELEPHONY_DESK_TIMEOT="3")  # fmt: skip
    (report,) = profiles(done).values()
    assert report["settings"]["region"] == {"value": "ie1", "from": "telephony.toml"}
    assert report["settings"]["edge"] == {"value": "dublin", "from": "TELEPHONY_DESK_EDGE"}
    assert report["settings"]["account_sid"]["from"] == "telephony.toml (env:SID)"
    assert report["notes"] == [
        "TELEPHONY_DESK_TIMEOT is set, but there is no such setting."
        " Did you mean 'TELEPHONY_DESK_TIMEOUT'?"
    ]
    shown = done.stdout + cli("config", "check", SID=SID).stdout
    assert "canary" not in shown


def test_a_variable_that_is_not_used_is_mentioned(cli, write):
    write('[providers.desk]\nadapter = "cartesia"\napi_key = "k"\n')
    done = cli("config", "check", CARTESIA_WEBHOOK_SECRET="of-another-account")
    assert "CARTESIA_WEBHOOK_SECRET is set but not used" in done.stdout
    assert done.returncode == 0


def test_without_a_file_what_the_environment_configures_is_checked(cli):
    done = cli("config", "check", "--json", CARTESIA_API_KEY="k", LIVEKIT_API_KEY="half")
    assert (done.returncode, list(profiles(done))) == (0, ["cartesia"])


def test_with_nothing_configured_it_says_how_to_begin(cli):
    done = cli("config", "check")
    assert done.returncode == 2
    assert "CARTESIA_API_KEY" in done.stderr
    assert "telephony config init" in done.stderr


def test_a_default_that_does_not_exist_is_found(cli, write):
    write("default = 'dsek'\n")
    done = cli("config", "check")
    assert done.returncode == 2
    assert "There is no profile or adapter 'dsek'" in done.stdout


def test_online_makes_a_request(cli, telephony_sandbox):
    environment = telephony_sandbox.environment()
    good = cli("config", "check", "cartesia", "--online", **environment)
    assert (good.returncode, "the vendor responds" in good.stdout) == (0, True)
    bad = cli("config", "check", "cartesia", "--online",
              **{**environment, "TELEPHONY_CARTESIA_API_KEY": "wrong"})  # fmt: skip
    assert (bad.returncode, "HTTP 401" in bad.stdout) == (2, True)


def test_a_file_that_is_named_on_the_command_line_is_used_and_trusted(cli, tmp_path):
    named = tmp_path / "other.toml"
    named.write_text(
        '[providers.rooms]\nadapter = "livekit"\nbase_url = "wss://livekit.example.com"\n'
        'api_key = "k"\napi_secret = "s"\n'
    )
    assert cli("--config", "other.toml", "config", "check").returncode == 0
    named.rename(tmp_path / "telephony.toml")
    found = cli("config", "check")
    assert found.returncode == 2
    assert "--config telephony.toml" in found.stdout
    missing = cli("--config", "nowhere.toml", "numbers", "list")
    assert (missing.returncode, "no file nowhere.toml" in missing.stderr) == (2, True)


def test_a_vendor_whose_package_is_missing_is_named_with_how_to_get_it(tmp_path, write):
    write(
        '[providers.rooms]\nadapter = "acme"\n'
        '[providers.desk]\nadapter = "cartesia"\napi_key = "k"\n'
    )
    (tmp_path / "acme-1.dist-info").mkdir()
    (tmp_path / "acme-1.dist-info" / "METADATA").write_text("Name: acme\nVersion: 1\n")
    (tmp_path / "acme-1.dist-info" / "entry_points.txt").write_text(
        "[telephony.adapters]\nacme = acme_adapter:Acme\n"
    )
    (tmp_path / "acme_adapter.py").write_text("import acme_sdk\n")
    environment = {**inherited(), **home(tmp_path), "PYTHONPATH": str(tmp_path)}
    for words in (["config", "check"], ["providers"]):
        done = subprocess.run(
            [sys.executable, "-m", "telephony", *words],
            capture_output=True, text=True, cwd=tmp_path, env=environment,
        )  # fmt: skip
        assert "'acme' needs the package 'acme_sdk'" in done.stdout + done.stderr
        assert "pip install 'telephony[acme]'" in done.stdout + done.stderr
        if words == ["config", "check"]:
            assert done.returncode == 2
            assert "desk (Cartesia): ok" in done.stdout


@pytest.fixture
def collector():
    """Yield the URL and the received keys of a server that counts as another machine."""
    sent = []

    class Collecting(BaseHTTPRequestHandler):
        def do_GET(self):
            sent.append(self.headers["Authorization"])
            self.send_error(404)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.2", 0), Collecting) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.2:{server.server_port}", sent
        server.shutdown()
        thread.join()


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has one address on loopback")
def test_an_untrusted_file_cannot_send_a_key_to_another_host(cli, write, collector):
    url, sent = collector
    write(
        f'[providers.cartesia]\nadapter = "cartesia"\nbase_url = "{url}"\n'
        'allow_insecure_http = "127.0.0.2"\napi_key = "env:CARTESIA_API_KEY"\n'
    )
    refused = cli("numbers", "list", CARTESIA_API_KEY="canary")
    assert (refused.returncode, sent) == (2, [])
    cli("config", "check", "--online", CARTESIA_API_KEY="canary")
    assert sent == []
    cli("--config", "telephony.toml", "numbers", "list", CARTESIA_API_KEY="canary")
    assert "canary" in sent[0]


def test_init_writes_a_checked_file_without_secrets_from_the_environment(cli, tmp_path):
    given = {"TWILIO_ACCOUNT_SID": SID, "TWILIO_AUTH_TOKEN": "canary-token", "LIVEKIT_API_KEY": "k",
             "LIVEKIT_URL": "wss://livekit.example.com", "LIVEKIT_API_SECRET": "canary-secret",
             "BUTTER_API_KEY": "without an organization"}  # fmt: skip
    done = cli("config", "init", "--from-env", **given)
    written = (tmp_path / "telephony.toml").read_text("utf-8")
    assert done.returncode == 0, done.stderr
    assert "canary" not in written + done.stdout
    checked = cli("config", "check", "--json", **given)
    assert (checked.returncode, list(profiles(checked))) == (0, ["livekit", "twilio"])


def test_init_does_not_overwrite_unless_it_is_forced(cli, tmp_path, write):
    write("# mine\n")
    refused = cli("config", "init", "--from-env", CARTESIA_API_KEY="k")
    assert (refused.returncode, "--force" in refused.stderr) == (2, True)
    assert (tmp_path / "telephony.toml").read_text() == "# mine\n"
    assert cli("config", "init", "--from-env", "--force", CARTESIA_API_KEY="k").returncode == 0
    assert "cartesia" in (tmp_path / "telephony.toml").read_text()
    assert [path.name for path in tmp_path.glob("*.toml*")] == ["telephony.toml"]


def test_init_without_a_terminal_or_an_environment_says_what_to_do(cli):
    assert "--from-env" in cli("config", "init").stderr
    assert "Set its variables" in cli("config", "init", "--from-env").stderr


@INTERRUPT
def test_an_interrupt_at_a_question_of_init_writes_nothing(tmp_path):
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "telephony", "config", "init"],
        stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        env={**inherited(), **home(tmp_path)},
    ) as process:  # fmt: skip
        assert process.stderr.read(6) == "Vendor"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == 130
    assert "Interrupted" in err
    assert list(tmp_path.glob("*.toml*")) == []


@TERMINAL
def test_init_asks_at_a_terminal_and_says_what_comes_next(tmp_path):
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "telephony", "config", "init"],
        stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        env={**inherited(), **home(tmp_path)},
    )  # fmt: skip
    # An unknown vendor, Twilio as "büro 1" with every default, then Butter: a key, then a variable.
    os.write(
        ours, "twillio\ntwilio\nbüro 1\n\n\n\n\ny\nbutter\n\nbk_live_canary\nMY_KEY\n\nn\n".encode()
    )
    out, err = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    written = (tmp_path / "telephony.toml").read_text("utf-8")

    assert process.returncode == 0, err
    assert "Did you mean 'twilio'" in err
    assert '[providers."büro 1"]' in written
    assert 'auth_token = "env:TWILIO_AUTH_TOKEN"' in written
    assert "api_key_sid" not in written
    assert 'api_key = "env:MY_KEY"' in written
    assert "canary" not in written
    assert "export TWILIO_ACCOUNT_SID=…" in out
    assert "telephony config check" in out
