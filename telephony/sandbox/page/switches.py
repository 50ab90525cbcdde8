"""What is set by hand: where webhooks go, and the faults."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from telephony.sandbox.faults import Fault, Kind
from telephony.sandbox.page.html import Attributes, Html, joined, tag
from telephony.sandbox.page.parts import button, field, form, options, section

KINDS: dict[Kind, str] = {
    "status": "Respond with an error status",
    "lost": "Do it, then lose the response",
    "reset": "Drop the connection, do nothing",
    "refused": "Refuse all connections for a while",
    "slow_headers": "Do it, respond late",
    "slow_body": "Send half of the response late",
    "cut": "Cut the response off in the middle",
    "empty": "Respond with an empty body",
    "malformed": "Respond with broken JSON",
    "html": "Respond with an HTML page",
    "wrong_type": "Call the response plain text",
    "shuffled": "Reverse the lists in the response",
    "repeated": "Repeat the last response of the path",
    "skewed": "Show a clock an hour ahead",
    "echo": "Refuse, and echo what was sent",
}
"""Every kind of fault, in words."""
_TIMES = (
    ("1", "The next request"),
    ("2", "The next 2 requests"),
    ("3", "The next 3 requests"),
    ("10", "The next 10 requests"),
    ("null", "Every request, until healed"),
)
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def webhook(url: str | None) -> Html:
    """Return the section that says where webhooks go."""
    return section(
        "webhook",
        "Webhooks",
        form(
            "PUT",
            "/_sandbox/webhook",
            {"class": "inline", "data-done": "Saved: webhooks go there from now on."},
            field(
                "Where your application takes them",
                "webhook-url",
                "input",
                {
                    "name": "url",
                    "value": url or "",
                    "data-empty": True,
                    "inputmode": "url",
                    "autocomplete": "off",
                    "spellcheck": "false",
                    "placeholder": "http://localhost:8000/webhooks/{provider}",
                },
                hint="Where a vendor's own settings name no other. On this machine; {provider} is "
                "the vendor's name. Empty: nowhere.",
            ),
            button("Save"),
        ),
    )


def faults(active: Sequence[Fault], vendors: Sequence[str]) -> Html:
    """Return the section of the faults that wait, and of those that one can switch on."""
    return section(
        "faults",
        "Faults",
        tag("ul", {"class": "active"}, joined(map(_fault, active)))
        if active
        else tag("p", {"class": "lead"}, "None is on: every request is served."),
        form(
            "DELETE",
            "/_sandbox/faults",
            {"data-done": "Healed: no fault is on."},
            button("Heal", {"class": "primary"}),
        )
        if active
        else None,
        tag("details", {}, tag("summary", {}, "Switch one on"), _new(vendors)),
    )


def _new(vendors: Sequence[str]) -> Html:
    number: Attributes = {"type": "number", "data-json": True, "min": "0"}
    kinds = [(kind, KINDS[kind]) for kind in sorted(get_args(Kind), key=list(KINDS).index)]
    at = [("", "Every vendor"), *((each, each) for each in vendors)]
    methods = [("", "Any"), *((each, each) for each in _METHODS)]
    path: Attributes = {"name": "path", "autocomplete": "off", "spellcheck": "false"}
    return form(
        "POST",
        "/_sandbox/faults",
        {"class": "stack", "data-done": "The fault is on."},
        field("What happens", "fault-kind", "select", {"name": "kind"}, options(kinds)),
        field("At", "fault-vendor", "select", {"name": "vendor"}, options(at)),
        field(
            "How often",
            "fault-times",
            "select",
            {"name": "times", "data-json": True},
            options(_TIMES),
        ),
        tag(
            "details",
            {},
            tag("summary", {}, "More"),
            tag(
                "div",
                {"class": "stack"},
                field(
                    "Status",
                    "fault-status",
                    "input",
                    {**number, "name": "status", "min": "300", "max": "599"},
                    hint="Of an error status. Empty: 503.",
                ),
                field(
                    "Seconds",
                    "fault-seconds",
                    "input",
                    {**number, "name": "seconds", "step": "any"},
                    hint="How late, or how long connections are refused. Empty: 1.",
                ),
                field(
                    "Path",
                    "fault-path",
                    "input",
                    path,
                    hint="A regular expression found in it, such as Messages. Empty: any.",
                ),
                field("Method", "fault-method", "select", {"name": "method"}, options(methods)),
                field(
                    "Let pass first",
                    "fault-skip",
                    "input",
                    {**number, "name": "skip"},
                    hint="How many such requests succeed before it strikes. Empty: 0.",
                ),
            ),
        ),
        button("Switch on"),
    )


def _fault(fault: Fault) -> Html:
    left = "every request" if fault.times is None else f"{fault.times} left"
    where = [fault.vendor or "every vendor", fault.method, fault.path or None]
    return tag(
        "li",
        {},
        tag("strong", {}, KINDS[fault.kind]),
        f" ({fault.status})" if fault.kind in {"status", "echo"} else None,
        tag(
            "span",
            {"class": "meta"},
            " · ".join(filter(None, [*where, left])),
            f" · after {fault.skip} more" if fault.skip else "",
        ),
    )
