"""What must go wrong, and how: bad input, errors, outcomes, secrets."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import pytest

import telephony
from telephony import Capability, registry
from telephony.capabilities import support_of
from telephony.protocols import PhoneNumberProvider
from telephony.sandbox import Fault, Sandbox
from telephony.testing.client import connect
from telephony.testing.fault_matrix import (
    CALLS,
    FAULTS,
    WITH_ASSIGNMENT,
    Run,
    Setup,
    fault_name,
    set_up,
)
from telephony.testing.fixtures import AdapterFixtures
from telephony.testing.plugin import STRUCK

OTHER_PARTY = "+14155550199"
# Whose errors are certain, and one whose is not.
ASSIGNMENT_FAULTS = tuple(fault for fault in FAULTS if fault.kind in {"status", "refused", "lost"})
NAIVE = datetime.now(UTC).replace(tzinfo=None)


class RefusalConformance(AdapterFixtures):
    """What an adapter must refuse, report and keep to itself."""

    # --- Bad input -------------------------------------------------------------------------------

    @pytest.mark.parametrize(
        ("argument", "call"),
        [
            ("number", lambda p: p.get_number("415 555 0123")),
            ("number", lambda p: p.get_number("+1")),
            ("number", lambda p: p.get_number(" ")),
            ("number", lambda p: p.import_number("4155550123")),
            ("label", lambda p: p.update_number("+14155550123", label=" ")),
            ("limit", lambda p: list(p.list_numbers(limit=0))),
            ("limit", lambda p: list(p.list_messages("+14155550123", limit=-1))),
            ("after", lambda p: list(p.list_messages("+14155550123", after=NAIVE))),
            (
                "after",
                lambda p: list(
                    p.list_messages(
                        "+14155550123",
                        after=datetime(2026, 1, 2, tzinfo=UTC),
                        before=datetime(2026, 1, 1, tzinfo=UTC),
                    )
                ),
            ),
            ("body", lambda p: p.send_message("+14155550123", OTHER_PARTY, "")),
            ("to", lambda p: p.place_call("+14155550123", "nobody")),
            ("to", lambda p: p.assign_number("+14155550123", "")),
            ("url", lambda p: p.set_webhook("http://example.com/", of="+14155550123")),
        ],
    )  # fmt: skip
    def test_bad_arguments_are_named_before_any_request(
        self,
        provider: PhoneNumberProvider,
        server: Sandbox,
        argument: str,
        call: Callable[[PhoneNumberProvider], object],
    ) -> None:
        with pytest.raises(
            (telephony.InvalidRequestError, telephony.UnsupportedOperationError)
        ) as caught:
            call(provider)
        if isinstance(caught.value, telephony.InvalidRequestError):
            assert caught.value.argument == argument
            assert argument in str(caught.value)
        assert server.requests(self.adapter) == []

    def test_an_unknown_setting_is_refused_with_the_nearest_name(
        self, settings: dict[str, object]
    ) -> None:
        with pytest.raises(telephony.ConfigurationError, match="base_url"):
            telephony.connect(
                self.adapter, settings={**settings, "base_ulr": "https://example.com"}
            )

    # --- Errors ----------------------------------------------------------------------------------

    def test_a_wrong_key_is_an_authentication_error(
        self, mode: str, settings: dict[str, object]
    ) -> None:
        wrong = {name: f"wrong-{value}" for name, value in _secrets(self.adapter, settings).items()}
        with (
            connect(mode, self.adapter, **{**settings, **wrong}) as client,
            pytest.raises(telephony.AuthenticationError) as caught,
        ):
            list(client.provider.list_numbers())
        assert caught.value.status in {401, 403}
        assert caught.value.provider == self.adapter
        assert caught.value.operation == "list_numbers"

    def test_an_unknown_number_is_not_found(self, provider: PhoneNumberProvider) -> None:
        for number in (OTHER_PARTY, "no_such_id"):
            with pytest.raises(telephony.NotFoundError):
                provider.get_number(number)
            with pytest.raises(telephony.NotFoundError):
                provider.unassign_number(number)

    def test_nobody_listening_is_unavailable(self, mode: str, settings: dict[str, object]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        elsewhere = {**settings, "base_url": f"http://127.0.0.1:{port}", "retries": 0}
        with (
            connect(mode, self.adapter, **elsewhere) as client,
            pytest.raises(telephony.UnavailableError) as caught,
        ):
            list(client.provider.list_numbers())
        assert caught.value.retry_safe

    def test_no_answer_is_a_timeout(
        self, mode: str, settings: dict[str, object], server: Sandbox
    ) -> None:
        server.fail(Fault(kind="slow_headers", seconds=1, times=None))
        impatient = {**settings, "timeout": 0.05, "retries": 0}
        with (
            connect(mode, self.adapter, **impatient) as client,
            pytest.raises(telephony.ProviderTimeoutError),
        ):
            list(client.provider.list_numbers())

    @pytest.mark.parametrize("kind", ["html", "malformed", "empty", "cut"])
    def test_an_answer_that_cannot_be_read_is_said_to_be_so(
        self, provider: PhoneNumberProvider, made: Setup, server: Sandbox, kind: str
    ) -> None:
        server.fail(Fault.model_validate({"kind": kind, "times": None}))
        with pytest.raises(telephony.InvalidResponseError):
            list(provider.list_numbers())
        with pytest.raises(telephony.InvalidResponseError):
            provider.get_number(made.number)

    def test_a_passing_failure_of_a_read_is_retried(
        self, provider: PhoneNumberProvider, made: Setup, server: Sandbox
    ) -> None:
        assert made.number
        server.fail(Fault(kind="status", status=503))
        server.fail(Fault(kind="reset"))
        assert len(list(provider.list_numbers())) == 1

    def test_too_many_requests_say_how_long_to_wait(
        self, provider: PhoneNumberProvider, server: Sandbox
    ) -> None:
        server.fail(Fault(kind="status", status=429, headers={"Retry-After": "3600"}, times=None))
        with pytest.raises(telephony.RateLimitedError) as caught:
            list(provider.list_numbers())
        assert caught.value.retry_after == 3600
        assert caught.value.attempts == 1

    # --- Outcomes --------------------------------------------------------------------------------

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Try what the adapter offers, and only that: there are thousands of combinations."""
        tried = {"offered": set(CALLS) - {Capability.LIST_NUMBERS}, "assigning": WITH_ASSIGNMENT}
        for argument, operations in tried.items():
            if argument in metafunc.fixturenames:
                declared = registry.load(self.adapter).capabilities
                metafunc.parametrize(
                    argument,
                    [
                        operation
                        for operation in sorted(operations)
                        if support_of(declared, operation).level is not telephony.Level.NONE
                    ],
                )

    @pytest.mark.parametrize("fault", FAULTS, ids=fault_name)
    def test_nothing_is_done_twice_and_the_outcome_is_true(
        self,
        mode: str,
        settings: dict[str, object],
        server: Sandbox,
        offered: Capability,
        fault: Fault,
        request: pytest.FixtureRequest,
    ) -> None:
        with (
            connect(mode, self.adapter, **settings) as reference,
            connect(mode, self.adapter, **{**settings, "timeout": 0.1}) as tried,
        ):
            run = Run(reference.provider, tried.provider, server, self.adapter)
            problems = run.problems(offered, fault)
            request.node.stash[STRUCK] = (run.requests(offered), len(problems))
            assert problems == []

    @pytest.mark.parametrize("fault", ASSIGNMENT_FAULTS, ids=fault_name)
    def test_what_happened_by_half_is_not_said_to_be_repeatable(
        self,
        mode: str,
        settings: dict[str, object],
        server: Sandbox,
        assigning: Capability,
        fault: Fault,
    ) -> None:
        with (
            connect(mode, self.adapter, **settings) as reference,
            connect(mode, self.adapter, **settings) as tried,
        ):
            run = Run(reference.provider, tried.provider, server, self.adapter)
            assert run.partly_done(assigning, fault) == []

    # --- Secrets ---------------------------------------------------------------------------------

    def test_no_secret_comes_out(
        self,
        mode: str,
        settings: dict[str, object],
        server: Sandbox,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        secrets = _secrets(self.adapter, settings)
        seen: list[str] = []
        with caplog.at_level(logging.DEBUG), connect(mode, self.adapter, **settings) as client:
            provider = client.provider
            made = set_up(provider, server, self.adapter)
            seen += [repr(provider), repr(provider.adapter), repr(provider.get_number(made.number))]
            seen.append(json.dumps(provider.get_number(made.number).raw))
            for echoed in (*map(str, secrets.values()), made.number):
                server.fail(Fault(kind="status", status=400, body=json.dumps({"message": echoed})))
                with pytest.raises(telephony.TelephonyError) as caught:
                    list(provider.list_numbers())
                if echoed != made.number:
                    seen += [str(caught.value), repr(vars(caught.value))]
        seen.append(caplog.text)
        for text in seen:
            for secret in secrets.values():
                assert str(secret) not in text


def _secrets(adapter: str, settings: Mapping[str, object]) -> dict[str, object]:
    """Return the settings that are secrets, and their values here."""
    from pydantic import SecretStr

    from telephony import registry

    fields = registry.load(adapter).Settings.model_fields
    return {
        name: value
        for name, value in settings.items()
        if "SecretStr" in str(fields[name].annotation or SecretStr)
    }
