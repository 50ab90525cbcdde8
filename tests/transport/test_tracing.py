"""OpenTelemetry: a span for each operation, child spans for its HTTP attempts, no numbers."""

from __future__ import annotations

import pytest

import telephony
from telephony.sandbox import Fault


def test_an_operation_is_a_span_and_its_attempts_are_its_children(
    exporter, telephony_connect, telephony_sandbox
):
    provider = telephony_connect("cartesia")
    number = provider.provision_number()
    exporter.clear()
    telephony_sandbox.fail(Fault(kind="status", status=503))

    provider.get_number(number.number)

    first, second, operation = exporter.get_finished_spans()
    assert operation.name == "telephony.get_number"
    assert {first.parent.span_id, second.parent.span_id} == {operation.context.span_id}
    assert first.attributes["http.response.status_code"] == 503
    assert first.attributes["error.type"] == "503"
    assert second.attributes["http.request.method"] == "GET"
    assert second.attributes["http.request.resend_count"] == 1
    assert second.attributes["url.full"].endswith("/agents/phone-numbers")
    assert second.attributes["server.address"] == "127.0.0.1"
    assert number.number[1:] not in f"{first.to_json()}{second.to_json()}{operation.to_json()}"


def test_a_failed_operation_is_a_failed_span(exporter, telephony_connect):
    exporter.clear()
    with pytest.raises(telephony.NotFoundError):
        telephony_connect("cartesia").get_number("pn_1")

    operation = exporter.get_finished_spans()[-1]
    assert operation.attributes["error.type"] == "NotFoundError"
    assert not operation.status.is_ok


def test_a_listing_is_one_span_over_all_its_pages(exporter, telephony_connect):
    exporter.clear()
    list(telephony_connect("cartesia").list_numbers())

    assert [s.name for s in exporter.get_finished_spans()] == ["GET", "telephony.list_numbers"]
